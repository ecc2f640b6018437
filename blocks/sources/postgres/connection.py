"""A connection to a PostgreSQL: one read-only transaction, limits on all that may take long, errors with a remedy.

Nothing here knows what is read.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blocks.sources.naming import literal
from governance.errors import SourceError, UnreachableError

if TYPE_CHECKING:
    import pyarrow as pa

# What a value looks like as text must not depend on the settings of a role: its row would be another one.
_SESSION = {
    "TimeZone": "UTC", "DateStyle": "ISO, YMD", "IntervalStyle": "postgres", "extra_float_digits": "1",
    "bytea_output": "hex",
}  # fmt: skip
# A peer that is gone is noticed within two minutes; what the URL says itself stays.
_NETWORK = {
    "connect_timeout": "10", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "6",
    "tcp_user_timeout": "90000", "application_name": "hallmark",
}  # fmt: skip
_PASSING = re.compile(
    r"could not (connect|translate|receive|send)|[Cc]onnection (refused|reset|to server .*failed)|[Nn]o route to host|"
    r"server closed|SSL (SYSCALL|connection)|timeout expired|PQgetCopyData|Error ending copy|"
    r"conflict with recovery|starting up|shutting down|recovery mode|terminating connection|lock timeout|"
    r"too many (clients|connections)|connection slots"
)
_PASSING_STATES = ("08", "40001", "53300", "55P03", "57P0")
CHANGED_STATES = ("42703", "42P01")
"""A column or table that is not there."""
_connecting = threading.Lock()


@dataclass(frozen=True)
class Limits:
    """What reading one source may take of it, and of this machine."""

    connections: int = 4
    """To one source at once. An application's database has some hundred in all; two cores read no faster by more."""
    statement_seconds: float = 3600
    lock_seconds: float = 60
    """A lock that somebody holds on the table: whoever waits behind us waits as long."""
    silent_seconds: float = 600
    """A connection that gives nothing for so long is broken off: TCP does not notice a proxy that stalls."""
    attempts: int = 3
    """Of reading, in one run."""
    pause_seconds: float = 2
    """Before the second attempt; before the third it is twice that."""
    slice_bytes: int = 64 << 20
    """Of a table in one statement; small beside a part, so that parts end where slices do."""
    part_bytes: tuple[int, int] = (128 << 20, 240 << 20)
    """A part ends with the first slice that brings it to the one, or where it comes to the other."""
    row_bytes: int = 64 << 20
    """A larger row goes to quarantine: libpq, Arrow and Parquet each hold it several times over."""


