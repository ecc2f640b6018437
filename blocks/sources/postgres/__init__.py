"""Tables of a PostgreSQL: binary COPY to Arrow (ADBC), landed as Parquet, read after a cursor.

Here is the reader. `connection.py` has what may take how long and what errors say, `columns.py` the types, `slices.py`
how a table is cut, `parts.py` how it lands, `extract.py` how it is read. Ranges of a cursor: `postgres_range.py`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime

from blocks.landing import Landing
from blocks.sources.base import Known, Manifest, Planned, Since
from blocks.sources.extracts import Extract
from blocks.sources.naming import literal, quote
from blocks.sources.postgres.columns import TIMES, Column, columns_of, quote_table, select_of
from blocks.sources.postgres.connection import Connection, Limits
from blocks.sources.postgres.extract import extract
from blocks.sources.postgres.parts import PROGRESS, Copier, Progress, resumed
from blocks.sources.postgres.slices import look, slices
from blocks.sources.spec import SourceSpec, StreamSpec
from governance.errors import SourceError, UnreachableError

LOG = logging.getLogger("hallmark")
PART_BYTES = Limits().part_bytes[1]
"""What a landed part has at most. Snowflake loads files of 100-250 MB best."""

# The database's own clock, as the type of the cursor has it; of a time without zone by the zone of the database.
_ZONE = "(SELECT reset_val FROM pg_settings WHERE name = 'TimeZone')"
_CLOCK = {"timestamp": f"(now() AT TIME ZONE {_ZONE})::text", "date": f"(now() AT TIME ZONE {_ZONE})::date::text"}
_taken: dict[str, threading.BoundedSemaphore] = {}
"""URL → connections that are left to it."""


class PostgresReader:
    """One PostgreSQL source."""

    def __init__(self, spec: SourceSpec, limits: Limits | None = None) -> None:
        self.spec, self.limits = spec, limits or Limits()

    def resolve(self, stream: StreamSpec) -> StreamSpec:
        """The stream as it is declared."""
        return stream

    def plan(self, stream: StreamSpec, since: Since, now: datetime, landing: Landing) -> list[Planned]:
        """One load: everything after the committed cursor, less the lateness, up to the database's own clock."""
        if since.unfinished:
            return list(since.unfinished)
        with self._connection(stream) as connection:
            columns = columns_of(connection, stream)
            kind = next((c.source_type for c in columns if c.source == stream.cursor), "")
            upper = connection.one(f"SELECT {_CLOCK.get(kind, 'now()::text')}")
        identity = f"{self.spec.name}.{stream.name}:range:{since.cursor or ''}..{upper}"
        return [Planned(identity, lower=since.cursor, upper=upper)]

    def warning(self, stream: StreamSpec) -> str | None:
        """Nothing to say of a table."""
        return None

    def land(self, stream: StreamSpec, planned: Planned, landing: Landing) -> Manifest:
        """Read the range into Parquet parts; after a connection that broke again, from the finished parts."""
        if done := landing.manifest(self.spec.name, stream.name, planned.load_id):
            return done
        for attempt in range(1, self.limits.attempts):
            try:
                return self._land(stream, planned, landing)
            except UnreachableError as error:
                LOG.warning("%s: %s; attempt %d of %d", error.what, error.cause, attempt + 1, self.limits.attempts)
                time.sleep(self.limits.pause_seconds * attempt)
        return self._land(stream, planned, landing)

    def extract(self, stream: StreamSpec, manifests: Sequence[Manifest], landing: Landing, known: Known) -> Extract:
        """The landed Parquet with each column in its bronze type."""
        return extract(stream, manifests, landing)

    def _land(self, stream: StreamSpec, planned: Planned, landing: Landing) -> Manifest:
        """Read in one snapshot, by several connections; but what an earlier attempt finished."""
        folder, name = landing.folder(self.spec.name, stream.name, planned.load_id), stream.table or ""
        with ExitStack() as opened:
            first = opened.enter_context(self._connection(stream))
            snapshot = first.one("SELECT pg_current_snapshot()::text")
            columns = columns_of(first, stream)
            table, where = look(first, stream), self._where(stream, columns, planned)
            row_bytes = self.limits.row_bytes if table.long_values else None

            def statement(part: str) -> str:
                both = " AND ".join(f"({condition})" for condition in (where, part) if condition)
                return select_of(columns, quote_table(name), both, stream.primary_key, row_bytes)

            progress = resumed(folder, statement(""))
            keep = progress is not None
            if progress is None:
                found, keep = slices(first, stream, columns, table, where)
                progress = Progress(statement(""), found)
            copier = Copier(landing, folder, name, self.limits, keep)
            workers = [first, *self._more(opened, stream, first, len(progress.slices) - len(progress.done) - 1)]
            copier.copy(progress, statement, workers)
            parts = progress.parts
            if stream.deletes == "keys":  # after the rows: of those that came meanwhile no key may be missing
                keys = [c for c in columns if c.source in stream.primary_key]
                parts += copier.keys(first, select_of(keys, quote_table(name), "", stream.primary_key, None))
            empty = stream.deletes != "none" and not first.rows(f"SELECT 1 FROM {quote_table(name)} LIMIT 1")
        manifest = Manifest(
            planned.load_id, planned.identity, self.spec.name, stream.name, planned.lower, planned.upper, snapshot,
            tuple(c.spec for c in columns), tuple(parts), by_cursor=stream.cursor is not None, rereads=True,
            empty=empty,
        )  # fmt: skip
        (folder / PROGRESS).unlink(missing_ok=True)
        landing.write_manifest(manifest)
        return manifest

    def _more(self, opened: ExitStack, stream: StreamSpec, first: Connection, wanted: int) -> list[Connection]:
        """Further connections that see what the first one sees; as many as are wanted, and left."""
        if wanted < 1 or not (left := self._left()).acquire(blocking=False):
            return []
        left.release()
        snapshot = first.one("SELECT pg_export_snapshot()")
        found: list[Connection] = []
        while len(found) < wanted and left.acquire(blocking=False):
            opened.callback(left.release)
            found.append(connection := self._open(stream, snapshot))
            opened.callback(connection.close)
        return found

    @contextmanager
    def _connection(self, stream: StreamSpec) -> Iterator[Connection]:
        """A connection that waits for its turn."""
        with self._left():
            connection = self._open(stream)
            try:
                yield connection
            finally:
                connection.close()

    def _open(self, stream: StreamSpec, snapshot: str | None = None) -> Connection:
        where = f"stream {self.spec.name}.{stream.name}"
        if self.spec.url is None:
            raise SourceError(where, "it has no url", "give url in sources.yml")
        return Connection(self.spec.url.get_secret_value(), where, self.limits, snapshot)

    def _left(self) -> threading.BoundedSemaphore:
        url = self.spec.url.get_secret_value() if self.spec.url else ""
        return _taken.setdefault(url, threading.BoundedSemaphore(self.limits.connections))

    def _where(self, stream: StreamSpec, columns: Sequence[Column], planned: Planned) -> str:
        """The rows of a load: from its lower bound on, less the lateness, and those without a cursor."""
        if not stream.cursor or planned.lower is None:
            return ""
        column = next(c for c in columns if c.source == stream.cursor)
        lower = f"{literal(planned.lower)}::{column.source_type}"
        if stream.lateness and column.source_type in TIMES:
            lower += f" - interval '{stream.lateness.total_seconds()} seconds'"
        name = quote(column.source)
        return f"{name} >= {lower} OR {name} IS NULL"
