"""Polars to Parquet, streaming."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks import child


def write(frame: pl.LazyFrame, folder: Path) -> int:
    """A lazy frame to Parquet; the rows of it, by its footer."""
    frame.sink_parquet(folder / "rows.parquet", compression="zstd")
    return pl.scan_parquet(folder / "rows.parquet").select(pl.len()).collect().item()


if __name__ == "__main__":
    child.main({
        "csv": lambda source, folder: write(pl.scan_csv(source, infer_schema=False), folder),
        "ndjson": lambda source, folder: write(pl.scan_ndjson(source), folder),
    })  # fmt: skip
