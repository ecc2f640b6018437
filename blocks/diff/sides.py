"""The two things that are compared: a table in DuckDB, PostgreSQL or Snowflake, or a file that DuckDB reads.

A side is open, reads in one transaction where the engine has such, and never writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from blocks.diff import languages
from blocks.diff.values import Column, Language
from blocks.settings import Settings
from blocks.sources.naming import bronze_names, glob_escape, literal, quote
from governance.errors import ConfigurationError, SourceError, UnreachableError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from blocks.sources.postgres.connection import Connection
    from blocks.warehouses.snowflake import SnowflakeWarehouse

PORTION_ROWS = 100_000
"""Of a result of Snowflake that are in memory at once."""
_SNOWFLAKE = {
    "FLOAT": "DOUBLE", "TEXT": "VARCHAR", "VARIANT": "JSON", "OBJECT": "JSON", "ARRAY": "JSON", "BINARY": "BLOB",
}  # fmt: skip
OURS = re.compile(r"_(load_id|source_position|extracted_at|row_hash|deleted_at|file_name|parent_id|index)$")


class Side(Protocol):
    """One of the two."""

    label: str
    """What it is called, without a secret."""
    language: Language
    relation: str
    """What stands after FROM."""
    columns: Sequence[Column]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A small result."""
        ...

    def batches(self, sql: str) -> Iterator[pa.Table | pa.RecordBatch]:
        """A result of any size."""
        ...


def named(names: Sequence[str], types: Sequence[str], parsed: bool = False) -> list[Column]:
    """Columns by the names that bronze would give them; bronze's own keep theirs."""
    given = iter(bronze_names(n for n in names if not OURS.match(n.lower())))
    called = [n.lower() if OURS.match(n.lower()) else next(given) for n in names]
    return [Column(c, quote(n), t, parsed) for c, n, t in zip(called, names, types, strict=True)]


class DuckDBSide:
    """A table of a DuckDB file, or a file."""

    language: Language = languages.DuckDB()

    def __init__(self, label: str, connection: duckdb.DuckDBPyConnection, relation: str, parsed: bool = False) -> None:
        self.label, self.connection, self.relation = label, connection, relation
        found = self.rows(f"DESCRIBE SELECT * FROM {relation}")
        self.columns: Sequence[Column] = named([str(r[0]) for r in found], [str(r[1]) for r in found], parsed)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All of them."""
        with self._told():
            return self.connection.execute(sql).fetchall()

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        """As they are made."""
        with self._told():
            yield from self.connection.sql(sql).to_arrow_reader(100_000)

    @contextmanager
    def _told(self) -> Iterator[None]:
        import duckdb

        try:
            yield
        except (duckdb.DataError, duckdb.InvalidInputException) as error:  # their text repeats the value
            cause = f"a value is not of the type that it is asked for as ({type(error).__name__})"
            raise ConfigurationError(self.label, cause, "see --where, or leave its column out by --exclude") from None
        except duckdb.Error as error:
            said = str(error).split("\n\n")[0].splitlines()[0][:500]
            raise ConfigurationError(self.label, said, "name a table that is there; see --where and --key") from None


@contextmanager
def duckdb_file(label: str, path: Path, schema: str, table: str) -> Iterator[DuckDBSide]:
    """A table of a warehouse file, read only. Raises LockedError while another process writes it."""
    from blocks.warehouses.duckdb import connect

    if not path.is_file():
        raise ConfigurationError(label, f"there is no file {path}", "give the path of a DuckDB file")
    connection = _opened(label, path, connect)
    try:
        connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '1GB'; BEGIN")
        yield DuckDBSide(label, connection, f"{quote(schema)}.{quote(table)}")
    finally:
        connection.close()


def _opened(label: str, path: Path, connect: Any) -> duckdb.DuckDBPyConnection:
    import duckdb

    try:
        opened: duckdb.DuckDBPyConnection = connect(path, read_only=True)
    except duckdb.Error as error:
        raise ConfigurationError(label, str(error).splitlines()[0][:300], "give the path of a DuckDB file") from None
    return opened


@contextmanager
def data_file(label: str, path: Path) -> Iterator[DuckDBSide]:
    """A Parquet or CSV file; the values of a CSV take the types of the other side."""
    import duckdb

    parsed = path.suffix.lower() != ".parquet"
    name = literal(glob_escape(str(path)))
    relation = f"read_csv({name}, header = true, all_varchar = true)" if parsed else f"read_parquet({name})"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '1GB'")
        yield DuckDBSide(label, connection, relation, parsed)


class PostgresSide:
    """A table of a PostgreSQL."""

    language: Language = languages.Postgres()

    def __init__(self, label: str, connection: Connection, relation: str, columns: Sequence[Column]) -> None:
        self.label, self.connection, self.relation, self.columns = label, connection, relation, columns

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All of them."""
        with _told(self.label):
            return self.connection.rows(sql)

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        """By COPY."""
        with _told(self.label), self.connection.batches(sql) as (_, batches):
            yield from batches


