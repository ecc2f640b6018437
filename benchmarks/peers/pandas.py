"""pandas to Parquet, in memory, as a script of a few lines does it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks import child


def write(frame: pd.DataFrame, folder: Path) -> int:
    """A frame to Parquet."""
    frame.to_parquet(folder / "rows.parquet", compression="zstd")
    return len(frame)


if __name__ == "__main__":
    child.main({
        "csv": lambda source, folder: write(pd.read_csv(source, dtype=str), folder),
        "ndjson": lambda source, folder: write(pd.read_json(source, lines=True), folder),
    })  # fmt: skip
