"""Ten million rows against ten million with a hundred differences: `blocks/diff`, a full join, collate-data-diff.

The second table lacks 20 rows, has 20 others, and 60 that changed. SIZE / 20 is the number of rows.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import child
from benchmarks.measure import median, run
from benchmarks.report import Goal, Section
from blocks.diff import Wanted, compare
from blocks.diff.sides import duckdb_file, postgres_table

BYTES_PER_ROW = 20
COMPARED = ("name", "amount", "made", "flag", "day", "status", "ref")
GOAL_SECONDS = 60
COLUMNS = ["", "wall s", "CPU s", "peak MB", "differences found", "goal"]
_MADE = """SELECT i AS id, 'customer number ' || i AS name, CAST(i % 100000 / 100 AS DECIMAL(12,2)) AS amount,
  TIMESTAMP '2026-01-01' + to_seconds(i) AS made, i % 3 = 0 AS flag,
  DATE '2020-01-01' + CAST(i % 3000 AS INTEGER) AS day,
  CASE WHEN i % 7 > 0 THEN 'st' || i % 11 END AS status, (i * 7919) % 1000003 AS ref FROM range({rows}) r(i)"""
_OTHER = """SELECT CASE WHEN id % {each} = 1 THEN id + {rows} ELSE id END AS id,
  CASE WHEN id % {each} IN (2, 3, 4) THEN name || '!' ELSE name END AS name, * EXCLUDE (id, name) FROM a"""
_POSTGRES = """CREATE TABLE a (id int8 PRIMARY KEY, name text, amount numeric(12,2), made timestamp, flag bool,
  day date, status text, ref int8)"""


def make(scratch: Path, rows: int) -> Path:
    """A warehouse file with both tables."""
    path = scratch / f"diff-{rows}.duckdb"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=scratch) as folder, duckdb.connect(Path(folder) / "made") as connection:
            connection.execute(f"CREATE TABLE a AS {_MADE.format(rows=rows)}")
            connection.execute(f"CREATE TABLE b AS {_OTHER.format(rows=rows, each=rows // 20)}")
            connection.close()
            shutil.move(Path(folder) / "made", path)
    return path


def _compared(a: Any, b: Any) -> int:
    with ExitStack() as opened:
        found = compare(opened.enter_context(a), opened.enter_context(b), Wanted(("id",)))
    child.NOTED["found"] = found.only_a + found.only_b + found.changed
    return found.rows_a


def ours(source: str, folder: Path) -> int:
    """Both in one file."""
    return _compared(duckdb_file("a", Path(source), "main", "a"), duckdb_file("b", Path(source), "main", "b"))


def ours_equal(source: str, folder: Path) -> int:
    """A table beside itself."""
    return _compared(duckdb_file("a", Path(source), "main", "a"), duckdb_file("b", Path(source), "main", "a"))


def ours_postgres(source: str, folder: Path) -> int:
    """The first in a Postgres; of the url that stands beside the file."""
    url = Path(f"{source}.url").read_text()
    return _compared(postgres_table("a", url, "public.a"), duckdb_file("b", Path(source), "main", "b"))


def full_join(source: str, folder: Path) -> int:
    """What one would write by hand."""
    differs = " OR ".join(f"a.{n} IS DISTINCT FROM b.{n}" for n in COMPARED)
    with duckdb.connect(source, read_only=True) as connection:
        sql = f"SELECT count(*) FROM a FULL JOIN b USING (id) WHERE {differs} OR a.id IS NULL OR b.id IS NULL"
        child.NOTED["found"] = connection.execute(sql).fetchall()[0][0]
        return int(connection.execute("SELECT count(*) FROM a").fetchall()[0][0])


def data_diff(source: str, folder: Path) -> int:
    """collate-data-diff as it is locked; it does not speak to Postgres without psycopg2."""
    from data_diff import connect_to_table, diff_tables

    place = {"driver": "duckdb", "filepath": source}
    a, b = (connect_to_table(place, f"main.{name}", "id") for name in "ab")
    found = diff_tables(a, b, extra_columns=COMPARED, bisection_factor=32, max_threadpool_size=2)
    child.NOTED["found"] = len({row[0] for _, row in found})
    return 0


@contextmanager
def _postgres(path: Path) -> Iterator[None]:
    """The first table in a Postgres of this machine."""
    import psycopg

    from blocks.sample.postgres import EmbeddedPostgres

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with EmbeddedPostgres(Path(folder)) as server, duckdb.connect(path, read_only=True) as rows:
            base = server.url().rpartition("/")[0]
            with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
                connection.execute("CREATE DATABASE diff")
            with psycopg.connect(f"{base}/diff", autocommit=True) as connection:
                connection.execute(_POSTGRES)
                file = Path(folder) / "a.csv"
                rows.execute(f"COPY a TO '{file}'")
                with (
                    connection.cursor().copy("COPY a FROM STDIN (FORMAT csv, HEADER)") as copy,
                    file.open("rb") as part,
                ):
                    while data := part.read(1 << 20):
                        copy.write(data)
                connection.execute("ANALYZE a")
            rows.close()
            Path(f"{path}.url").write_text(f"{base}/diff")
            try:
                yield
            finally:
                Path(f"{path}.url").unlink()
        server.destroy()


WORKS = {"ours": ours, "equal": ours_equal, "postgres": ours_postgres, "join": full_join, "data-diff": data_diff}
NAMES = {
    "ours": "**Hallmark**, DuckDB", "equal": "**Hallmark**, DuckDB, equal tables",
    "postgres": "**Hallmark**, Postgres and DuckDB", "join": "full outer join in DuckDB",
    "data-diff": "collate-data-diff, DuckDB",
}  # fmt: skip


def measure(size: int, times: int, scratch: Path) -> Section:
    """Each on the same tables; by time, since both cores are to be used."""
    rows = size // BYTES_PER_ROW
    source, little = make(scratch, rows), make(scratch, 1000)
    section = Section("diff", f"Diff: {rows} rows against {rows}, 100 differences", COLUMNS)
    for name, title in NAMES.items():
        with ExitStack() as opened:
            if name == "postgres":
                opened.enter_context(_postgres(source))
                shutil.copy(f"{source}.url", f"{little}.url")
            arguments = [name, str(little), str(source), str(scratch / "runs")]
            found = median([run("", "benchmarks.diff", arguments) for _ in range(times)])
        _add(section, name, title, found, rows)
    section.notes.append("Processor time is that of the process; a Postgres works beside it. Peaks are of the process.")
    return section


def _add(section: Section, name: str, title: str, found: Any, rows: int) -> None:
    if found.error:
        section.rows.append([title, found.error, *[""] * (len(COLUMNS) - 2)])
        return
    number = int(found.noted["found"])
    goal = f"≤ {GOAL_SECONDS} s, 100" if name in ("ours", "postgres") else ""
    row = [title, f"{found.wall:.1f}", f"{found.cpu:.1f}", f"{found.peak / 1e6:.0f}", str(number), goal]
    section.rows.append(row)
    if goal:
        reached = found.wall <= GOAL_SECONDS and number == 100
        what = f"Diff of {rows} rows, {title.removeprefix('**Hallmark**, ')}"
        section.goals.append(Goal(what, goal, f"{found.wall:.1f} s, {number}", reached))


if __name__ == "__main__":
    child.main(WORKS)
