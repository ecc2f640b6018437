"""A real Snowflake account for the contract tests of tests/integration: `settings` alone is another one here."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from blocks.settings import Settings

pytest.register_assert_rewrite("tests.integration.test_warehouses", "tests.integration.test_warehouse_layers")
PREFIX = "HALLMARK_LIVE_"
# Read while the tests are collected: none of them sees a HALLMARK_ variable of the machine.
GIVEN = {
    name.removeprefix(PREFIX).lower(): value
    for name, value in os.environ.items()
    if name.startswith(f"{PREFIX}SNOWFLAKE_")
}


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Of a home and a database of its own, which goes with the test."""
    from blocks.warehouses.snowflake_session import connect

    if "snowflake_account" not in GIVEN:
        pytest.skip(f"no account is given: see {Path(__file__).parent.name}/README.md")
    name = f"HALLMARK_LIVE_{uuid4().hex}".upper()
    found = Settings(home=tmp_path, profile="snowflake", **{**GIVEN, "snowflake_database": name})
    with connect(found) as session, session.cursor() as cursor:
        cursor.execute(f"CREATE TRANSIENT DATABASE IF NOT EXISTS {name}")
        try:
            yield found
        finally:
            cursor.execute(f"DROP DATABASE {name}")