@contextmanager
def postgres_table(label: str, url: str, table: str) -> Iterator[PostgresSide]:
    """A table, in one snapshot. Raises UnreachableError, and ConfigurationError for what is not there."""
    from blocks.sources.postgres.columns import columns_of, quote_table
    from blocks.sources.postgres.connection import Connection, Limits
    from blocks.sources.spec import StreamSpec

    with _told(label):
        connection = Connection(url, label, Limits())
    try:
        with _told(label):
            connection.rows("SELECT set_config('extra_float_digits', '0', true), set_config('work_mem', '64MB', true)")
            found = columns_of(connection, StreamSpec(name="diff", table=table))
        columns = [Column(c.bronze, c.select, c.type, padded=c.source_type == "bpchar") for c in found]
        yield PostgresSide(label, connection, quote_table(table), columns)
    finally:
        connection.close()


@contextmanager
def _told(label: str) -> Iterator[None]:
    """What a source says of itself is here a matter of how the command was given."""
    try:
        yield
    except UnreachableError:
        raise
    except SourceError as error:
        raise ConfigurationError(label, error.cause, "name a table that is there; see --where and --key") from None


class SnowflakeSide:
    """A table of Snowflake, by a session of the warehouse block."""

    language: Language = languages.Snowflake()

    def __init__(self, label: str, warehouse: SnowflakeWarehouse, schema: str, table: str) -> None:
        self.label, self.warehouse, self.relation = label, warehouse, f'{schema}."{table}"'
        found = warehouse.columns(schema, table)
        if not found:
            raise ConfigurationError(label, "there is no such table", "see `hallmark sql` for what there is")
        self.columns: Sequence[Column] = named(list(found), [_plain(t) for t in found.values()])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All of them."""
        return self.warehouse.execute(sql)

    def batches(self, sql: str) -> Iterator[pa.Table]:
        """By portions of a cursor: names as they are given, values as text or numbers."""
        import pyarrow as pa

        with self.warehouse.connection.cursor() as cursor:
            cursor.execute(self.warehouse.dialect.fold(sql))
            while rows := cursor.fetchmany(PORTION_ROWS):
                cells = zip(*rows, strict=True)
                names = [d.name.lower() for d in cursor.description or ()]
                yield pa.table(
                    {n: [None if v is None else str(v) for v in c] for n, c in zip(names, cells, strict=True)}
                )


@contextmanager
def snowflake_table(label: str, settings: Settings, schema: str, table: str) -> Iterator[SnowflakeSide]:
    """A table of the account of the settings; `schema` may have a database before it."""
    from blocks.warehouses.snowflake import open_snowflake

    with open_snowflake(settings) as warehouse:
        yield SnowflakeSide(label, warehouse, schema, table)


def _plain(type_: str) -> str:
    if found := re.fullmatch(r"NUMBER\((\d+),\s*(\d+)\)", type_):
        return f"DECIMAL({found[1]},{found[2]})"
    name = type_.partition("(")[0]
    return "TIMESTAMP" if name.startswith("TIMESTAMP") else _SNOWFLAKE.get(name, name)
