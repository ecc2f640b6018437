"""DuckDB by itself: a file into a table, without hash, position, account or quarantine."""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks import child


def load(reading: str, folder: Path) -> int:
    """The rows of a table function into a table of a new file."""
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        found = connection.execute(f"CREATE TABLE rows AS SELECT * FROM {reading}").fetchone()
    return int(found[0])


if __name__ == "__main__":
    child.main({
        "csv": lambda source, folder: load(f"read_csv('{source}', all_varchar = true)", folder),
        "parquet": lambda source, folder: load(f"read_parquet('{source}')", folder),
        "ndjson": lambda source, folder: load(f"read_json('{source}', format = 'newline_delimited')", folder),
    })  # fmt: skip
