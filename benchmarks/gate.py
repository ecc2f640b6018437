"""The gate of bronze: Great Expectations on a staged stream, beside one aggregate query that asks the same."""

from __future__ import annotations

from pathlib import Path

from benchmarks import child, ours, throughput
from benchmarks.measure import median, run
from benchmarks.report import Section
from blocks.warehouses import open_warehouse
from flows.load import run_gate, stage

COLUMNS = ["", "CPU s", "of the load"]
_AGGREGATE = """
  SELECT count(*) AS rows, count(*) - count(_load_id) AS load_missing,
    count(*) - count(_source_position) AS position_missing,
    count(*) - count(DISTINCT (_load_id, _source_position)) AS read_twice
  FROM bronze__staging.bench__rows
"""


def gated(source: str, home: Path) -> int:
    """A CSV into staging, and then its gate in both ways."""
    context = ours.begin(ours.files(source), home)
    with child.part("load"):
        reader, load, manifests = ours.landed("rows", context)
    with open_warehouse(context.settings) as warehouse:
        with child.part("load"):
            ready = stage(warehouse, reader, load, manifests, context)
        with child.part("gate"):
            checks = run_gate(warehouse, ready, context)[0].checks
        with child.part("aggregate"):
            [(rows, *failed)] = warehouse.execute(_AGGREGATE)
    assert not any(failed) and all(c.success for c in checks)
    return int(rows)


def measure(size: int, times: int, scratch: Path) -> Section:
    """Both on the CSV of the first part."""
    little, source, bytes_ = throughput.sources("csv", size, scratch)
    runs = [run("", "benchmarks.gate", ["gate", little, source, str(scratch / "runs")]) for _ in range(times)]
    found = median(runs)
    section = Section("gate", f"The gate of bronze: {bytes_ / 1e6:.0f} MB of CSV, {found.rows} rows", COLUMNS)
    if found.error:
        section.rows.append([found.error, "", ""])
        return section
    load = found.noted["load"]
    for name, part in (("read, land, stage", "load"), ("Great Expectations", "gate"), ("one query", "aggregate")):
        section.rows.append([name, f"{found.noted[part]:.2f}", f"{found.noted[part] / load:.0%}"])
    return section


if __name__ == "__main__":
    child.main({"gate": gated})
