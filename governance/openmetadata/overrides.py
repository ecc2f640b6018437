"""Values of a person that a declared one took the place of, kept so that `hallmark reconcile` can show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from governance.errors import HallmarkError
from governance.openmetadata.policy import Overridden
from governance.outbox_tables import make_engine, overrides
from governance.state_database import migrate_state
from governance.transports.base import TransientError

KEPT = timedelta(days=90)
AGAIN = timedelta(hours=1)
"""What is told again within it is the same: the request that was to follow failed, and was sent again."""


class Overrides:
    """Those of one state database. Calling it with one keeps it; no connection is kept open."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)

    def __call__(self, found: Overridden) -> None:
        """Keep it, unless it is what was told last of the field, and forget those of long ago.

        Raises TransientError for a database that cannot be written: then nothing may be overridden either.
        """
        now, row = datetime.now(UTC), found.model_dump()
        same = and_(overrides.c.entity == found.entity, overrides.c.field == found.field)
        last = select(overrides).where(same).order_by(overrides.c.at.desc()).limit(1)
        try:
            migrate_state(self._engine)
            with self._engine.begin() as connection:
                told = connection.execute(last).mappings().first()
                if told is None or {k: told[k] for k in row} != row or told["at"] < (now - AGAIN).timestamp():
                    connection.execute(insert(overrides).values(**row, at=now.timestamp()))
                connection.execute(delete(overrides).where(overrides.c.at < (now - KEPT).timestamp()))
        except (SQLAlchemyError, HallmarkError) as error:
            message = f"what a person wrote could not be kept in the state database: {type(error).__name__}"
            raise TransientError("storage", message) from None
        finally:
            self._engine.dispose()

    def rows(self) -> list[dict[str, str]]:
        """{entity, field, was, now, editor, at}, newest first."""
        try:
            migrate_state(self._engine)
            with self._engine.connect() as connection:
                found = connection.execute(select(overrides).order_by(overrides.c.at.desc())).mappings().all()
        finally:
            self._engine.dispose()
        return [{**row, "at": datetime.fromtimestamp(row["at"], UTC).isoformat()} for row in found]
