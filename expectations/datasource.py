"""Great Expectations on DuckDB: a datasource and an execution engine, neither of which GX has.

Only the connection. Imports Great Expectations: import this module inside a function.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy
from duckdb_engine import ConnectionWrapper
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine

from expectations.engine import GateExecutionEngine

if TYPE_CHECKING:
    import duckdb


class DuckDBExecutionEngine(GateExecutionEngine):
    """Keeps one connection: GX's own engine gives it back to the pool before the result is read.

    The connection stays in one transaction, so that every check of a run sees the same state of the tables.
    """

    kept: sqlalchemy.Connection | None = None

    @contextmanager
    def get_connection(self) -> Iterator[sqlalchemy.Connection]:
        """The kept connection, rolled back after an error: DuckDB refuses every statement of an aborted transaction."""
        if self.kept is None:
            self.kept = self.engine.connect()
        try:
            yield self.kept
        except BaseException:
            self.kept.rollback()
            raise

    def close(self) -> None:
        """End the transaction and give the connection back."""
        if self.kept is not None:
            self.kept.close()
            self.kept = None
        super().close()


EngineType = type[SqlAlchemyExecutionEngine]  # within the class below, `type` is its field


class DuckDBDatasource(SQLDatasource):
    """Tables of one schema. GX offers it as `context.data_sources.add_duckdb`."""

    type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]

    @property
    def execution_engine_type(self) -> EngineType:
        """What GX runs the checks with."""
        return DuckDBExecutionEngine

    @property
    def schema_(self) -> str | None:
        """From the address, as in GX's Snowflake datasource."""
        schema = sqlalchemy.make_url(str(self.connection_string)).query.get("schema")
        return schema if isinstance(schema, str) else None


def add_duckdb(context: Any, name: str, schema: str, connection: duckdb.DuckDBPyConnection) -> DuckDBDatasource:
    """A datasource in the instance that `connection` has open; it sees what is committed.

    A second `duckdb.connect` on the same file would be refused unless its configuration were the same.
    """
    url = sqlalchemy.URL.create("duckdb", query={"schema": schema}).render_as_string()
    datasource: DuckDBDatasource = context.data_sources.add_duckdb(
        name=name,
        connection_string=url,
        create_temp_table=False,
        kwargs={"creator": lambda: ConnectionWrapper(connection.cursor())},
    )
    return datasource
