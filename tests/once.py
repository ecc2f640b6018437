"""What is made once for all the processes that run tests: the first to ask makes it, the others wait and get it.

Whoever may change it, or open it as one process must, takes a copy.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

FOLDER = "TESTS_ONCE"
"""The variable that leads workers to the folder of their run."""
Told = TypeVar("Told")


def begin() -> None:
    """Make the folder of a run, and tell the workers that it is going to start."""
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="hallmark-once-")


def folder() -> Path:
    """The folder of this run."""
    return Path(os.environ[FOLDER])


def end() -> None:
    """Remove it, with the servers of the homes in it."""
    from blocks import sample

    for home in folder().glob("*/home"):
        if (home / "sample").exists():
            sample.remove(home)
    shutil.rmtree(folder())


def once(name: str, make: Callable[[Path], Told]) -> tuple[Path, Told]:
    """The folder of this name, and what its maker told of it."""
    made = folder() / name
    told = made.with_suffix(".told")
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            told.write_bytes(pickle.dumps(make(made)))
    return made, pickle.loads(told.read_bytes())
