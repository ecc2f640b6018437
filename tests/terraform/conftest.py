"""What the tests of Terraform share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from tests import s3_support
from tests.terraform.access_support import Access, outputs
from tests.terraform.apps_support import ROOT, Applied, applied

# As in an archive: the packages `rotation` and `file_event` at the top.
sys.path.insert(0, str(ROOT / "terraform" / "lambda"))


@pytest.fixture(scope="session")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    """The modules identity, secrets and events, applied to a moto of their own."""
    with s3_support.moto() as url, applied(tmp_path_factory.mktemp("apps"), url) as found:
        yield found


@pytest.fixture(scope="session")
def access(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Access]:
    """What would be granted in Snowflake, by some variables."""
    return outputs(tmp_path_factory.mktemp("access"))
