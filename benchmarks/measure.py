"""One process, measured from outside and from within: what it did, or why it did not.

Processor time is user and system of the process and of the children that it waited for. Peak memory is the largest sum
of resident memory of the process and all below it, looked at ten times a second, or the peak of the largest of them by
itself, whatever is more.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.cgroup import Group

ROOT = Path(__file__).resolve().parents[1]
DAY = 24 * 3600
"""Seconds of a process that may take as long as it takes."""
LONGEST = 900
"""Seconds after which a process is ended."""
_QUIET = {
    "DO_NOT_TRACK": "1",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "AIRBYTE_OFFLINE_MODE": "1",
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True)
class Run:
    """What a process said of its work, and its peak memory."""

    rows: int = 0
    cpu: float = 0.0
    """Seconds of processor time of the work, without the imports."""
    wall: float = 0.0
    imports: float = 0.0
    """Seconds of processor time before the work: imports, and the same on a few rows."""
    peak: int = 0
    """Bytes."""
    error: str = ""
    noted: Mapping[str, float] = field(default_factory=dict)
    """What the work said beside it: seconds of its parts, or counts."""


def median(runs: Sequence[Run]) -> Run:
    """Each figure's median over the runs, the largest peak; the first error if there is one."""
    for run in runs:
        if run.error:
            return run
    middle = {name: statistics.median(getattr(r, name) for r in runs) for name in ("cpu", "wall", "imports")}
    noted = {name: statistics.median(r.noted.get(name, 0.0) for r in runs) for name in runs[0].noted}
    return Run(rows=runs[0].rows, peak=max(r.peak for r in runs), noted=noted, **middle)


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment; ours is that of this process."""
    return ROOT / f".venv-bench-{peer}" / "bin" / "python" if peer else Path(sys.executable)


def run(
    peer: str, module: str, arguments: Sequence[str], variables: Mapping[str, str] | None = None,
    group: Group | None = None, longest: float = LONGEST,
) -> Run:  # fmt: skip
    """Run a module of `benchmarks`, whose last line is what `child.main` prints; in a control group if one is given."""
    python = python_of(peer)
    if peer and not (python.parents[1] / ".ready").exists():
        return Run(error="not installed here")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("HALLMARK_")}
    command = [str(python), "-m", module, *arguments]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(
            group.command(command) if group else command, cwd=ROOT, env={**inherited, **_QUIET, **(variables or {})},
            stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
        )  # fmt: skip
        peak = _watch(child, group, longest)
        out.seek(0), err.seek(0)
        said, complaint = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if child.returncode:
        said_last = [x for x in complaint.splitlines() if x[:1].strip()] or [f"status {child.returncode}"]
        return Run(error=said_last[-1][:200], peak=peak)
    found = json.loads(said.strip().splitlines()[-1])
    return Run(found["rows"], found["cpu"], found["wall"], found["imports"], peak, noted=found["noted"])


def _watch(child: subprocess.Popen[bytes], group: Group | None, longest: float) -> int:
    """Wait for the process, or end it after so many seconds; its peak memory."""
    process, until, peak = psutil.Process(child.pid), time.monotonic() + longest, 0
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return max(peak, usage.ru_maxrss * 1024)
        peak = max(peak, _resident(process))
        if group:
            group.look()
        if time.monotonic() > until:
            for one in (*process.children(recursive=True), process):
                one.kill()
        time.sleep(0.1)


def _resident(process: psutil.Process) -> int:
    total = 0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    for one in family:
        try:
            total += one.memory_info().rss
        except psutil.Error:  # it has ended meanwhile
            continue
    return total
