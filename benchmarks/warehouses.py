"""The way to Snowflake, on an emulator: its cost up to staged Parquet beside DuckDB, and its number of statements.

The emulator is a process of its own, whose processor time nobody counts.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from benchmarks import child, data, ours, throughput
from benchmarks.measure import Run, median, run
from benchmarks.report import Goal, Section
from blocks.warehouses import open_warehouse
from flows.load import after_publish, publish, run_gate, stage
from tests.snowflake_support import emulator, environment_of

MORE = 1.1
"""The way to staged Parquet may cost so many times that of DuckDB."""
SHAPES = ((1, 1), (1, 32), (4, 4), (4, 32))
"""(streams, files of all)."""
_FILE = 40_000


def staged(source: str, home: Path) -> int:
    """A CSV as it lies beside bronze, in the warehouse that the environment names."""
    _new_database()
    context = ours.begin(ours.files(source), home)
    reader, load, manifests = ours.landed("rows", context)
    with open_warehouse(context.settings) as warehouse:
        return sum(stage(warehouse, reader, load, manifests, context)[0].staged.read.values())


def statements(shapes: str, home: Path) -> int:
    """Batches of `streams,files` each, through staging, gate and publish; the statements of each are noted."""
    return sum(_batch(shape, home / shape) for shape in shapes.split())


def _batch(shape: str, home: Path) -> int:
    _new_database()
    context = ours.begin(_source(shape, home), home)
    rows, before = 0, child.NOTED.get("count", 0)
    for name in context.sources["bench"].streams:
        reader, load, manifests = ours.landed(name, context)
        with open_warehouse(context.settings) as warehouse:
            ready = run_gate(warehouse, stage(warehouse, reader, load, manifests, context), context)
        rows += sum(a.published for a in publish(ready, context)[0].values())
        after_publish(ready, context)
    child.NOTED[shape] = child.NOTED["count"] - before
    return rows


def _source(shape: str, home: Path) -> dict[str, object]:
    """`streams,files`: so many streams, which have so many files together, no two of them alike."""
    count, files = map(int, shape.split(","))
    for number in range(files):
        data.make("csv", home / "drops" / str(number % count) / f"{number:04}.csv", _FILE + 300 * number)
    streams = {f"s{n}": {"path": f"{n}/*.csv", "settle": 0} for n in range(count)}
    return {"kind": "files", "root": str(home / "drops"), "owner": "bench", "streams": streams}


def _new_database() -> None:
    """Each run begins with nothing in the warehouse."""
    os.environ["HALLMARK_SNOWFLAKE_DATABASE"] = f"B{uuid.uuid4().hex[:12].upper()}"


def measure_way(size: int, times: int, scratch: Path) -> Section:
    """From the source to staged Parquet, beside DuckDB's table."""
    little, source, bytes_ = throughput.sources("csv", size, scratch)
    columns = ["", "CPU s to staged rows", "beside it, in statements and PUT: CPU s", "× DuckDB", "goal"]
    title = f"The way to Snowflake: {bytes_ / 1e6:.0f} MB of CSV, to staged rows"
    section, runs = Section("warehouse", title, columns), dict[str, list[Run]](duckdb=[], snowflake=[])
    with emulator(scratch / "emulator.log") as variables:
        for _ in range(times):
            for kind, found in runs.items():
                given = environment_of(variables, "BENCH") if kind == "snowflake" else {}
                arguments = [kind, little, source, str(scratch / "runs")]
                found.append(run("", "benchmarks.warehouses", arguments, given))
    ours_, theirs = median(runs["snowflake"]), median(runs["duckdb"])
    if error := ours_.error or theirs.error:
        section.rows.append([error, *[""] * 4])
        return section
    aside = ours_.noted["statements"]
    costs, goal = (ours_.cpu - aside) / theirs.cpu, f"≤ {MORE:.2f} ×"
    section.rows.append(["DuckDB, its table", f"{theirs.cpu:.2f}", "", "", ""])
    section.rows.append(["Snowflake, Parquet", f"{ours_.cpu - aside:.2f}", f"{aside:.2f}", f"{costs:.2f}", goal])
    section.notes.append(
        "What a stream's statements cost does not grow with its bytes; uploads have a part of their own."
    )
    section.goals.append(
        Goal("CSV to staged Parquet for Snowflake, beside DuckDB", goal, f"{costs:.2f} ×", costs <= MORE)
    )
    return section


def measure_statements(size: int, times: int, scratch: Path) -> Section:
    """As files grow, and as streams do; neither depends on size or times."""
    columns = ["streams", "files", "statements", "a stream"]
    section = Section("statements", "Statements of a batch on Snowflake, to bronze", columns)
    shapes = " ".join(f"{streams},{files}" for streams, files in SHAPES)
    with emulator(scratch / "emulator.log") as variables:
        arguments = ["statements", "1,1", shapes, str(scratch / "runs")]
        found = run("", "benchmarks.warehouses", arguments, environment_of(variables, "BENCH"))
    if found.error:
        section.rows.append([found.error, "", "", ""])
        return section
    counted = {(streams, files): round(found.noted[f"{streams},{files}"]) for streams, files in SHAPES}
    for (streams, files), number in counted.items():
        section.rows.append([str(streams), str(files), str(number), f"{number / streams:.1f}"])
    more = counted[1, 32] - counted[1, 1]
    section.goals.append(Goal("Statements of a stream more for 32 files than for one", "0", str(more), more == 0))
    return section


def _prepare() -> None:
    """Let what Snowflake is asked be a part, and count the statements."""
    from snowflake.connector.cursor import SnowflakeCursor

    from blocks.warehouses.snowflake import SnowflakeWarehouse

    child.note_calls("statements", SnowflakeWarehouse, "_run")
    execute = SnowflakeCursor.execute

    def counted(*arguments: object, **more: object) -> object:
        child.NOTED["count"] = child.NOTED.get("count", 0) + 1
        return execute(*arguments, **more)  # type: ignore[arg-type]

    SnowflakeCursor.execute = counted  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    _prepare()
    child.main({"duckdb": staged, "snowflake": staged, "statements": statements})
