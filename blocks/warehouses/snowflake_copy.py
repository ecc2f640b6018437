"""How rows get into Snowflake: Parquet of a good size, a stage, COPY INTO; counted on both sides.

Through an internal stage by PUT, or through an external one over the landing zone's bucket.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from blocks.landing import open_landing
from blocks.landing_s3 import STAGED, S3Landing
from blocks.settings import Settings
from blocks.sources.base import ColumnSpec
from blocks.sources.naming import literal
from blocks.warehouses.dialect import Snowflake
from governance.errors import ConfigurationError, HallmarkError

if TYPE_CHECKING:
    import duckdb

    from blocks.warehouses.snowflake import SnowflakeWarehouse

FILE_SIZE = "200MB"
"""Snowflake advises 100-250 MB of compressed data a file: https://docs.snowflake.com/en/user-guide/data-load-considerations-prepare"""
FILES_A_STATEMENT = 1000
INTERNAL = "ops.session_stage"
"""Of this session alone: what a killed run put there goes with its session."""


class Stage(Protocol):
    """Where COPY finds files."""

    def put(self, warehouse: SnowflakeWarehouse, folder: Path, path: str) -> str:
        """Bring the Parquet files of a folder to `path`; what COPY calls that place, ending with a slash."""
        ...


class InternalStage:
    """A stage within Snowflake, filled by PUT, which encrypts and retries by itself."""

    def put(self, warehouse: SnowflakeWarehouse, folder: Path, path: str) -> str:
        """PUT every file of the folder."""
        files = str(folder / "*.parquet").replace("\\", "\\\\").replace("'", "\\'")
        warehouse.execute(f"CREATE TEMPORARY STAGE IF NOT EXISTS {INTERNAL}")
        warehouse.execute(
            f"PUT 'file://{files}' @{INTERNAL}/{path} AUTO_COMPRESS = FALSE OVERWRITE = TRUE PARALLEL = 8"
        )
        return f"@{INTERNAL}/{path}/"


class ExternalStage:
    """A stage that an account's admin made over the landing zone's bucket, with a storage integration."""

    def __init__(self, name: str, landing: S3Landing) -> None:
        self.name, self.landing = name, landing

    def put(self, warehouse: SnowflakeWarehouse, folder: Path, path: str) -> str:
        """Upload every file of the folder to `staged/` below the landing zone's prefix."""
        keys = {f"{self.landing.prefix}{STAGED}/{path}/{file.name}": file for file in sorted(folder.iterdir())}
        self.landing.s3.upload(keys, dict.fromkeys(keys, self.landing.encrypted))
        return f"@{self.name}/{STAGED}/{path}/"


def stage_of(settings: Settings) -> Stage:
    """The stage that the settings name, else the internal one.

    Raises ConfigurationError for an external stage without a landing zone in S3.
    """
    if not settings.snowflake_stage:
        return InternalStage()
    landing = open_landing(settings)
    if not isinstance(landing, S3Landing):
        raise ConfigurationError(
            f"HALLMARK_SNOWFLAKE_STAGE {settings.snowflake_stage}", "the landing zone is not in S3",
            "set HALLMARK_LANDING to the s3:// prefix that the stage is over, or unset the stage",
        )  # fmt: skip
    return ExternalStage(settings.snowflake_stage, landing)


def copy_in(
    warehouse: SnowflakeWarehouse, table: str, columns: Sequence[ColumnSpec], sql: str, stage: Stage, scratch: Path
) -> None:
    """Put the rows of a SELECT in the engine into a table.

    Raises HallmarkError when Snowflake has not just the rows that were written. A statement that failed on the way
    back is repeated: files that it loaded before are skipped by Snowflake's load history.
    """
    with _folder(scratch) as folder:
        written = _export(warehouse.engine, columns, sql, folder)
        if not written:
            return
        before = _count(warehouse, table)
        for number, part in enumerate(sorted(f for f in folder.iterdir() if f.is_dir())):
            place = stage.put(warehouse, part, f"{uuid.uuid4()}/{number}")
            warehouse.execute(copy_statement(table, place), repeat=True)
            shutil.rmtree(part)  # the disk is for the rows that are still to come
        found = _count(warehouse, table) - before
    if found != written:
        raise HallmarkError(
            f"COPY INTO {table}", f"{written} rows were written and {found} arrived", "nothing was published; run again"
        )


def copy_statement(table: str, place: str) -> str:
    """COPY of all files of a place, all of them or none."""
    return (
        f"COPY INTO {table} FROM {place} FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE "
        "USE_VECTORIZED_SCANNER = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE ON_ERROR = ABORT_STATEMENT PURGE = TRUE"
    )


def _export(engine: duckdb.DuckDBPyConnection, columns: Sequence[ColumnSpec], sql: str, folder: Path) -> int:
    """Write the rows as Parquet, in folders of as many files as one statement takes; how many rows."""
    cells = ", ".join(f'{Snowflake().exported(c)} AS "{c.name}"' for c in columns)
    target = folder / "all"
    [(rows,)] = engine.execute(
        f"COPY (SELECT {cells} FROM ({sql})) TO {literal(str(target))} "
        f"(FORMAT parquet, COMPRESSION zstd, FILE_SIZE_BYTES '{FILE_SIZE}')"
    ).fetchall()
    for number, file in enumerate(sorted(target.glob("*.parquet"))):
        part = folder / f"{number // FILES_A_STATEMENT:06}"
        part.mkdir(exist_ok=True)
        file.rename(part / file.name)
    target.rmdir()
    return int(rows)


def _count(warehouse: SnowflakeWarehouse, table: str) -> int:
    return int(warehouse.execute(f"SELECT count(*) FROM {table}")[0][0])  # from the table's metadata: no scan


@contextmanager
def _folder(scratch: Path) -> Iterator[Path]:
    folder = scratch / str(uuid.uuid4())
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
