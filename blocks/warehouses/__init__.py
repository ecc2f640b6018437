"""Where the layers live. `open_warehouse` opens the one that the settings name."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blocks.settings import Settings
    from blocks.warehouses.sql import SqlWarehouse


def open_warehouse(settings: Settings, wait: float = 60.0) -> AbstractContextManager[SqlWarehouse]:
    """Open the warehouse for one step.

    On DuckDB, which takes one process at a time, LockedError when another one holds it for more than `wait` seconds.
    """
    if settings.profile == "snowflake":
        from blocks.warehouses.snowflake import open_snowflake

        return open_snowflake(settings)
    from blocks.warehouses.duckdb import open_duckdb

    return open_duckdb(settings.warehouse_file, wait)


def check_settings(settings: Settings) -> None:
    """Raises ConfigurationError where settings of the warehouse are missing; nothing is opened."""
    if settings.profile == "snowflake":
        from blocks.warehouses.snowflake_session import check_settings as check

        check(settings)


def is_made(settings: Settings) -> bool:
    """Whether there is a warehouse to read: one in a file is made by the first run."""
    return settings.profile == "snowflake" or settings.warehouse_file.exists()
