"""A warehouse made by hand (`dbt_support`), the same bronze in the emulated Snowflake, and dbt's layers on both.

Layers are built as a batch builds them: into `<layer>__audit`, where an incremental model finds a clone of what is
published, and then put in its place. What publishing has to guarantee is tested elsewhere; here it is a copy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import snowflake.connector

from blocks.dbt import DbtProject
from blocks.settings import Settings
from governance.manifest import LayerModels
from tests.integration.dbt_support import Warehouse

TYPES = {
    "BIGINT": "NUMBER(38,0)", "INTEGER": "NUMBER(38,0)", "DOUBLE": "FLOAT", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ",
    "TIMESTAMP": "TIMESTAMP_NTZ", "JSON": "VARCHAR",
}  # fmt: skip
Table = tuple[list[str], list[tuple[Any, ...]]]


class Side(Protocol):
    """One of the two warehouses."""

    settings: Settings

    def prepare(self, layer: str, incremental: Iterable[str]) -> None:
        """Clone what is published of these models into the audit schema."""

    def publish(self, layer: str, models: Iterable[str]) -> None:
        """Put the build in its place."""

    def table(self, name: str) -> Table:
        """Columns in lower case and rows of `schema.table`."""


class Duck:
    """The DuckDB file."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.settings = Settings(home=warehouse.home)

    def prepare(self, layer: str, incremental: Iterable[str]) -> None:
        self._copy(layer, f"{layer}__audit", incremental)

    def publish(self, layer: str, models: Iterable[str]) -> None:
        self._copy(f"{layer}__audit", layer, models)

    def _copy(self, source: str, target: str, names: Iterable[str]) -> None:
        with self.warehouse.connect() as connection:
            for schema in (source, target):
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            for name in names:
                connection.execute(f"CREATE OR REPLACE TABLE {target}.{name} AS FROM {source}.{name}")

    def table(self, name: str) -> Table:
        with self.warehouse.connect() as connection:
            result = connection.execute(f"FROM {name}")
            return [d[0] for d in result.description or ()], result.fetchall()


