"""A connector's process: its lines as they come, its time limits, and that it ends when this process does.

Nothing here knows the Airbyte protocol. What the process may see of the environment is decided here.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

GUARD = Path(__file__).with_name("guard.py")
CHUNK = 1 << 20
LINE_BYTES = 128 << 20
"""A longer line is no message: reading on would only fill the memory."""
FOLDER = ".run-"
# What a program needs to run, and to reach the network from here. Everything else may hold a secret.
_PASSED = (
    "PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "LD_LIBRARY_PATH",
)  # fmt: skip


class SilentError(Exception):
    """The process gave no line in time, or did not end in time."""


class TooLongError(Exception):
    """A line is longer than any message."""


def passed_on(folder: Path) -> dict[str, str]:
    """The environment of a connector: no HALLMARK_, AWS_ or other variable that may be a secret, no home."""
    kept = {k: v for k, v in os.environ.items() if k.upper() in _PASSED}
    return {**kept, "HOME": str(folder), "TMPDIR": str(folder), "DO_NOT_TRACK": "true"}


@contextmanager
def run_folder(root: Path) -> Iterator[Path]:
    """A folder that nobody else may read, removed at the end; one that a killed process left is removed first."""
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob(f"{FOLDER}*"):
        _remove_if_left(left)
    folder = Path(tempfile.mkdtemp(prefix=FOLDER, dir=root))
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _remove_if_left(folder: Path) -> None:
    """Whoever uses a folder holds a lock on it, from the moment after it is made."""
    with suppress(OSError):
        if time.time() - folder.stat().st_mtime < 60:
            return
        held = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(held)


def write_private(path: Path, text: str) -> Path:
    """Write a file that only its owner may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Process:
    """A command that runs in a group of its own, `folder` being where; use it in a `with`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.command, self.environment, self.folder = list(command), dict(environment), folder
        self.status: int | None = None
        """Its exit status, when it ended by itself; 128 + the number of a signal."""
        self.until: float | None = None
        """By time.monotonic(), when it must have ended; may be moved while lines are read."""
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Process:
        # -I -S: the guard needs nothing but the standard library, and starts in 20 ms so.
        command = [sys.executable, "-I", "-S", str(GUARD), str(self.folder), *self.command]
        self._guard = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            start_new_session=True,  # Ctrl-C is told by the end of the pipe, after the parent had its say
        )
        return self

    def __exit__(self, *_: object) -> None:
        guard, self._guard = self._guard, None
        if guard is None:
            return
        for pipe in (guard.stdin, guard.stdout, guard.stderr):
            if pipe:
                pipe.close()
        guard.wait()

    def lines(self, silence: float) -> Iterator[tuple[bool, bytes]]:
        """(whether it is of standard output, line with its end) until the process has ended.

        Raises SilentError after `silence` seconds without any output, or when `until` is past; TooLongError.
        """
        assert self._guard and self._guard.stdout and self._guard.stderr
        with selectors.DefaultSelector() as selector:
            for pipe, is_output in ((self._guard.stdout, True), (self._guard.stderr, False)):
                _widen(pipe)
                selector.register(pipe, selectors.EVENT_READ, is_output)
            parts: dict[bool, list[bytes]] = {True: [], False: []}
            heard = time.monotonic()
            while selector.get_map():
                limit = min(heard + silence, self.until or float("inf"))
                ready = selector.select(max(0.0, limit - time.monotonic()))
                if not ready or time.monotonic() > (self.until or float("inf")):
                    raise SilentError
                heard = time.monotonic()
                for key, _ in ready:
                    chunk = os.read(key.fd, CHUNK)
                    if chunk:
                        yield from ((key.data, line) for line in _whole(parts[key.data], chunk))
                        continue
                    selector.unregister(key.fileobj)
                    if parts[key.data]:
                        yield key.data, b"".join(parts[key.data])
        self.status = self._guard.wait()


def _whole(parts: list[bytes], chunk: bytes) -> Iterator[bytes]:
    """The lines that the chunk ends, with their ends; `parts` are the pieces of the one that is open."""
    first, *lines = chunk.split(b"\n")
    parts.append(first)
    if lines:
        yield b"".join(parts) + b"\n"
        for line in lines[:-1]:
            yield line + b"\n"
        parts[:] = [lines[-1]] if lines[-1] else []
    elif sum(map(len, parts)) > LINE_BYTES:
        raise TooLongError


def _widen(pipe: IO[Any]) -> None:
    """Let the writer go on while a chunk is written to disk; the default of 64 KiB makes it wait."""
    with suppress(AttributeError, OSError):  # of Linux only, and there is a limit for a user's pipes
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, CHUNK)
