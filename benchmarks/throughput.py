"""Ours beside others on the same source, turn by turn, each in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks import data, stores
from benchmarks.measure import Run, median, run
from benchmarks.report import Goal, Section
from benchmarks.works import Peer, Work

LONG = 60
"""Seconds of processor time after which a process is not measured again."""
COLUMNS = ["", "MB/s per core", "CPU s", "wall s", "peak MB", "imports, CPU s", "ours is × as fast", "goal"]
BYTES_OF_A_USER = 600
"""What a record of source-faker has on the wire, about."""
LITTLE = 50_000
"""Bytes of the source that warms up."""


def measure(work: Work, size: int, times: int, scratch: Path) -> Section:
    """The table of one work."""
    size = round(size * work.share)
    if work.name == "postgres":
        with stores.postgres(scratch) as url:
            name = f"rows_{size}"
            bytes_ = stores.table(url, name, size, scratch)
            stores.table(url, "little", LITTLE, scratch)
            return _section(work, "little", name, bytes_, times, scratch, {"BENCH_POSTGRES": url})
    little, source, bytes_ = sources(work.name, size, scratch)
    return _section(work, little, source, bytes_, times, scratch, {"HALLMARK_HOME": str(scratch / "connectors-home")})


def sources(kind: str, size: int, scratch: Path) -> tuple[str, str, int]:
    """(a little source, the one that counts, its bytes)."""
    if kind == "airbyte":
        return "20", str(size // BYTES_OF_A_USER), size
    if kind == "documents":
        little, folder = (stores.documents(scratch / f"documents-{n}", n) for n in (LITTLE, size))
        return str(little), str(folder), sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    little, path = (data.make(kind, scratch / f"{kind}-{n}" / f"rows.{kind}", n) for n in (LITTLE, size))
    return str(little), str(path), path.stat().st_size


def _section(
    work: Work, little: str, source: str, bytes_: int, times: int, scratch: Path, variables: Mapping[str, str]
) -> Section:
    every = (Peer("", work.name, "**Hallmark**"), *work.peers)
    runs: dict[Peer, list[Run]] = {peer: [] for peer in every}
    for _ in range(times):
        for peer, found in runs.items():
            if found and (found[-1].error or found[-1].cpu > LONG):
                continue
            module = f"benchmarks.peers.{peer.environment}" if peer.environment else "benchmarks.ours"
            folder = scratch / "runs"
            found.append(run(peer.environment, module, [peer.work, little, source, str(folder)], variables))
            print(
                f"  {work.name}: {peer.label.strip('*')}: {found[-1].error or f'{found[-1].cpu:.1f} s of CPU'}",
                flush=True,
            )
    ours, megabytes = median(runs[every[0]]), bytes_ / 1e6
    section = Section(work.name, f"{work.title}: {megabytes:.0f} MB, {ours.rows} rows", COLUMNS)
    for peer, found in runs.items():
        section.rows.append(_row(peer, median(found), ours, megabytes))
        if peer.goal and not median(found).error:
            ratio = _ratio(median(found), ours)
            what = f"{work.title}, beside {peer.label}"
            section.goals.append(Goal(what, f"≥ {peer.goal:.2f} ×", f"{ratio:.2f} ×", ratio >= peer.goal))
        if median(found).rows not in (ours.rows, 0):
            section.notes.append(f"{peer.label} brings {median(found).rows} rows, ours {ours.rows}.")
    return section


def _ratio(peer: Run, ours: Run) -> float:
    return peer.cpu / ours.cpu if ours.cpu else 0.0


def _row(peer: Peer, found: Run, ours: Run, megabytes: float) -> list[str]:
    if found.error:
        return [peer.label, found.error, *[""] * 6]
    goal = f"≥ {peer.goal:.2f}" if peer.goal else ""
    numbers = [f"{megabytes / found.cpu:.1f}", f"{found.cpu:.1f}", f"{found.wall:.1f}", f"{found.peak / 1e6:.0f}"]
    return [
        peer.label,
        *numbers,
        f"{found.imports:.1f}",
        f"{_ratio(found, ours):.2f}" if peer.environment else "",
        goal,
    ]
