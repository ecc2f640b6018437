"""Runs in processes of their own that die at a moment: the steps of every stream, as `hallmark run` takes them.

There is no Prefect server and no dbt: hundreds of runs would do little else. The processes are forked from one that
has imported everything, and are killed by SIGKILL, at a call of the system or of DuckDB or after a time.
"""

from __future__ import annotations

import ctypes
import io
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from expectations import gate

APART = multiprocessing.get_context("forkserver")
LIMIT = 300
SYSTEM = {"open", "replace", "rename", "unlink", "rmdir", "mkdir", "fsync", "truncate", "fork_exec", "write"}
"""Calls of the system at which a run may die: those that change files and begin processes."""
PLACES = {"posix", "io", "_io", "_posixsubprocess"}
STATEMENTS = {"DuckDBWarehouse.execute", "DuckDBWarehouse.query", "Cursor.execute", "Cursor.fetch_record_batch"}
"""Calls of DuckDB and Postgres at which it may."""
IMPORTED = [
    "tests.chaos.apart", "flows.ingest", "great_expectations", "adbc_driver_postgresql.dbapi", "pyarrow.parquet",
    "blocks.sources.documents", "blocks.sources.xml", "blocks.sources.files", "blocks.sources.airbyte",
    "blocks.sources.csv", "blocks.sources.json_lines", "blocks.sources.parquet", "blocks.migrate", "duckdb_engine",
]  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """When a run is killed: before or after the n-th call, at a statement, or after seconds; none of it: never."""

    call: int = 0
    seconds: float = 0.0
    statements: tuple[str, ...] = ()
    """How statements begin that are waited for, one after the other; it dies at the last."""
    before: bool = False
    """Whether that one is not begun."""

    def __str__(self) -> str:
        if self.statements:
            return f"{'before' if self.before else 'after'} {' … '.join(self.statements)}"
        if self.seconds:
            return f"after {self.seconds:.3f} s"
        return f"at call {self.call // 2}, {'after' if self.call % 2 else 'before'} it" if self.call else "never"


@dataclass
class End:
    """How a run ended."""

    status: int
    seconds: float
    calls: int
    kind: str
    """Of the source that it was at."""

    @property
    def killed(self) -> bool:
        """Whether it was killed; what else ended it is a failure."""
        assert self.status in (0, -signal.SIGKILL), f"the run ended by itself, with status {self.status}"
        return self.status != 0


def prepare() -> None:
    """Have the processes forked from one that has imported what a run needs. Before the first run."""
    APART.set_forkserver_preload(IMPORTED)


def run(home: Path, sources: Path, moment: Moment, **variables: str) -> End:
    """A run that dies at the moment, or ends before it."""
    calls, kind, begun = APART.RawValue(ctypes.c_long, 0), APART.RawArray(ctypes.c_char, 20), APART.Event()
    # The process that forks them is one for all tests, and has the environment of whoever came first.
    environment = {**os.environ, **variables, "HALLMARK_HOME": str(home)}
    counted = None if moment.seconds else calls  # to count costs half as much again as the run
    process = APART.Process(target=_ingest, args=(home, sources, moment, counted, kind, begun, environment))
    process.start()
    assert begun.wait(LIMIT)
    started = time.monotonic()
    process.join(moment.seconds or LIMIT)
    seconds = time.monotonic() - started
    if moment.seconds:
        process.kill()
        process.join()
    assert process.exitcode is not None, f"it hangs; it was to die {moment}"
    return End(process.exitcode, seconds, calls.value, kind.value.decode())


def working(home: Path) -> list[psutil.Process]:
    """Processes that a run of this home has begun and that are still there."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def _ingest(
    home: Path, sources: Path, moment: Moment, calls: Any, kind: Any, begun: Any, environment: dict[str, str]
) -> None:
    """What runs apart. A failed stream is an error of the process."""
    logging.disable(logging.INFO)
    gate.warm().join()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(home)  # by which its processes are found
    counter = None if calls is None else _counter(moment.call, calls)
    if moment.statements:
        counter = _watcher(moment)
    threading.setprofile(counter)
    sys.setprofile(counter)
    begun.set()
    for at in _steps(sources):
        kind.value = at.encode()
    os._exit(0)  # as the command does: there are pages of leaked objects otherwise


def _steps(sources: Path) -> Iterator[str]:
    """As the flow `ingest` does it, for all sources; the kind of each before it comes."""
    from blocks.lock import exclusive
    from blocks.settings import Settings
    from flows.context import make_context
    from flows.ingest import load_stream
    from flows.runs import begin, recorded

    settings = Settings.load()
    yield "beginning"
    with exclusive(settings.home / "batch.lock", "the batch", wait=0):
        slot, attempt, run_id = begin(settings, None, rebuild=False)
        context = make_context(slot, str(sources), None, run_id, attempt)
        with recorded(context, "batch", whole=True) as run:
            for source, spec in context.sources.items():
                for stream in spec.streams:
                    yield spec.kind
                    load_stream(source, stream, context)
            yield "end"
            run.state = "completed"


def _counter(call: int, calls: Any) -> Any:
    """A profiler that counts calls and ends the process at one of them; each counts before and after it."""
    lock = threading.Lock()

    def count(frame: Any, event: str, function: Any) -> None:
        if event in ("call", "return"):
            if frame.f_code.co_qualname not in STATEMENTS:
                return
        elif getattr(function, "__name__", "") not in SYSTEM or not _reaches_system(function):
            return
        with lock:
            calls.value += 1
            if calls.value == call:
                os.kill(os.getpid(), signal.SIGKILL)

    return count


def _watcher(moment: Moment) -> Any:
    """A profiler that ends the process at a statement. A stream's own come from one thread."""
    left = list(moment.statements)

    def watch(frame: Any, event: str, _: Any) -> None:
        if event in ("call", "return") and frame.f_code.co_qualname == "DuckDBWarehouse.execute":
            last = len(left) == 1
            if (event == "call") == (moment.before or not last) and frame.f_locals["sql"].startswith(left[0]):
                if last:
                    os.kill(os.getpid(), signal.SIGKILL)
                left.pop(0)

    return watch


def _reaches_system(function: Any) -> bool:
    own = getattr(function, "__self__", None)
    if isinstance(own, io.StringIO | io.BytesIO):
        return False
    return bool(PLACES & {getattr(function, "__module__", ""), type(own).__module__})
