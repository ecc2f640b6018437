"""Values of a person that a declared one took the place of, kept so that `hallmark reconcile` can show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select

from governance.openmetadata.policy import Overridden
from governance.outbox_tables import make_engine, overrides
from governance.state_database import migrate_state

KEPT = timedelta(days=90)


class Overrides:
    """Those of one state database. Calling it with one keeps it."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)

    def __call__(self, found: Overridden) -> None:
        """Keep it, and forget those of long ago."""
        migrate_state(self._engine)
        now = datetime.now(UTC)
        with self._engine.begin() as connection:
            connection.execute(insert(overrides).values(**found.model_dump(), at=now.timestamp()))
            connection.execute(delete(overrides).where(overrides.c.at < (now - KEPT).timestamp()))

    def rows(self) -> list[dict[str, str]]:
        """{entity, field, was, now, editor, at}, newest first."""
        migrate_state(self._engine)
        with self._engine.connect() as connection:
            found = connection.execute(select(overrides).order_by(overrides.c.at.desc())).mappings().all()
        return [{**row, "at": datetime.fromtimestamp(row["at"], UTC).isoformat()} for row in found]

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()
