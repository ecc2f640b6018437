"""Where a gate's checks run: in the warehouse that is open."""

from __future__ import annotations

from blocks.warehouses.duckdb import DuckDBWarehouse
from blocks.warehouses.snowflake import SnowflakeWarehouse
from blocks.warehouses.sql import SqlWarehouse
from expectations import gate


def gate_on(warehouse: SqlWarehouse) -> gate.Connect:
    """What `gate.run` takes."""
    if isinstance(warehouse, DuckDBWarehouse):
        return gate.on_duckdb(warehouse.connection)
    assert isinstance(warehouse, SnowflakeWarehouse)
    return gate.on_snowflake(warehouse.another_session)
