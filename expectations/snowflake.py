"""Great Expectations' Snowflake datasource on a connection of ours, and the dialect that keeps its statements few.

Only the connection and how names are written. Imports Great Expectations: import this module inside a function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NoReturn

import sqlalchemy
from great_expectations.datasource.fluent import SnowflakeDatasource
from great_expectations.datasource.fluent.interfaces import TestConnectionError
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from snowflake.sqlalchemy.base import SnowflakeIdentifierPreparer  # type: ignore[import-untyped]
from snowflake.sqlalchemy.snowdialect import SnowflakeDialect  # type: ignore[import-untyped]
from sqlalchemy.dialects import registry
from sqlalchemy.engine import reflection
from sqlalchemy.pool import StaticPool

from expectations.engine import GateExecutionEngine
from governance.errors import HallmarkError


class UpperCase(SnowflakeIdentifierPreparer):  # type: ignore[misc]
    """Every name folded and quoted: left bare, a reserved word or a leading digit would be an error."""

    def quote_identifier(self, value: str) -> str:
        """Quoted, in upper case."""
        return str(super().quote_identifier(value.upper()))

    def quote(self, ident: str, force: Any = None) -> str:
        """Quoted, in upper case, whatever the name says of itself."""
        return self.quote_identifier(ident)


class GateDialect(SnowflakeDialect):  # type: ignore[misc]
    """Reads tables by name, in lower case as elsewhere, and asks the server for nothing that a gate has no use for."""

    supports_statement_cache = True
    preparer = UpperCase

    @classmethod
    def import_dbapi(cls) -> Any:
        """The connector; SQLAlchemy asks each class for it."""
        return super().import_dbapi()

    @reflection.cache
    def get_columns(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> list[Any]:
        """By one DESC TABLE."""
        columns: list[Any] = super().get_columns(connection, table_name, schema, **kw)
        return [{**column, "name": str(column["name"]).lower()} for column in columns]

    def get_pk_constraint(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """None: Snowflake enforces no key, so a gate counts."""
        return {"constrained_columns": [], "name": None}

    def get_schema_names(self, connection: Any, **kw: Any) -> NoReturn:
        """Refused: GX would list all schemas to explain a missing table, and does without where it cannot."""
        raise NotImplementedError("a gate lists no schemas")

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Nothing: each statement of a gate reads on its own."""


registry.register("snowflake.gate", __name__, GateDialect.__name__)


EngineType = type[SqlAlchemyExecutionEngine]  # within the class below, `type` is its field


class GateDatasource(SnowflakeDatasource):
    """Tables of one schema. GX offers it as `context.data_sources.add_snowflake_gate`."""

    type: Literal["snowflake_gate"] = "snowflake_gate"  # type: ignore[assignment]

    @property
    def execution_engine_type(self) -> EngineType:
        """What GX runs the checks with."""
        return GateExecutionEngine

    def get_engine(self) -> sqlalchemy.Engine:
        """One connection for everything, by `creator`, which GX's own datasource drops."""
        if self._engine is None:
            # An isolation level would be set by ALTER SESSION; the end of a connection would be a ROLLBACK each time.
            self._engine = sqlalchemy.create_engine(
                "snowflake+gate://",
                poolclass=StaticPool,
                pool_reset_on_return=None,
                isolation_level=None,
                **self.kwargs,
            )
        return self._engine


def add_snowflake(context: Any, name: str, schema: str, connect: Callable[[], Any]) -> GateDatasource:
    """A datasource on the connection that `connect` opens; closed with the datasource's engine.

    Raises what `connect` raises, if that is a HallmarkError, else GX's TestConnectionError.
    """
    try:
        datasource: GateDatasource = context.data_sources.add_snowflake_gate(
            name=name,
            # GX wants all the parts; of these it reads the schema.
            connection_string=f"snowflake://gate:none@hallmark-gate/none/{schema.lower()}?warehouse=none&role=none",
            create_temp_table=False,
            kwargs={"creator": connect},
        )
    except TestConnectionError as error:
        if isinstance(error.__cause__, HallmarkError):
            raise error.__cause__ from None
        raise
    return datasource
