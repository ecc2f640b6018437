"""Fixtures that several files of integration tests share."""

from pathlib import Path

import pytest

from tests.integration.dbt_support import Warehouse
from tests.integration.sources_support import built


@pytest.fixture(scope="session")
def three_slots(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The warehouse of `sources_support`. Only to be read, or copied."""
    return built(tmp_path_factory.mktemp("sources") / "home")


@pytest.fixture(scope="session")
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environments of the real connectors, installed once."""
    return tmp_path_factory.mktemp("connectors")
