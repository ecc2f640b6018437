"""The contract of a catalog, kept by the stand-in."""

from collections.abc import Iterator

import pytest

from tests.catalog_contract import *  # noqa: F403 - its tests
from tests.openmetadata.server import Server


@pytest.fixture(scope="module")
def openmetadata() -> Iterator[tuple[str, str]]:
    with Server() as server:
        yield server.url, server.token
