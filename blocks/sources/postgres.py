"""Tables of a PostgreSQL: binary COPY to Arrow (ADBC), landed as Parquet, read after a cursor.

Types that ADBC gets wrong without a word (infinite dates, money, ranges; see docs/sources.md) are selected as
text or put right in `extract`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blocks.landing import Landing, sha256_of
from blocks.sources.base import ColumnSpec, Extract, Flat, Known, Manifest, Part, Planned, Reject, Since
from blocks.sources.naming import bronze_names, glob_escape, literal, quote
from blocks.sources.spec import SourceSpec, StreamSpec
from governance.errors import SourceError, UnreachableError

if TYPE_CHECKING:
    import duckdb

PART_BYTES = 200 << 20
"""A landed part is closed at this size: Snowflake loads files of 100-250 MB best."""
STATEMENT_TIMEOUT_MS = 3_600_000

# What ADBC makes of infinite values (64- and 32-bit overflow of the epoch shift), put right when the part is read.
_TIME = (
    "CASE epoch_us({c}) WHEN -9222425352054775809 THEN 'infinity' "
    "WHEN -9222425352054775808 THEN '-infinity' ELSE {c} END"
)
_DATE = "CASE ({c} - DATE '1970-01-01') WHEN -2147472692 THEN 'infinity' WHEN -2147472691 THEN '-infinity' ELSE {c} END"
_READ = {"DATE": _DATE, "TIMESTAMP": _TIME, "TIMESTAMP WITH TIME ZONE": _TIME}

# PostgreSQL type → (SQL that selects {c}, bronze type). Any other type is selected as text.
_TYPES = {
    "bool": ("{c}", "BOOLEAN"), "int2": ("{c}", "SMALLINT"), "int4": ("{c}", "INTEGER"), "int8": ("{c}", "BIGINT"),
    "float4": ("{c}", "FLOAT"), "float8": ("{c}", "DOUBLE"), "text": ("{c}", "VARCHAR"), "varchar": ("{c}", "VARCHAR"),
    "bpchar": ("{c}", "VARCHAR"), "name": ("{c}", "VARCHAR"), "bytea": ("{c}", "BLOB"), "time": ("{c}", "TIME"),
    "date": ("{c}", "DATE"), "timestamp": ("{c}", "TIMESTAMP"), "timestamptz": ("{c}", "TIMESTAMP WITH TIME ZONE"),
    "json": ("{c}::text", "JSON"), "jsonb": ("{c}::text", "JSON"), "money": ("{c}::numeric::text", "DECIMAL(38,2)"),
}  # fmt: skip
_TEXT = ("{c}::text", "VARCHAR")
_ARRAY = ("to_json({c})::text", "JSON")


@dataclass(frozen=True)
class _Column:
    source: str
    bronze: str
    type: str
    select: str
    source_type: str


@dataclass(frozen=True)
class _ParquetExtract(Flat):
    columns: Sequence[ColumnSpec]
    sql: str
    keys_sql: str | None

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        """Parquet that we wrote has no unreadable row."""
        return []


class PostgresReader:
    """One PostgreSQL source."""

    def __init__(self, spec: SourceSpec) -> None:
        self.spec = spec

    def resolve(self, stream: StreamSpec) -> StreamSpec:
        """The stream as it is declared."""
        return stream

    def plan(self, stream: StreamSpec, since: Since, now: datetime, landing: Landing) -> list[Planned]:
        """One load: everything after the committed cursor, less the lateness, up to the database's own clock."""
        if since.unfinished:
            return list(since.unfinished)
        with closing(self._connect(stream)) as connection:
            self._columns(connection, stream)
            upper = _one(connection, "SELECT now()::text")
        identity = f"{self.spec.name}.{stream.name}:range:{since.cursor or ''}..{upper}"
        return [Planned(identity, lower=since.cursor, upper=upper)]

    def warning(self, stream: StreamSpec) -> str | None:
        """Nothing to say of a table."""
        return None

    def land(self, stream: StreamSpec, planned: Planned, landing: Landing) -> Manifest:
        """Read the range in one repeatable-read snapshot into Parquet parts."""
        load_id = planned.load_id
        done = landing.manifest(self.spec.name, stream.name, load_id)
        if done:
            return done
        landing.discard(self.spec.name, stream.name, load_id)
        folder = landing.folder(self.spec.name, stream.name, load_id)
        with closing(self._connect(stream)) as connection:
            snapshot = _one(connection, "SELECT pg_current_snapshot()::text")
            columns = self._columns(connection, stream)
            chosen = ", ".join(f"{c.select.format(c=quote(c.source))} AS {quote(c.bronze)}" for c in columns)
            where = self._where(stream, columns, planned)
            table = quote_table(stream.table or "")
            parts = self._copy(connection, stream, f"SELECT {chosen} FROM {table}{where}", folder, "part", landing)
            if stream.deletes == "keys":
                wanted = [c for c in columns if c.source in stream.primary_key]
                keys = ", ".join(f"{c.select.format(c=quote(c.source))} AS {quote(c.bronze)}" for c in wanted)
                parts += self._copy(connection, stream, f"SELECT {keys} FROM {table}", folder, "keys", landing)
        schema = tuple(ColumnSpec(c.bronze, c.type, c.source) for c in columns)
        manifest = Manifest(
            load_id, planned.identity, self.spec.name, stream.name, planned.lower, planned.upper, snapshot, schema,
            tuple(parts), by_cursor=stream.cursor is not None, rereads=True,
        )  # fmt: skip
        landing.write_manifest(manifest)
        return manifest

    def extract(self, stream: StreamSpec, manifests: Sequence[Manifest], landing: Landing, known: Known) -> Extract:
        """The landed Parquet with each column in its bronze type."""
        types = {c.name: c for c in manifests[-1].schema}
        rows, keys = [], []
        for manifest in manifests:
            folder = landing.folder(manifest.source, manifest.stream, manifest.load_id)
            cells = ", ".join(f"{_read(c)} AS {quote(c.name)}" for c in manifest.schema)
            offset = 0
            for part in manifest.parts:
                at = f"{literal(part.position + '#')} || (file_row_number + {offset + 1}) AS _source_position"
                scan = f"read_parquet({literal(glob_escape(str(folder / part.path)))}, file_row_number = true)"
                if part.path.startswith("keys"):
                    names = bronze_names(stream.primary_key)
                    wanted = ", ".join(f"{_read(types[n])} AS {quote(n)}" for n in names)
                    keys.append((manifest.load_id, f"SELECT {wanted} FROM {scan}"))
                    continue
                rows.append(f"SELECT {cells}, {literal(manifest.load_id)} AS _load_id, {at} FROM {scan}")
                offset += part.rows or 0
        newest = [sql for load_id, sql in keys if load_id == manifests[-1].load_id]
        return _ParquetExtract(
            manifests[-1].schema, " UNION ALL BY NAME ".join(rows), " UNION ALL ".join(newest) or None
        )

    def _connect(self, stream: StreamSpec) -> Any:
        import adbc_driver_postgresql.dbapi as adbc

        if self.spec.url is None:
            raise SourceError(f"source {self.spec.name}", "it has no url", "give url in sources.yml")
        try:
            connection = adbc.connect(self.spec.url.get_secret_value())
        except adbc.Error as error:
            raise self._explain(stream, error) from None
        with connection.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
        return connection

    def _columns(self, connection: Any, stream: StreamSpec) -> list[_Column]:
        rows = _rows(
            connection,
            "SELECT a.attname, t.typname, a.atttypmod::int8, t.typcategory::text FROM pg_attribute a "
            "JOIN pg_type t ON t.oid = a.atttypid "
            f"WHERE a.attrelid = to_regclass({literal(quote_table(stream.table or ''))}) "
            "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        )
        where = f"stream {self.spec.name}.{stream.name}"
        if not rows:
            raise SourceError(where, f"table {stream.table} does not exist", "correct `table` in sources.yml")
        names = bronze_names(r[0] for r in rows)
        columns = []
        for (source, typname, modifier, category), name in zip(rows, names, strict=True):
            select, bronze = _ARRAY if category == "A" else _TYPES.get(typname, _TEXT)
            if typname == "numeric" and modifier > 0:
                bronze = _decimal(modifier)
            columns.append(_Column(source, name, bronze, select, typname))
        present = {c.source for c in columns}
        for missing in [k for k in (*stream.primary_key, stream.cursor or "") if k and k not in present]:
            raise SourceError(where, f"column {missing} does not exist in {stream.table}", "correct sources.yml")
        return columns

    def _where(self, stream: StreamSpec, columns: list[_Column], planned: Planned) -> str:
        if not stream.cursor or planned.lower is None:
            return ""
        column = next(c for c in columns if c.source == stream.cursor)
        lower = f"{literal(planned.lower)}::{column.source_type}"
        if stream.lateness and column.source_type in ("timestamptz", "timestamp", "date"):
            lower += f" - interval '{stream.lateness.total_seconds()} seconds'"
        name = quote(column.source)
        return f" WHERE {name} >= {lower} OR {name} IS NULL"

    def _copy(
        self, connection: Any, stream: StreamSpec, sql: str, folder: Path, prefix: str, landing: Landing
    ) -> list[Part]:
        import adbc_driver_postgresql.dbapi as adbc
        import pyarrow.parquet as pq

        parts: list[Part] = []
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                reader = cursor.fetch_record_batch()
                batch = next(reader, None)
                while batch is not None or not parts:
                    rows = 0
                    path = folder / f"{prefix}-{len(parts)}.parquet"

                    def write(out: Any) -> None:
                        nonlocal batch, rows
                        with pq.ParquetWriter(out, reader.schema, compression="zstd") as writer:
                            while batch is not None and out.tell() < PART_BYTES:
                                rows += batch.num_rows
                                writer.write_batch(batch)
                                batch = next(reader, None)

                    landing.put(path, write)
                    size, digest = sha256_of(path)
                    parts.append(Part(path.name, size, digest, stream.table or "", rows))
        except adbc.Error as error:
            raise self._explain(stream, error) from None
        return parts

    def _explain(self, stream: StreamSpec, error: Exception) -> SourceError | UnreachableError:
        """What PostgreSQL said, without the URL, as an error that names the remedy."""
        text = str(error)
        if self.spec.url:
            secret = re.search(r"://[^:/@]*:([^@]*)@", self.spec.url.get_secret_value())
            text = text.replace(self.spec.url.get_secret_value(), "the url")
            text = text.replace(secret[1], "***") if secret and secret[1] else text
        where = f"stream {self.spec.name}.{stream.name}"
        whole = text
        if re.search(r"invalid (URI|port|integer|connection option|percent)|missing \"=\"", str(error)):
            return SourceError(where, "the url of the source is not valid", "correct it; percent-encode its password")
        if "authentication failed" in whole:
            return SourceError(where, "the database refused the user or password", "correct the url of the source")
        if re.search(r"database \".*\" does not exist|role \".*\" does not exist", whole):
            return SourceError(where, _fatal(whole), "correct the url of the source")
        if "permission denied" in whole:
            return SourceError(where, _fatal(whole), "grant SELECT on the table to the user of the url")
        if re.search(
            r"could not (connect|translate)|[Cc]onnection (refused|reset)|server closed|timeout expired", whole
        ):
            return UnreachableError(
                where, f"the database cannot be reached ({_fatal(whole)})", "start it, or correct the url"
            )
        return SourceError(where, text.split("\n")[0][:300], "see the message of the database")


def _fatal(message: str) -> str:
    found = re.search(r"(?:FATAL|ERROR): +([^\n]+)", message) or re.search(r"failed: ([^\n]+)", message)
    return found[1][:200] if found else message.split("\n")[-1][:200]


def quote_table(table: str) -> str:
    """`schema.table` as quoted identifiers."""
    return ".".join(quote(p) for p in table.split("."))


def _decimal(modifier: int) -> str:
    """numeric(p,s) as DECIMAL, by the packed type modifier (src/backend/utils/adt/numeric.c)."""
    precision, scale = ((modifier - 4) >> 16) & 0xFFFF, (modifier - 4) & 0x7FF
    return f"DECIMAL({precision},{scale})" if precision <= 38 and scale <= precision else "VARCHAR"


def _read(column: ColumnSpec) -> str:
    return f"CAST({_READ.get(column.type, '{c}').format(c=quote(column.name))} AS {column.type})"


def _rows(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _one(connection: Any, sql: str) -> str:
    return str(_rows(connection, sql)[0][0])
