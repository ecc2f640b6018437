"""The text of each kind of value in the SQL of DuckDB, PostgreSQL and Snowflake: see `values.py` for what it must be.

Times are microseconds since 1970 in UTC (one without a zone is taken for UTC), dates days, floats 15 digits, booleans
0 and 1, bytes hexadecimal. PostgreSQL prints a float so with `extra_float_digits = 0`.
"""

from __future__ import annotations

from blocks.diff.values import Column, Kind, kind_of
from blocks.sources import naming

FINITE = 10**28
"""Beyond it a float has no nine decimals in the 38 digits of a number."""
INT8 = "9.2e18"


class DuckDB:
    """Of a warehouse file, or of files that it reads."""

    name = "duckdb"

    def text(self, column: Column, kind: Kind) -> str:
        """By casts."""
        if not column.parsed:
            return self._text(column.sql, kind_of(column.type), kind)
        if kind.name == "text":
            return column.sql
        type_ = _TYPES[kind.name].format(scale=kind.scale)
        typed = self._text(f"TRY_CAST({column.sql} AS {type_})", kind, kind)
        if exact := _EXACT.get(kind.name):  # DuckDB rounds what has more places than the type, or cuts it
            typed = f"CASE WHEN {exact.format(cell=column.sql, scale=kind.scale)} THEN {typed} END"
        return f"coalesce({typed}, {column.sql})"

    def _text(self, sql: str, own: Kind, kind: Kind) -> str:
        if kind.name == "decimal":
            if own == kind:
                return f"CAST({sql} AS VARCHAR)"
            # One with too many digits for this scale has no equal on the other side, and stays as it is.
            return f"coalesce(CAST(TRY_CAST({sql} AS DECIMAL(38, {kind.scale})) AS VARCHAR), CAST({sql} AS VARCHAR))"
        if kind.name == "exact":
            return f"CAST({sql} + 0 AS VARCHAR)"  # a zero has no sign
        if kind.name == "float":
            return f"format('{{:.15g}}', CAST({sql} AS DOUBLE) + 0)"
        if kind.name == "rounded":
            cell = f"CAST({sql} AS DOUBLE)"
            number = f"CAST(CAST({cell} AS DECIMAL(38, {kind.scale})) AS VARCHAR)"
            return (
                f"CASE WHEN abs({cell}) < {FINITE} THEN {number} WHEN {cell} < 0 THEN '-' WHEN {cell} > 0 THEN '+' END"
            )
        if kind.name == "integer" and own.name == "float":
            return f"coalesce({_whole(sql, f'abs({sql}) < 1e38', 'HUGEINT')}, CAST({sql} AS VARCHAR))"
        if kind.name in ("integer", "boolean"):
            return f"CAST({sql if own.name != 'boolean' else f'CAST({sql} AS INTEGER)'} AS VARCHAR)"
        if kind.name == "date":
            days = f"CAST({sql} - DATE '1970-01-01' AS VARCHAR)"
            return f"CASE WHEN isfinite({sql}) THEN {days} ELSE CAST({sql} AS VARCHAR) END"
        if kind.name == "timestamp":
            cell = f"CAST({sql} AS TIMESTAMP)" if own.name == "date" else sql
            return f"coalesce(CAST(epoch_us({cell}) AS VARCHAR), CAST({cell} AS VARCHAR))"  # infinity has no epoch
        if kind.name == "time":
            return f"CAST(epoch_us({sql}) AS VARCHAR)"
        return f"lower(hex({sql}))" if kind.name == "blob" else f"CAST({sql} AS VARCHAR)"

    def number(self, text: str, style: str) -> str:
        """Of the md5."""
        if style == "digits":
            return f"CAST(translate(right(md5({text}), 15), 'abcdef', '012345') AS BIGINT)"
        return f"CAST('0x' || right(md5({text}), 15) AS BIGINT)"

    def literal(self, text: str) -> str:
        """Quotes are doubled."""
        return naming.literal(text)


_TYPES = {
    "integer": "HUGEINT", "decimal": "DECIMAL(38, {scale})", "float": "DOUBLE", "exact": "DOUBLE", "rounded": "DOUBLE",
    "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP WITH TIME ZONE", "time": "TIME", "blob": "BLOB",
    "json": "VARCHAR",
}  # fmt: skip
_MICRO = r"NOT regexp_matches({cell}, '\.\d{{6}}\d*[1-9]')"
_EXACT = {
    "integer": r"regexp_full_match({cell}, '\s*[+-]?\d+(\.0*)?([eE]\+?\d+)?\s*')",
    "decimal": r"regexp_full_match({cell}, '\s*[+-]?(\d+([eE]\+?\d+)?|\d*\.\d{{0,{scale}}}0*)\s*')",
    "date": "TRY_CAST({cell} AS TIMESTAMP) = TRY_CAST({cell} AS DATE)",
    "timestamp": _MICRO, "time": _MICRO,
}  # fmt: skip
"""Kind → whether a text says no more than a value of it can hold."""


