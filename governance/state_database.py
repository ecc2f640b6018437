"""The state database (outbox, the picture for `status`), made and brought to the newest version by its steps.

The steps are in `migrations/versions`, the tables as they are afterwards in `outbox_tables.py` and `blocks/state.py`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError

from governance.errors import HallmarkError, UnreachableError
from governance.migrate import head, is_pending, upgrade
from governance.outbox_tables import READ_ONLY, lock_schema

NAME = "the state database"
STEPS = Path(__file__).parent / "migrations" / "versions"
_FULL = ("disk is full", "disk I/O error", os.strerror(errno.ENOSPC))
"""What SQLite says of a full disk (the second where it is met in the shared memory beside the file), and others."""
_BROKEN = ("file is not a database", "database disk image is malformed")
"""What SQLite says of a file that it cannot read."""
VERSION_TABLE = "hallmark_alembic_version"  # another program that uses Alembic may share the database


def read_version(connection: Connection) -> str | None:
    """The version of a state database; None for a fresh one and for one of the first release."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.scalar(text(f"SELECT max(version_num) FROM {VERSION_TABLE}"))
    return None if found is None else str(found)


def migrate_state(engine: Engine) -> None:
    """Make the state database's tables, or bring those that are there to the newest version.

    Of several processes one does it and the others wait. Raises ConfigurationError for a database newer than this
    program, UnreachableError for one that does not answer.
    """
    path = engine.url.database
    with answering():
        if engine.dialect.name == "sqlite" and path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        if not is_pending(NAME, _version(engine), STEPS):
            return
        with engine.begin() as connection:
            lock_schema(connection)
            # Who waited for the lock finds the work of who had it.
            if is_pending(NAME, read_version(connection), STEPS):
                upgrade(connection, STEPS, version_table=VERSION_TABLE, transactional_ddl=True)


def describe_version(engine: Engine) -> str:
    """The version of a state database that is there, in words. Changes nothing; raises as `migrate_state` does."""
    with answering():
        found = _version(engine)
    later = f", the next run makes it {head(STEPS)}" if is_pending(NAME, found, STEPS) else ""
    return f"version {found or 'of the first release'}{later}"


def _version(engine: Engine) -> str | None:
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        return read_version(connection)


def read_rows(engine: Engine, table: str, query: Any) -> list[dict[str, Any]]:
    """What a query gives; nothing where the database or its table is not there. Works while others write.

    Creates nothing. Raises as `answering` does.
    """
    path = engine.url.database
    if engine.dialect.name == "sqlite" and path and not Path(path).is_file():
        return []
    with answering(), engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        if not inspect(connection).has_table(table):
            return []
        return [dict(row) for row in connection.execute(query).mappings()]


@contextmanager
def answering() -> Iterator[None]:
    """A state database that cannot be used within is told as one error, and whether for want of room.

    Raises HallmarkError for a full disk, UnreachableError for any other reason that lies outside the statement.
    """
    try:
        yield
    except (DatabaseError, OSError) as error:
        cause = str(getattr(error, "orig", error))[:300]
        if any(sign in cause for sign in _FULL):
            remedy = "free space; what was being written is not there, and can be written again"
            raise HallmarkError(NAME, f"its disk is full ({cause})", remedy) from None
        if any(sign in cause for sign in _BROKEN):
            remedy = "put it aside, with its -wal and -shm; the next run makes a new one, without what waited in it"
            raise HallmarkError(f"{NAME} (state.db of the home)", cause, remedy) from None
        if not isinstance(error, OperationalError | OSError):
            raise
        raise UnreachableError(NAME, cause, "check HALLMARK_STATE_URL") from None
