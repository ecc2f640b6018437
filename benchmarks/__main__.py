"""`make bench`: measures what is asked for, one after the other, and keeps each result as soon as it is there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks import batch, catalog, cores, diff, gate, landing, memory, rates, throughput, warehouses, watch
from benchmarks.measure import ROOT
from benchmarks.report import Section, keep, machine
from benchmarks.sizes import size_of
from benchmarks.works import WORKS

Measure = Callable[[int, int, Path], Section]
"""(bytes of a source, processes of each kind, scratch folder) → the table."""
PARTS: Mapping[str, Measure] = {
    **{work.name: partial(throughput.measure, work) for work in WORKS},
    "rates": rates.measure, "cores": cores.measure, "linear": memory.linear,
    "gate": gate.measure, "batch": batch.measure,
    "warehouse": warehouses.measure_way, "statements": warehouses.measure_statements, "upload": landing.measure_upload,
    "catalog": catalog.measure, "diff": diff.measure, "watch": watch.measure,
}  # fmt: skip


def main() -> None:
    """Measure, print and keep."""
    options = argparse.ArgumentParser(prog="make bench", description=__doc__)
    options.add_argument("--size", type=size_of, default=size_of("200M"), help="of the source of a part")
    options.add_argument("--only", help=f"of {', '.join(PARTS)}; by a comma between them")
    options.add_argument("--times", type=int, default=3, help="processes of each kind, of which the median counts")
    options.add_argument("--scratch", type=Path, default=ROOT / ".bench", help="where the data are made and kept")
    options.add_argument("--results", type=Path, default=ROOT / "benchmarks", help="folder of results.md")
    given = options.parse_args()
    wanted = given.only.split(",") if given.only else list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        sys.exit(f"there is no {', '.join(sorted(unknown))}. Remedy: use {', '.join(PARTS)}")
    scratch = given.scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        section = PARTS[name](given.size, given.times, scratch)
        section.about = machine()
        keep(section, given.results)
        print("\n" + section.text(), flush=True)


if __name__ == "__main__":
    main()