def _whole(sql: str, small: str, type_: str) -> str:
    """The text of a float that is an integer; NULL of any other."""
    return f"CASE WHEN {small} AND {sql} = trunc({sql}) THEN CAST(CAST({sql} AS {type_}) AS VARCHAR) END"


class Postgres:
    """Of a table in PostgreSQL."""

    name = "postgres"

    def text(self, column: Column, kind: Kind) -> str:
        """By casts, in a session whose zone is UTC."""
        sql, own = column.sql, kind_of(column.type)
        if kind.name == "decimal":
            return f"round(({sql})::numeric, {kind.scale})::text"
        if kind.name == "float":
            return f"replace(lower((({sql})::float8 + 0)::text), 'infinity', 'inf')"
        if kind.name == "rounded":
            cell, beyond = f"({sql})::float8", "'Infinity', '-Infinity', 'NaN'"
            within = f"abs({cell}) < {FINITE} AND {cell}::text NOT IN ({beyond})"
            number = f"round({cell}::numeric, {kind.scale})::text"
            return f"CASE WHEN {within} THEN {number} WHEN {cell} < 0 THEN '-' WHEN {cell} > 0 THEN '+' END"
        if kind.name == "integer" and own.name == "float":  # its numeric of a float has 15 digits, its bigint has all
            cell = f"({sql})::float8"
            whole = _whole(cell, f"abs({cell}) < {INT8}", "int8")
            return f"coalesce({whole}, {_whole(cell, f'abs({cell}) < 1e38', 'numeric')}, '~' || {cell}::text)"
        if kind.name in ("integer", "boolean"):
            return f"({sql})::int::text" if own.name == "boolean" else f"({sql})::text"
        if kind.name == "date":
            return f"CASE WHEN isfinite({sql}) THEN (({sql}) - date '1970-01-01')::text ELSE ({sql})::text END"
        if kind.name == "timestamp":
            cell = f"({sql})::timestamp" if own.name == "date" else f"({sql})"
            micro = f"(extract(epoch FROM {cell}) * 1000000)::int8::text"
            return f"CASE WHEN isfinite({cell}) THEN {micro} ELSE {cell}::text END"
        if kind.name == "time":
            return f"(extract(epoch FROM {sql}) * 1000000)::int8::text"
        if kind.name == "blob":
            return f"encode({sql}, 'hex')"
        return f"CASE WHEN {sql} IS NOT NULL THEN concat({sql}) END" if column.padded else f"({sql})::text"

    def number(self, text: str, style: str) -> str:
        """Of the md5."""
        if style == "digits":
            return f"translate(right(md5({text}), 15), 'abcdef', '012345')::int8"
        return f"('x' || right(md5({text}), 15))::bit(60)::int8"

    def literal(self, text: str) -> str:
        """Quotes are doubled."""
        return naming.literal(text)


class Snowflake:
    """Of a table in Snowflake."""

    name = "snowflake"

    def text(self, column: Column, kind: Kind) -> str:
        """By its functions."""
        sql, own = column.sql, kind_of(column.type)
        if kind.name == "decimal":
            return f"CAST(CAST({sql} AS NUMBER(38, {kind.scale})) AS VARCHAR)"
        if kind.name == "float":
            return f"CAST(CAST({sql} AS FLOAT) AS VARCHAR)"
        if kind.name == "rounded":
            cell = f"CAST({sql} AS FLOAT)"
            number = f"CAST(CAST({cell} AS NUMBER(38, {kind.scale})) AS VARCHAR)"
            return (
                f"CASE WHEN abs({cell}) < {FINITE} THEN {number} WHEN {cell} < 0 THEN '-' WHEN {cell} > 0 THEN '+' END"
            )
        if kind.name == "integer" and own.name == "float":
            return f"coalesce({_whole(sql, f'abs({sql}) < 1e38', 'NUMBER(38, 0)')}, '~' || CAST({sql} AS VARCHAR))"
        if own.name == "boolean" and kind.name in ("boolean", "integer"):
            return f"CASE WHEN {sql} THEN '1' WHEN NOT {sql} THEN '0' END"
        if kind.name == "date":
            return f"CAST(datediff(day, CAST('1970-01-01' AS DATE), {sql}) AS VARCHAR)"
        if kind.name == "timestamp":
            cell = f"CAST({sql} AS TIMESTAMP_NTZ)" if own.name == "date" else sql
            return f"CAST(date_part(epoch_microsecond, {cell}) AS VARCHAR)"
        if kind.name == "time":
            return f"CAST(datediff(microsecond, CAST('00:00:00' AS TIME), {sql}) AS VARCHAR)"
        if kind.name == "blob":
            return f"lower(hex_encode({sql}))"
        return f"to_json({sql})" if own.name == "json" else f"CAST({sql} AS VARCHAR)"

    def number(self, text: str, style: str) -> str:
        """Of the md5, by digits: its own functions for this are not in every account's SQL, nor in the emulator."""
        return f"CAST(translate(right(md5({text}), 15), 'abcdef', '012345') AS NUMBER(38, 0))"

    def literal(self, text: str) -> str:
        """Quotes are doubled, and so are backslashes, which escape there."""
        return naming.literal(text.replace("\\", "\\\\"))
