"""What runs within a measured process, ours or a peer's: warm up, then work, and say what the work alone took.

Standard library only: a peer's environment has nothing of Hallmark's.
"""

from __future__ import annotations

import argparse
import functools
import json
import resource
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Work = Callable[[str, Path], int]
"""(source, an empty folder to work in) → rows that it brought."""
NOTED: dict[str, float] = {}
"""What a work says beside it: seconds of its parts, or counts."""
_within: list[float] = []


def processor_seconds() -> float:
    """User and system time of this process and of the children that it has waited for."""
    return sum(
        u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


@contextmanager
def part(name: str) -> Iterator[None]:
    """Note the processor time of what is done within, without that of parts within it. One thread works at a time."""
    began = processor_seconds()
    _within.append(0.0)
    try:
        yield
    finally:
        took = processor_seconds() - began
        NOTED[name] = NOTED.get(name, 0.0) + took - _within.pop()
        if _within:
            _within[-1] += took


def note_calls(name: str, owner: Any, *functions: str) -> None:
    """Let these functions of a module or class be parts of this name."""
    for function in functions:
        called = getattr(owner, function)

        @functools.wraps(called)
        def within(*arguments: Any, _called: Callable[..., Any] = called, **more: Any) -> Any:
            with part(name):
                return _called(*arguments, **more)

        setattr(owner, function, within)


def main(works: Mapping[str, Work]) -> None:
    """Do one of the works: once on a little data, which imports all that it needs, then on that which counts."""
    options = argparse.ArgumentParser()
    options.add_argument("work", choices=works)
    options.add_argument("little", help="a source of a few rows")
    options.add_argument("source")
    options.add_argument("folder", type=Path)
    given = options.parse_args()
    work = works[given.work]
    work(given.little, _empty(given.folder / "little"))
    NOTED.clear()
    cpu, wall = processor_seconds(), time.perf_counter()
    rows = work(given.source, _empty(given.folder / "work"))
    done = {"rows": rows, "cpu": processor_seconds() - cpu, "wall": time.perf_counter() - wall}
    print(json.dumps({**done, "imports": cpu, "noted": NOTED}), flush=True)


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
