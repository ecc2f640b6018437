"""One schema of tables in DuckDB and in the emulated Snowflake, and the gates on both."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import duckdb
from snowflake.connector import SnowflakeConnection

from expectations import gate
from governance.declared_tests import DeclaredTest
from governance.model import CheckResult

TYPES = {
    "BIGINT": "NUMBER(38,0)", "INTEGER": "NUMBER(38,0)", "DOUBLE": "FLOAT", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ",
    "TIMESTAMP": "TIMESTAMP_NTZ", "JSON": "VARCHAR", "HUGEINT": "NUMBER(38,0)",
}  # fmt: skip


class Recorded(SnowflakeConnection):
    """Keeps what reaches the server, and says which connections were ended."""

    statements: ClassVar[list[str]] = []
    open: ClassVar[set[int]] = set()

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.open.add(id(self))

    def cmd_query(self, sql: str, *arguments: Any, **options: Any) -> Any:
        self.statements.append(sql)
        return super().cmd_query(sql, *arguments, **options)

    def close(self, retry: bool = True) -> None:
        self.open.discard(id(self))
        super().close(retry)


def connector(variables: dict[str, str], database: str) -> Callable[[], SnowflakeConnection]:
    """Opens connections to a database of the emulator, as the gate's SQLAlchemy dialect needs them."""

    def connect() -> SnowflakeConnection:
        return Recorded(
            account=variables["HALLMARK_SNOWFLAKE_ACCOUNT"], user=variables["HALLMARK_SNOWFLAKE_USER"],
            password=variables["HALLMARK_SNOWFLAKE_PASSWORD"], host=variables["HALLMARK_SNOWFLAKE_HOST"],
            port=int(variables["HALLMARK_SNOWFLAKE_PORT"]), protocol="http", database=database, schema="PUBLIC",
            network_timeout=30, session_parameters={"TIMEZONE": "UTC"},
        )  # fmt: skip

    return connect


def copy_schemas(duck: duckdb.DuckDBPyConnection, snow: SnowflakeConnection, schemas: Sequence[str]) -> None:
    """Every table of these schemas, names in upper case, by Parquet and COPY."""

    def execute(sql: str) -> Any:
        return snow.cursor().execute(sql)

    for schema in schemas:
        execute(f"CREATE SCHEMA IF NOT EXISTS {schema.upper()}")
    execute("CREATE STAGE IF NOT EXISTS PUBLIC.FILES")
    tables = duck.execute(
        "SELECT schema_name, table_name, list((column_name, data_type) ORDER BY column_index) FROM duckdb_columns()"
        " WHERE list_contains(?, schema_name) GROUP BY ALL",
        [list(schemas)],
    ).fetchall()
    with tempfile.TemporaryDirectory() as folder:
        for number, (schema, name, columns) in enumerate(tables):
            file, target = Path(folder) / f"{number}.parquet", f'{schema.upper()}."{name.upper()}"'
            shown = ", ".join(f"{_quoted(c)}::{'VARCHAR' if t == 'JSON' else t} AS {_quoted(c)}" for c, t in columns)
            duck.execute(f"COPY (SELECT {shown} FROM {schema}.{_quoted(name)}) TO '{file}' (FORMAT parquet)")
            types = ", ".join(f"{_quoted(c).upper()} {TYPES.get(t, t)}" for c, t in columns)
            execute(f"CREATE OR REPLACE TABLE {target} ({types})")
            execute(f"PUT 'file://{file}' @PUBLIC.FILES/{number}/ AUTO_COMPRESS=FALSE OVERWRITE=TRUE")
            execute(
                f"COPY INTO {target} FROM @PUBLIC.FILES/{number}/ FILE_FORMAT=(TYPE=PARQUET USE_LOGICAL_TYPE=TRUE)"
                " MATCH_BY_COLUMN_NAME=CASE_INSENSITIVE ON_ERROR=ABORT_STATEMENT"
            )


def on_both(
    tests: Sequence[DeclaredTest],
    duck: duckdb.DuckDBPyConnection,
    connect: Callable[[], Any],
    place: gate.Place,
) -> tuple[list[CheckResult], list[CheckResult]]:
    """The results of the same checks in DuckDB and in Snowflake."""
    return list(gate.run(tests, gate.on_duckdb(duck), place)), list(gate.run(tests, gate.on_snowflake(connect), place))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
