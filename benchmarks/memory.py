"""`make bench-memory`: a file that is larger than the memory it may take, in a control group; and linear cost."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import throughput
from benchmarks.cgroup import limited
from benchmarks.measure import DAY, ROOT, Run, run
from benchmarks.report import Goal, Section, keep, machine
from benchmarks.sizes import size_of

COLUMNS = ["", "limit MB", "allocated at most, MB", "with pages of files, MB", "MB/s per core", "wall s", ""]
KINDS = ("csv", "ndjson")
LINEAR = 17.6
"""16 times as much may cost so many times, which leaves a tenth for what is measured badly."""


def bounded(kinds: list[str], size: int, limit: int, scratch: Path) -> Section:
    """Each kind of file in a group of its own with this limit."""
    section = Section("memory", f"Memory: {size / 1e9:g} GB in a control group of {limit / 1e9:g} GB", COLUMNS)
    for kind in kinds:
        little, source, bytes_ = throughput.sources(kind, size, scratch)
        with limited(limit) as group:
            if group is None:
                section.notes.append("No control group could be made: run it as root, with a memory controller.")
                return section
            arguments = [kind, little, source, str(scratch / "runs")]
            found = run("", "benchmarks.ours", arguments, group=group, longest=DAY)
            used, peak, kills = group.own / 1e6, group.peak / 1e6, group.kills
        verdict = f"killed: {found.error}" if kills else found.error or f"{found.rows} rows"
        speed = "" if found.error else f"{bytes_ / 1e6 / found.cpu:.1f}"
        wall = "" if found.error else f"{found.wall:.0f}"
        section.rows.append([kind, f"{limit / 1e6:.0f}", f"{used:.0f}", f"{peak:.0f}", speed, wall, verdict])
        what = f"{kind} of {bytes_ / 1e9:.1f} GB within {limit / 1e9:g} GB of memory"
        section.goals.append(Goal(what, f"≤ {limit / 1e6:.0f} MB", f"{used:.0f} MB", not found.error))
        print(f"  memory: {kind}: {verdict}, {used:.0f} MB", flush=True)
    return section


def linear(size: int, times: int, scratch: Path) -> Section:
    """The same work on a quarter of the size, the size, and four times as much: 1, 4 and 16 of it."""
    columns = ["", *(f"{n} × : CPU s" for n in (1, 4, 16)), "16 × costs", "peak MB of 1, 4, 16 ×"]
    section = Section("linear", f"Cost by size: 1, 4 and 16 × {size / 4e6:.0f} MB", columns)
    for kind in KINDS:
        runs: list[Run] = []
        for more in (1, 4, 16):
            little, source, _ = throughput.sources(kind, more * size // 4, scratch)
            runs.append(run("", "benchmarks.ours", [kind, little, source, str(scratch / "runs")]))
            print(f"  linear: {kind} × {more}: {runs[-1].error or f'{runs[-1].cpu:.1f} s of CPU'}", flush=True)
        if error := next((r.error for r in runs if r.error), ""):
            section.rows.append([kind, error, *[""] * 4])
            continue
        costs, peaks = runs[2].cpu / runs[0].cpu, ", ".join(f"{r.peak / 1e6:.0f}" for r in runs)
        section.rows.append([kind, *(f"{r.cpu:.1f}" for r in runs), f"{costs:.1f} ×", peaks])
        section.goals.append(
            Goal(f"{kind}: cost of 16 times the size", f"≤ {LINEAR} ×", f"{costs:.1f} ×", costs <= LINEAR)
        )
    return section


def main() -> None:
    """Measure, print and keep."""
    options = argparse.ArgumentParser(prog="make bench-memory", description=__doc__)
    options.add_argument("--size", type=size_of, default=size_of("16G"))
    options.add_argument("--limit", type=size_of, default=size_of("1500M"))
    options.add_argument("--only", default=",".join(KINDS), help="kinds of files, by a comma between them")
    options.add_argument("--scratch", type=Path, default=ROOT / ".bench")
    options.add_argument("--results", type=Path, default=ROOT / "benchmarks")
    given = options.parse_args()
    scratch = given.scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    section = bounded(given.only.split(","), given.size, given.limit, scratch)
    section.about = machine()
    keep(section, given.results)
    print("\n" + section.text())


if __name__ == "__main__":
    main()
