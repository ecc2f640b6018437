"""A real Snowflake account and a real OpenMetadata for the contract tests: these fixtures alone are others here."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from blocks.settings import Settings

SUITES = ("test_warehouses", "test_warehouse_layers", "test_profiles", "test_failed_rows", "test_batch_snowflake")
pytest.register_assert_rewrite("tests.catalog_contract", *(f"tests.integration.{name}" for name in SUITES))
PREFIX = "HALLMARK_LIVE_"
# Read while the tests are collected: none of them sees a HALLMARK_ variable of the machine.
GIVEN = {
    name.removeprefix(PREFIX).lower(): value
    for name, value in os.environ.items()
    if name.startswith(f"{PREFIX}SNOWFLAKE_")
}

CATALOG = tuple(os.environ.get(f"{PREFIX}OPENMETADATA_{name}", "") for name in ("URL", "TOKEN"))


@pytest.fixture(scope="session", autouse=True)
def _read_already() -> None:
    """They are settings of these tests, none of the product."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Of a home and a database of its own, which goes with the test."""
    with database() as name:
        yield Settings(home=tmp_path, profile="snowflake", **{**GIVEN, "snowflake_database": name})


@pytest.fixture(scope="module")
def account() -> Iterator[dict[str, str]]:
    """The variables of a batch, on a database of its own."""
    with database() as name:
        given = {**GIVEN, "snowflake_database": name, "profile": "snowflake"}
        yield {f"HALLMARK_{setting.upper()}": value for setting, value in given.items()}


@pytest.fixture(scope="module")
def openmetadata() -> tuple[str, str]:
    """URL and token of the server that is given."""
    url, token = CATALOG
    if not (url and token):
        names = " and ".join(f"{PREFIX}OPENMETADATA_{name}" for name in ("URL", "TOKEN"))
        pytest.skip(f"no OpenMetadata is given by {names}: see {Path(__file__).parent.name}/README.md")
    return url, token


@contextmanager
def database() -> Iterator[str]:
    """A new database, dropped afterwards."""
    from blocks.warehouses.snowflake_session import connect

    if "snowflake_account" not in GIVEN:
        pytest.skip(f"no account is given: see {Path(__file__).parent.name}/README.md")
    name = f"HALLMARK_LIVE_{uuid4().hex}".upper()
    with connect(Settings(**{**GIVEN, "snowflake_database": name})) as session, session.cursor() as cursor:
        cursor.execute(f"CREATE TRANSIENT DATABASE IF NOT EXISTS {name}")
        try:
            yield name
        finally:
            cursor.execute(f"DROP DATABASE {name}")
