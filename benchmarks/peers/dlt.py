"""dlt into DuckDB: by its own readers, and by Arrow, which is its quickest way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pyarrow.csv
from dlt.sources.filesystem import filesystem, read_csv, read_jsonl
from dlt.sources.sql_database import sql_table

from benchmarks import child


def load(resource: Any, folder: Path) -> int:
    """One resource into a table of a new DuckDB."""
    pipeline = dlt.pipeline(
        "bench", pipelines_dir=str(folder), dataset_name="bronze",
        destination=dlt.destinations.duckdb(str(folder / "warehouse.duckdb")),
    )  # fmt: skip
    pipeline.run(resource, table_name="rows")
    return int(pipeline.last_trace.last_normalize_info.row_counts["rows"])


def arrow_csv(source: str) -> Any:
    """A CSV as batches of Arrow, all columns text."""

    def batches() -> Iterator[Any]:
        with Path(source).open(encoding="utf-8") as file:
            names = file.readline().strip().split(",")
        yield from pyarrow.csv.open_csv(
            source,
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            read_options=pyarrow.csv.ReadOptions(block_size=16 << 20),
            convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pyarrow.string())),
        )

    return dlt.resource(batches, name="rows")


def dropped(source: str, reader: Any) -> Any:
    """A file by dlt's filesystem source."""
    path = Path(source)
    return filesystem(path.parent.as_uri(), file_glob=path.name) | reader


def table(name: str, backend: str) -> Any:
    """A table by dlt's sql_database source."""
    url = os.environ["BENCH_POSTGRES"].replace("postgresql://", "postgresql+psycopg2://")
    return sql_table(url, table=name, schema="public", backend=backend)


if __name__ == "__main__":
    child.main({
        "csv": lambda source, folder: load(dropped(source, read_csv()), folder),
        "csv_arrow": lambda source, folder: load(arrow_csv(source), folder),
        "ndjson": lambda source, folder: load(dropped(source, read_jsonl()), folder),
        "postgres": lambda source, folder: load(table(source, "sqlalchemy"), folder),
        "postgres_arrow": lambda source, folder: load(table(source, "pyarrow"), folder),
    })  # fmt: skip