class Snow:
    """A database of the emulator."""

    def __init__(self, variables: dict[str, str], database: str, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        values: dict[str, Any] = {name.removeprefix("HALLMARK_").lower(): value for name, value in variables.items()}
        self.settings = Settings(
            **values, home=home, profile="snowflake", snowflake_database=database, snowflake_warehouse="LOADING"
        )
        self.connection = snowflake.connector.connect(
            account=self.settings.snowflake_account, user=self.settings.snowflake_user, password="emulated",
            host=self.settings.snowflake_host, port=self.settings.snowflake_port, protocol="http", network_timeout=30,
        )  # fmt: skip
        self.execute(f"CREATE DATABASE IF NOT EXISTS {database}")
        self.execute(f"USE DATABASE {database}")
        for schema in ("BRONZE", "BRONZE__LOADS", "OPS", "SEEDS", "SILVER", "SILVER__AUDIT", "GOLD", "GOLD__AUDIT"):
            self.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        self.execute("CREATE STAGE IF NOT EXISTS OPS.LANDING")

    def execute(self, sql: str) -> Any:
        """One statement's cursor."""
        return self.connection.cursor().execute(sql)

    def copy_bronze(self, warehouse: Warehouse) -> None:
        """Bronze and ops.loads as DuckDB has them: Parquet → PUT → COPY, JSON as VARIANT in the view."""
        with warehouse.connect() as duck:
            tables = duck.execute(
                "SELECT schema_name, table_name, list((column_name, data_type) ORDER BY column_index)"
                " FROM duckdb_columns() WHERE schema_name = 'bronze' OR (schema_name, table_name) = ('ops', 'loads')"
                " GROUP BY ALL"
            ).fetchall()
            for schema, name, columns in tables:
                file = self.settings.home / f"{name}.parquet"
                casts = [f'"{c}"::VARCHAR AS "{c}"' if t == "JSON" else f'"{c}"' for c, t in columns]
                duck.execute(f"COPY (SELECT {', '.join(casts)} FROM {schema}.{name}) TO '{file}' (FORMAT parquet)")
                self._load("OPS" if schema == "ops" else "BRONZE__LOADS", name.upper(), columns, file)
                if schema == "bronze":
                    shown = [f"PARSE_JSON({_up(c)}) AS {_up(c)}" if t == "JSON" else _up(c) for c, t in columns]
                    self.execute(
                        f"CREATE OR REPLACE VIEW BRONZE.{name.upper()} AS"
                        f" SELECT {', '.join(shown)} FROM BRONZE__LOADS.{name.upper()}"
                    )

    def _load(self, schema: str, name: str, columns: Sequence[tuple[str, str]], file: Path) -> None:
        types = ", ".join(f"{_up(c)} {TYPES.get(t, t)}" for c, t in columns)
        self.execute(f"CREATE OR REPLACE TABLE {schema}.{name} ({types})")
        stamp = hashlib.sha256(file.read_bytes()).hexdigest()[:12]  # a path of its own: COPY skips what it has seen
        self.execute(f"PUT 'file://{file}' @OPS.LANDING/{name}/{stamp}/ AUTO_COMPRESS=FALSE OVERWRITE=TRUE")
        self.execute(
            f"COPY INTO {schema}.{name} FROM @OPS.LANDING/{name}/{stamp}/ FILE_FORMAT=(TYPE=PARQUET"
            " USE_LOGICAL_TYPE=TRUE USE_VECTORIZED_SCANNER=TRUE) MATCH_BY_COLUMN_NAME=CASE_INSENSITIVE"
            " ON_ERROR=ABORT_STATEMENT"
        )

    def prepare(self, layer: str, incremental: Iterable[str]) -> None:
        self._clone(layer, f"{layer}__audit", incremental)

    def publish(self, layer: str, models: Iterable[str]) -> None:
        self._clone(f"{layer}__audit", layer, models)

    def _clone(self, source: str, target: str, names: Iterable[str]) -> None:
        for name in names:
            self.execute(f"DROP TABLE IF EXISTS {target}.{name}".upper())  # the emulator cannot replace by a clone
            self.execute(f"CREATE TABLE {target}.{name} CLONE {source}.{name}".upper())

    def table(self, name: str) -> Table:
        columns = [(row[0], row[1]) for row in self.execute(f"DESC TABLE {name}").fetchall()]
        # The emulator's client shows a NULL instant as 1970: instants are fetched as text.
        shown = [
            f"TO_CHAR(CONVERT_TIMEZONE('UTC', {_up(c)}), 'YYYY-MM-DD\"T\"HH24:MI:SS.FF6')" if "TZ" in t else _up(c)
            for c, t in columns
        ]
        rows = self.execute(f"SELECT {', '.join(shown)} FROM {name}").fetchall()
        return [c.lower() for c, _ in columns], rows


def build(side: Side, layer: str, models: LayerModels, values: dict[str, object], full: bool) -> None:
    """One layer of one slot on one side, published."""
    dbt = DbtProject(side.settings, layer)
    if full and models.seeds:
        dbt.invoke(["seed", "--full-refresh"], values)
    if not full:
        side.prepare(layer, [name for name, key in models.keys.items() if key])
    dbt.invoke(["run", *(["--full-refresh"] if full else []), "--select", *models.select], values)
    side.publish(layer, models.select)


def normal(value: Any) -> Any:
    """A value as both clients could have given it: no trailing zeros, instants in UTC, JSON as text."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, Decimal)):
        return format(Decimal(value).normalize(), "f")
    if isinstance(value, datetime):
        instant = value.replace(tzinfo=value.tzinfo or UTC)
        return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return str(value)


def rows_of(table: Table) -> list[str]:
    """The rows of a table in an order of their own, columns by name."""
    columns, rows = table
    order = sorted(range(len(columns)), key=columns.__getitem__)
    return sorted(repr([(columns[n], normal(row[n])) for n in order]) for row in rows)


def checksum(table: Table) -> str:
    """Of the rows in any order."""
    return hashlib.sha256("\n".join(rows_of(table)).encode()).hexdigest()


def _up(name: str) -> str:
    return f'"{name.upper()}"'
