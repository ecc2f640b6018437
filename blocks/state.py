"""Where the state database is, and what `hallmark status` answers from while a batch holds the warehouse."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Table, Text, delete, insert, inspect, select

from blocks.settings import Settings
from governance.errors import HallmarkError
from governance.outbox_tables import READ_ONLY, make_engine, metadata
from governance.state_database import describe_version, migrate_state

LOG = logging.getLogger("hallmark")
KEPT_SECONDS = 300
"""So long is a block's answer used; a login that was rotated stays valid until the next rotation."""
AGAIN_SECONDS = 20
"""After which a block that could not be read is asked again."""
_kept: dict[tuple[str, str | None], tuple[float, str]] = {}

snapshots = Table("snapshots", metadata, Column("name", Text, primary_key=True), Column("body", Text, nullable=False))


def state_database(settings: Settings) -> str:
    """SQLAlchemy URL of the state database: SQLite in the home, or that of HALLMARK_STATE_URL.

    In the place of that one the block `hallmark-state-url` has the current login, where PREFECT_API_URL is set. A
    server or a secret that cannot be read stops nobody: the login before is used, and the block is asked again soon.
    """
    if settings.state_url is None:
        return f"sqlite:///{Path(settings.home) / 'state.db'}"
    given = settings.state_url.get_secret_value()
    if not os.environ.get("PREFECT_API_URL"):
        return given
    until, found = _kept.get(key := (given, settings.workload), (float("-inf"), given))
    if time.monotonic() >= until:
        until = time.monotonic() + KEPT_SECONDS
        from blocks.register import secret

        try:
            found = (secret("state_url", settings) or settings.state_url).get_secret_value()
        except HallmarkError as error:
            LOG.warning("%s: %s; the login before goes on being used", error.what, error.cause)
            until = time.monotonic() + AGAIN_SECONDS
        _kept[key] = until, found
    return found


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
    engine = make_engine(state_database(settings))
    try:
        yield engine
    finally:
        engine.dispose()
