"""The state database from the first release on: nothing lost, never half done, never back; by one process at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import blocks.state
from governance import state_database
from governance.errors import ConfigurationError
from governance.migrate import head
from governance.outbox import Outbox
from governance.outbox_tables import metadata
from governance.state_database import migrate_state
from tests.integration.migration_support import (
    STATE_ROWS,
    at_once,
    first_state,
    kill_before,
    state_contents,
    state_engine,
)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty state database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return str(request.getfixturevalue("database")("migrations", ""))


def differences(url: str) -> list[Any]:
    """What the database has that the declared tables have not, and the other way round."""
    assert blocks.state.snapshots.metadata is metadata
    with state_engine(url) as engine, engine.connect() as connection:
        options = {"version_table": state_database.VERSION_TABLE, "compare_type": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def migrate(url: str) -> None:
    with state_engine(url) as engine:
        migrate_state(engine)


@pytest.mark.parametrize("made_by", ["the steps alone", "the first release"])
def test_the_steps_make_the_declared_tables(url: str, made_by: str) -> None:
    if made_by == "the first release":
        first_state(url)
    migrate(url)
    assert differences(url) == []


@pytest.mark.parametrize("change", ["ALTER TABLE snapshots ADD COLUMN more TEXT", "DROP TABLE snapshots"])
def test_a_difference_is_told(url: str, change: str) -> None:
    migrate(url)
    with state_engine(url) as engine, engine.begin() as connection:
        connection.execute(text(change))
    [(what, *_)] = differences(url)
    assert what in ("remove_column", "add_table")


def test_a_state_database_of_the_first_release_keeps_its_rows(url: str) -> None:
    first_state(url)
    before = state_contents(url)
    assert sum(map(len, before.values())) == len(STATE_ROWS)
    with Outbox(url) as outbox:
        assert outbox.counts() == {"file": {"pending": 1}}
    after = state_contents(url)
    assert after.pop(state_database.VERSION_TABLE) == [repr((head(state_database.STEPS),))]
    before.pop("hallmark_versions")
    assert {name: rows for name, rows in after.items() if name in before} == before
    assert not any(rows for name, rows in after.items() if name not in before)


def test_a_newer_state_database_is_left_alone(url: str) -> None:
    migrate(url)
    with state_engine(url) as engine, engine.begin() as connection:
        connection.execute(text(f"UPDATE {state_database.VERSION_TABLE} SET version_num = '0999'"))
    before = state_contents(url)
    with pytest.raises(ConfigurationError, match="version 0999"):
        migrate(url)
    assert state_contents(url) == before


@pytest.mark.parametrize("statement", ["CREATE TABLE", "INSERT INTO hallmark_alembic", "UPDATE hallmark_alembic"])
def test_a_kill_leaves_the_state_database_as_it_was(url: str, statement: str) -> None:
    first_state(url)
    before = state_contents(url)
    kill_before("state", url, statement)
    assert state_contents(url) == before
    migrate(url)
    assert differences(url) == []


def test_processes_that_migrate_at_once_wait_for_each_other(url: str) -> None:
    first_state(url)
    assert at_once("state", url, 3) == [(0, "")] * 3
    assert differences(url) == []
