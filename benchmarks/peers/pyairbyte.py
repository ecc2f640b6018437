"""PyAirbyte into DuckDB, with the connector of the peer `faker`."""

from __future__ import annotations

from pathlib import Path

import airbyte as ab
from airbyte.caches import DuckDBCache

from benchmarks import child

CONNECTOR = Path(__file__).resolve().parents[2] / ".venv-bench-faker" / "bin" / "source-faker"


def load(count: str, folder: Path) -> int:
    """The stream `users`."""
    source = ab.get_source(
        "source-faker", config={"count": int(count), "seed": 7}, local_executable=CONNECTOR, streams=["users"]
    )
    result = source.read(cache=DuckDBCache(db_path=folder / "warehouse.duckdb"), force_full_refresh=True)
    return result.processed_records


if __name__ == "__main__":
    child.main({"airbyte": load})
