"""The columns of a table, and how values of a type are selected so that they arrive as docs/sources/postgres.md says.

ADBC changes some types without a word (money, ranges, addresses), so those are selected as text; infinite dates are put
right in `extract.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blocks.sources.base import ColumnSpec
from blocks.sources.naming import bronze_names, literal, quote
from blocks.sources.postgres.connection import Connection
from blocks.sources.spec import StreamSpec
from governance.errors import SourceError

TOO_LARGE = "?bytes"
"""The landed column that is filled where a row was too large to be read. No column of bronze can have its name."""

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
TIMES = ("timestamptz", "timestamp", "date")
"""Types of a cursor that the database's clock bounds."""
_SIZED = ("text", "varchar", "bpchar", "bytea")
"""Types whose size PostgreSQL knows without reading the value."""
_COLUMNS = """
WITH RECURSIVE based AS (
  SELECT a.attnum, a.attname, a.attnotnull, a.atttypid AS type, a.atttypmod AS modifier,
         format_type(a.atttypid, a.atttypmod) AS declared, false AS domain
  FROM pg_attribute a WHERE a.attrelid = to_regclass({table}) AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT b.attnum, b.attname, b.attnotnull, t.typbasetype, t.typtypmod, b.declared, true
  FROM based b JOIN pg_type t ON t.oid = b.type AND t.typtype = 'd'
)
SELECT b.attname, t.typname, b.modifier::int8, t.typcategory::text, b.attnotnull, b.declared, b.domain,
       t.typlen = -1, greatest(2, scale(0::money::numeric))::int8
FROM based b JOIN pg_type t ON t.oid = b.type WHERE t.typtype <> 'd' ORDER BY b.attnum
"""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    source: str
    bronze: str
    type: str
    """As bronze has it."""
    select: str
    """SQL of its value."""
    source_type: str
    """A domain's is that which it is based on."""
    declared: str
    """The type as a cast has it."""
    not_null: bool
    varying: bool
    """Whether a value may be of any length."""

    @property
    def landed(self) -> str:
        """Its name in the landed Parquet. DuckDB numbers rows under a name that a column may have."""
        return f"?{self.bronze}" if self.bronze == "file_row_number" else self.bronze

    @property
    def size(self) -> str:
        """SQL of the bytes of a value; of what is small as it is stored they are not worth counting."""
        name = quote(self.source)
        if self.source_type in _SIZED:
            return f"coalesce(octet_length({name}), 0)::int8"
        stored = f"pg_column_size({name}) > 65536"
        return f"CASE WHEN {stored} THEN octet_length({self.select}) ELSE 0 END::int8"

    @property
    def spec(self) -> ColumnSpec:
        """As a manifest has it."""
        return ColumnSpec(self.bronze, self.type, self.source)


def quote_table(table: str) -> str:
    """`schema.table` as quoted identifiers."""
    return ".".join(quote(p) for p in table.split("."))


def columns_of(connection: Connection, stream: StreamSpec) -> list[Column]:
    """The columns of a stream's table, which keep their names and types until the transaction ends.

    Raises SourceError for a table that is not there or has no column, and for a key or cursor that it does not have.
    """
    table, where = quote_table(stream.table or ""), connection.where
    named = literal(table)
    if connection.rows(f"SELECT to_regclass({named}) IS NULL")[0][0]:
        raise SourceError(where, f"table {stream.table} does not exist", "correct `table` in sources.yml")
    connection.rows(f"SELECT 1 FROM {table} LIMIT 0")  # a lock that lets everybody but a change of the table by
    rows = connection.rows(_COLUMNS.format(table=named))
    if not rows:
        raise SourceError(where, f"table {stream.table} has no column", "take the stream out of sources.yml")
    names = bronze_names(r[0] for r in rows)
    columns = [_column(row, name) for row, name in zip(rows, names, strict=True)]
    present = {c.source for c in columns}
    wanted = (*stream.primary_key, stream.cursor, stream.deleted_column)
    for missing in [k for k in wanted if k and k not in present]:
        raise SourceError(where, f"column {missing} does not exist in {stream.table}", "correct sources.yml")
    return columns


def _column(row: tuple[object, ...], name: str) -> Column:
    source, typname, modifier, category, not_null, declared, domain, varying, cents = row
    select, bronze = _ARRAY if category == "A" else _TYPES.get(str(typname), _TEXT)
    if typname == "numeric" and int(str(modifier)) > 0:
        bronze = _decimal(int(str(modifier)))
    if typname == "money":
        bronze = f"DECIMAL(38,{cents})"
    cell = quote(str(source))
    if domain and category != "A" and typname in _TYPES:
        cell = f"{cell}::pg_catalog.{quote(str(typname))}"
    return Column(
        str(source), name, bronze, select.format(c=cell), str(typname), str(declared), bool(not_null), bool(varying)
    )


def _decimal(modifier: int) -> str:
    """numeric(p,s) as DECIMAL, by the packed type modifier (src/backend/utils/adt/numeric.c)."""
    precision, scale = ((modifier - 4) >> 16) & 0xFFFF, (modifier - 4) & 0x7FF
    return f"DECIMAL({precision},{scale})" if precision <= 38 and scale <= precision else "VARCHAR"


def select_of(columns: Sequence[Column], table: str, where: str, keys: Sequence[str], row_bytes: int | None) -> str:
    """SELECT of the columns as they land.

    With `row_bytes` a larger row gives its size, and of its values the keys and those of a fixed length.
    """
    large, condition = quote(TOO_LARGE), f" WHERE {where}" if where else ""
    sized = [c for c in columns if c.varying and c.source_type != "numeric" and c.source not in keys]
    if row_bytes is None or not sized:
        shown = [f"{c.select} AS {quote(c.landed)}" for c in columns]
        return f"SELECT {', '.join(shown)}, NULL::int8 AS {large} FROM {table}{condition}"
    total = " + ".join(c.size for c in sized)
    cells = {c: f"CASE WHEN {large} IS NULL THEN {c.select} END" if c in sized else c.select for c in columns}
    shown = [f"{cell} AS {quote(c.landed)}" for c, cell in cells.items()]
    # OFFSET keeps the planner from writing the sum into each column.
    inner = f"SELECT *, CASE WHEN {total} > {row_bytes} THEN {total} END AS {large} FROM {table}{condition} OFFSET 0"
    return f"SELECT {', '.join(shown)}, {large} FROM ({inner}) s"