class Connection:
    """One connection in a transaction: REPEATABLE READ, read-only. Raises SourceError or UnreachableError."""

    def __init__(self, url: str, where: str, limits: Limits, snapshot: str | None = None) -> None:
        import adbc_driver_postgresql.dbapi as adbc
        from psycopg import conninfo, errors

        self.url, self.where, self.limits = url, where, limits
        try:
            given = conninfo.conninfo_to_dict(url)
        except errors.ProgrammingError:
            cause, remedy = "the url of the source is not valid", "correct it; percent-encode its password"
            raise SourceError(where, cause, remedy) from None
        self._port = int(str(given.get("port") or os.environ.get("PGPORT") or 5432).split(",")[0])
        self._busy_since: float | None = None
        self._silent = False
        self._closed = threading.Event()
        self._before: frozenset[int] = frozenset()
        self._sockets: frozenset[int] | None = None
        threading.Thread(target=self._watch, daemon=True).start()
        with self._talking(), _connecting:
            self._before = _sockets(self._port)
            self._connection = adbc.connect(conninfo.make_conninfo("", **{**_NETWORK, **given}))
            self._sockets = _sockets(self._port) - self._before
        try:
            self._begin(snapshot)
        except BaseException:
            self.close()
            raise

    def _begin(self, snapshot: str | None) -> None:
        self._do("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if snapshot:
            self._do(f"SET TRANSACTION SNAPSHOT {literal(snapshot)}")
        limits = {
            "statement_timeout": f"{self.limits.statement_seconds * 1000:.0f}",
            "lock_timeout": f"{self.limits.lock_seconds * 1000:.0f}",
        }
        settings = (f"set_config({literal(k)}, {literal(v)}, true)" for k, v in {**_SESSION, **limits}.items())
        self.rows(f"SELECT {', '.join(settings)}", copied=False)

    def rows(self, sql: str, *, copied: bool = True) -> list[tuple[Any, ...]]:
        """All rows of a small result; `copied=False` for what COPY does not take."""
        with self._talking(), self._connection.cursor() as cursor:
            if not copied:
                cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
            cursor.execute(sql)
            return list(cursor.fetchall())

    def one(self, sql: str) -> str:
        """The one value of a result, as text."""
        return str(self.rows(sql)[0][0])

    @contextmanager
    def batches(self, sql: str) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
        """A result of any size, by COPY, in batches of some 16 MB."""
        with self._talking():
            cursor = self._connection.cursor()
        try:
            with self._talking():
                cursor.execute(sql)
                reader = cursor.fetch_record_batch()
            yield reader.schema, self._each(reader)
        finally:
            with suppress(Exception):  # of a connection that broke; the reason was told
                cursor.close()

    def close(self) -> None:
        """Give the connection back; whatever state it is in."""
        self._closed.set()
        with suppress(Exception):
            self._connection.close()

    def _each(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        while True:
            with self._talking():
                batch = next(reader, None)
            if batch is None:
                return
            yield batch

    def _do(self, sql: str) -> None:
        with self._talking(), self._connection.cursor() as cursor:
            cursor.execute(sql)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """The database has the word; what goes wrong is told in our words."""
        import adbc_driver_postgresql.dbapi as adbc
        import pyarrow as pa

        self._busy_since = time.monotonic()
        try:
            yield
        except (adbc.Error, OSError, pa.ArrowException) as error:  # within a result it is Arrow that raises
            raise self._explain(error) from None
        finally:
            self._busy_since = None

    def _watch(self) -> None:
        """End a connection that fell silent, by its socket: whoever waits in libpq gets an error."""
        while not self._closed.wait(min(1.0, self.limits.silent_seconds / 4)):
            since = self._busy_since
            if since is None or time.monotonic() - since < self.limits.silent_seconds:
                continue
            self._silent = True
            found = self._sockets if self._sockets is not None else _sockets(self._port) - self._before
            for number in found:
                with suppress(OSError), socket.socket(fileno=os.dup(number)) as one:
                    one.shutdown(socket.SHUT_RDWR)

    def _explain(self, error: BaseException) -> SourceError | UnreachableError:
        """What PostgreSQL said, without what the URL keeps secret."""
        from blocks.discovery.postgres import secrets_of

        text, state = str(error), str(getattr(error, "sqlstate", None) or "")
        for word in (self.url, *secrets_of(self.url)):
            text = text.replace(word, "***")
        said = _said(text)
        if self._silent:
            cause = f"the database gave nothing for {self.limits.silent_seconds:.0f} s"
            return UnreachableError(self.where, cause, "see what stalls it, or the network; then run again")
        if "authentication failed" in text or "no password supplied" in text:
            return SourceError(self.where, "the database refused the user or password", "correct the url of the source")
        if re.search(r"(database|role) \".*\" does not exist", text):
            return SourceError(self.where, said, "correct the url of the source")
        if "permission denied" in text:
            return SourceError(self.where, said, "grant SELECT on the table to the user of the url")
        if "statement timeout" in text:
            cause = f"a statement took longer than {self.limits.statement_seconds:.0f} s"
            return SourceError(self.where, cause, "give the table an index on its cursor, or a view less to do")
        if state in CHANGED_STATES:
            return ShapeChangedError(self.where, f"its columns changed while they were read ({said})", "run again")
        if state.startswith(_PASSING_STATES) or _PASSING.search(text):
            return UnreachableError(
                self.where, f"the database cannot be reached ({said})", "start it, or correct the url; then run again"
            )
        return SourceError(self.where, said, "see the message of the database")


class ShapeChangedError(UnreachableError):
    """A column or table went between the look at the catalog and the reading."""


def _sockets(port: int) -> frozenset[int]:
    """The open files of this process that are connections to a port."""
    found = set()
    for number in (int(file.name) for file in Path("/dev/fd").iterdir()):
        try:
            copy = os.dup(number)
        except OSError:
            continue
        try:
            one = socket.socket(fileno=copy)
        except OSError:
            os.close(copy)
            continue
        with one, suppress(OSError):
            if one.family in (socket.AF_INET, socket.AF_INET6) and one.getpeername()[1] == port:
                found.add(number)
    return frozenset(found)


def _said(text: str) -> str:
    found = re.search(r"(?:FATAL|ERROR): +([^\n]+)", text) or re.search(r"failed: ([^\n]+)", text)
    return (found[1] if found else text.strip().split("\n")[0])[:300]
