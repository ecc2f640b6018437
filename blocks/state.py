"""What `hallmark status` answers from while a batch holds the warehouse: the last picture, in the state database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Table, Text, delete, insert, inspect, select

from blocks.settings import Settings
from governance.outbox_tables import READ_ONLY, make_engine, metadata
from governance.state_database import describe_version, migrate_state

snapshots = Table("snapshots", metadata, Column("name", Text, primary_key=True), Column("body", Text, nullable=False))


def save_snapshot(settings: Settings, name: str, body: Mapping[str, Any]) -> None:
    """Keep a JSON document under a name, in the place of the one before."""
    with _engine(settings) as engine:
        migrate_state(engine)
        with engine.begin() as connection:
            connection.execute(delete(snapshots).where(snapshots.c.name == name))
            connection.execute(insert(snapshots).values(name=name, body=json.dumps(body, default=str)))


def load_snapshot(settings: Settings, name: str) -> dict[str, Any]:
    """The document of that name; empty where there is none. Creates nothing."""
    if not _is_there(settings):
        return {}
    with _engine(settings) as engine, engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        there = inspect(connection).has_table("snapshots")
        found = connection.scalar(select(snapshots.c.body).where(snapshots.c.name == name)) if there else None
    return dict(json.loads(found)) if found else {}


def version_of_state(settings: Settings) -> str:
    """The version of the state database, in words. Creates and changes nothing.

    Raises ConfigurationError for one that is newer than this program, UnreachableError for one that does not answer.
    """
    if not _is_there(settings):
        return "not made yet: the first run makes it"
    with _engine(settings) as engine:
        return describe_version(engine)


def _is_there(settings: Settings) -> bool:
    return settings.state_url is not None or (Path(settings.home) / "state.db").is_file()


@contextmanager
def _engine(settings: Settings) -> Iterator[Engine]:
    engine = make_engine(settings.state_database)
    try:
        yield engine
    finally:
        engine.dispose()
