"""DuckDB in memory, to look into files by: one instance for the process, since each that begins takes 15 ms."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


@contextmanager
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own; what it makes that is not temporary is there for all."""
    connection = _instance(os.getpid()).cursor()
    try:
        yield connection
    finally:
        connection.close()


@cache
def _instance(_: int) -> duckdb.DuckDBPyConnection:
    """By the process: a forked one has no threads of its parent's."""
    import duckdb

    return duckdb.connect()
