"""The ADBC driver for PostgreSQL to Parquet, without a change of types."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import adbc_driver_postgresql.dbapi
import pyarrow.parquet as pq

from benchmarks import child


def write(table: str, folder: Path) -> int:
    """A table to one file."""
    rows = 0
    url = os.environ["BENCH_POSTGRES"]
    with closing(adbc_driver_postgresql.dbapi.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        reader = cursor.fetch_record_batch()
        with pq.ParquetWriter(folder / "rows.parquet", reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
    return rows


if __name__ == "__main__":
    child.main({"postgres": write})
