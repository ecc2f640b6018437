"""The state database (outbox, the picture for `status`), made and brought to the newest version by its steps.

The steps are in `migrations/versions`, the tables as they are afterwards in `outbox_tables.py` and `blocks/state.py`.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError

from governance.errors import UnreachableError
from governance.migrate import head, is_pending, upgrade
from governance.outbox_tables import READ_ONLY, lock_schema

NAME = "the state database"
STEPS = Path(__file__).parent / "migrations" / "versions"
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
    if engine.dialect.name == "sqlite" and path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    try:
        if not is_pending(NAME, _version(engine), STEPS):
            return
        with engine.begin() as connection:
            lock_schema(connection)
            # Who waited for the lock finds the work of who had it.
            if is_pending(NAME, read_version(connection), STEPS):
                upgrade(connection, STEPS, version_table=VERSION_TABLE, transactional_ddl=True)
    except OperationalError as error:
        raise _unreachable(error) from None


def describe_version(engine: Engine) -> str:
    """The version of a state database that is there, in words. Changes nothing; raises as `migrate_state` does."""
    try:
        found = _version(engine)
    except OperationalError as error:
        raise _unreachable(error) from None
    later = f", the next run makes it {head(STEPS)}" if is_pending(NAME, found, STEPS) else ""
    return f"version {found or 'of the first release'}{later}"


def _version(engine: Engine) -> str | None:
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        return read_version(connection)


def _unreachable(error: OperationalError) -> UnreachableError:
    return UnreachableError(NAME, str(error.orig)[:300], "check HALLMARK_STATE_URL")
