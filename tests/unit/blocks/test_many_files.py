"""Many small files: they are read by several SELECTs, and each row and each reject of all of them is there once."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.sources.formats import BRANCHES
from tests.unit.blocks.test_files import Drops

FILES = BRANCHES * 2 + 30


def write(path: Path, number: int) -> None:
    """A row, and in every 50th file one that cannot be read, and another column."""
    odd = number % 50 == 0
    if path.suffix == ".csv":
        path.write_text(f"id,odd\n{number},x\nbroken\n" if odd else f"id\n{number}\n")
    elif path.suffix == ".ndjson":
        path.write_text(f'{{"id": {number}, "odd": "x"}}\nbroken\n' if odd else f'{{"id": {number}}}\n')
    else:
        pq.write_table(pa.table({"id": [str(number)]} | ({"odd": ["x"]} if odd else {})), path)


@pytest.mark.parametrize("suffix", ["csv", "ndjson", "parquet"])
def test_all_rows_of_many_files_are_read_by_a_few_selects(tmp_path: Path, suffix: str) -> None:
    drops = Drops(tmp_path, path=f"*.{suffix}")
    for number in range(FILES):
        write(drops.root / f"{number:04}.{suffix}", number)
    extract = drops.reader.extract(drops.stream, drops.land(), drops.landing, {"": ()})
    assert [c.name for c in extract.columns] == ["id", "odd"]
    assert len(extract.selects) == 3
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t (id VARCHAR, odd VARCHAR, _load_id VARCHAR, _source_position VARCHAR)")
    for select in extract.selects:
        connection.execute(f"INSERT INTO t BY NAME {select}")
    assert connection.sql("SELECT count(*), count(DISTINCT id), count(odd) FROM t").fetchall() == [(FILES, FILES, 11)]
    assert connection.sql("SELECT count(DISTINCT _load_id) FROM t").fetchall() == [(FILES,)]
    told = [r.position for r in extract.rejects(connection)]
    broken = (
        [] if suffix == "parquet" else [f"{n:04}.{suffix}:{3 if suffix == 'csv' else 2}" for n in range(0, FILES, 50)]
    )
    assert sorted(told) == broken
