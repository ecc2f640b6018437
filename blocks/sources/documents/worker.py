"""Processes that take documents apart: a parser that ends, hangs or eats memory takes one file along, not the load.

One line of JSON in, one out, for some files. A worker ends when its parent does, since its input ends then.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from blocks.sources.documents import tables
from blocks.sources.documents.tables import File
from blocks.sources.tables import Converted, Fault
from governance.errors import SourceError

SECONDS = 900
"""How long one file may take, with all that it contains; several small ones together too."""
MEMORY = 8 << 30
"""What all workers of a load may use together; a file that needs more than the share of one is not read."""
LEAST = 1 << 30
"""The least share of a worker: there are no more workers than have so much."""
LIBRARIES = 2 << 30
"""Address space that a worker has taken before it reads anything; a tenth of it is memory."""
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TESSDATA_PREFIX", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""What a worker sees of the environment: it reads what strangers wrote, and needs no secret."""


def shares(wanted: int) -> tuple[int, int]:
    """How many workers there are where so many are of use, and the address space of each."""
    count = max(1, min(wanted, MEMORY // LEAST))
    return count, LIBRARIES + MEMORY // count


class Worker:
    """A process that converts files one after the other; `convert` starts it where it does not run."""

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self.seconds, self.memory = seconds, memory
        self.process: subprocess.Popen[bytes] | None = None

    def convert(self, files: Sequence[File], folder: Path) -> dict[int, Converted]:
        """Write the tables of files into `folder`; number of a file → what it gave.

        Where the worker dies over several, each of them is read by itself: one over which it dies is one fault of the
        whole file. Raises SourceError where no worker can be started at all, and where the tables cannot be written.
        """
        written = tables.paths(folder.absolute(), files[0].number)
        process = self.process or self._start()
        answer = self._ask(process, {"files": files, "tables": {name: os.fspath(p) for name, p in written.items()}})
        if answer is not None and "error" in answer:
            where = f"document {files[0].name}"
            raise SourceError(where, f"its tables cannot be written: {answer['error']}", "free the disk")
        if answer is not None:
            faults = [[Fault(**fault) for fault in of_file] for of_file in answer["faults"]]
        else:
            status = self._stop()
            if len(files) > 1:
                return {number: found for file in files for number, found in self.convert([file], folder).items()}
            faults = [[self._broken(files[0], status)]]
            tables.write((), written)
        return {
            file.number: Converted(written, {"pages": ""}, tuple(found), file.number)
            for file, found in zip(files, faults, strict=True)
        }

    def _broken(self, file: File, status: int | None) -> Fault:
        cause = f"longer than {self.seconds:g} s" if status is None else "more memory than it may, or broke its parser"
        return Fault("unreadable_document", f"it took {cause}", "", 0, Path(file.path).stat().st_size)

    def close(self) -> None:
        """End the process."""
        if self.process:
            assert self.process.stdin and self.process.stdout
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {k: os.environ[k] for k in KEPT if k in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
        command = [sys.executable, "-m", "blocks.sources.documents.worker", str(self.memory)]
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment
            )
            assert process.stdout
            if process.stdout.readline() != b"ready\n":
                process.communicate()
                said.seek(0)
                cause = said.read().decode("utf-8", "replace").strip().splitlines()[-1:] or ["it says nothing"]
                raise SourceError("documents", f"the reader does not start: {cause[0]}", "reinstall hallmark")
        self.process = process
        return process

    def _ask(self, process: subprocess.Popen[bytes], job: dict[str, Any]) -> dict[str, Any] | None:
        """The answer; None where the process ended or took too long."""
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return None
        if not select.select([process.stdout], [], [], self.seconds)[0]:
            return None
        line = process.stdout.readline()
        return dict(json.loads(line)) if line.endswith(b"\n") else None

    def _stop(self) -> int | None:
        """Its exit status, None where it had to be ended."""
        process, self.process = self.process, None
        assert process and process.stdin and process.stdout
        try:
            status: int | None = process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = None
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        return status


def serve(answers: IO[bytes]) -> None:
    """Convert what standard input names, until it ends."""
    for unused in ("numpy", "pandas"):  # Arrow imports what of them is installed, which takes longer than its own
        sys.modules[unused] = None  # type: ignore[assignment]
    import kreuzberg
    import pyarrow.parquet
    import pypdfium2

    assert kreuzberg and pyarrow.parquet and pypdfium2, (
        "a broken installation is told before the first file, not as its fault"
    )
    answers.write(b"ready\n")
    answers.flush()
    for line in sys.stdin.buffer:
        job = json.loads(line)
        try:
            files = [File(*file) for file in job["files"]]
            faults = tables.write(files, {name: Path(path) for name, path in job["tables"].items()})
            answer: dict[str, Any] = {"faults": [[asdict(fault) for fault in of_file] for of_file in faults]}
        except OSError as error:
            answer = {"error": str(error)}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _limit(memory: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    except (ImportError, ValueError, OSError):
        """Not every system has the limit; the time limit holds everywhere."""


if __name__ == "__main__":
    _limit(int(sys.argv[1]))
    # Libraries in C print to the process's standard output; the answers have a descriptor of their own.
    kept = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(kept, "wb") as out:
        serve(out)
    os._exit(0)
