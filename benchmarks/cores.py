"""How many cores ours keeps busy: two tables of Postgres at once, and documents."""

from __future__ import annotations

from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg

from benchmarks import stores, throughput
from benchmarks.measure import run
from benchmarks.report import Goal, Section

COLUMNS = ["", "CPU s", "of the server", "wall s", "cores busy", "goal"]
LEAST = 1.6
"""Of two cores."""


def measure(size: int, times: int, scratch: Path) -> Section:
    """Two tables one after the other, and at once; documents, whose processes are as many as the cores."""
    section = Section("cores", f"Cores that are busy, of {size / 1e6:.0f} MB", COLUMNS)
    with stores.postgres(scratch) as url:
        names = [f"half_{n}_{size // 2}" for n in (0, 1)]
        for number, name in enumerate(names):
            stores.table(url, name, size // 2, scratch, first=number * size)
        stores.table(url, "little", throughput.LITTLE, scratch)
        with psycopg.connect(url) as connection:
            server = psutil.Process(connection.info.backend_pid).parent()
        for work, label, goal in (
            ("postgres", "two tables, one after the other", 0.0),
            ("postgres2", "at once", LEAST),
        ):
            variables = {"BENCH_POSTGRES": url}
            _add(section, work, label, ["little", ",".join(names)], scratch, goal, server, variables)
    little, source, _ = throughput.sources("documents", size // 10, scratch)
    _add(section, "documents", "documents", [little, source], scratch, LEAST)
    return section


def _add(
    section: Section, work: str, label: str, sources: list[str], scratch: Path, goal: float,
    server: psutil.Process | None = None, variables: dict[str, str] | None = None,
) -> None:  # fmt: skip
    before = _seconds(server)
    found = run("", "benchmarks.ours", [work, *sources, str(scratch / "runs")], variables)
    if found.error:
        section.rows.append([label, found.error, *[""] * 4])
        return
    behind = _seconds(server) - before
    busy, shown = (found.cpu + behind) / found.wall, f"≥ {goal:.1f} of 2" if goal else ""
    numbers = [f"{found.cpu:.1f}", f"{behind:.1f}", f"{found.wall:.1f}", f"{busy:.2f}"]
    section.rows.append([label, *numbers, shown])
    if goal:
        section.goals.append(Goal(f"Cores busy, {label}", shown, f"{busy:.2f}", busy >= goal))


def _seconds(server: psutil.Process | None) -> float:
    """Of a server and of its sessions that have ended."""
    return float(sum(server.cpu_times()[:4])) if server else 0.0
