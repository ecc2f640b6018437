"""A control group with a limit of memory, of version 1 or 2: what is started in it is killed where it needs more.

Unlike `ulimit -v` it counts what is used, not what is addressed; the pages of files that the kernel keeps count too,
and are given up before anything is killed.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_ROOTS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))
_FILES = {
    1: {"limit": "memory.limit_in_bytes", "peak": "memory.max_usage_in_bytes", "own": "total_rss",
        "kills": "memory.oom_control"},
    2: {"limit": "memory.max", "peak": "memory.peak", "own": "anon", "kills": "memory.events"},
}  # fmt: skip


class Group:
    """One group, and how much its processes have used."""

    def __init__(self, folder: Path, version: int) -> None:
        self.folder, self.files = folder, _FILES[version]
        self.own = 0
        """Bytes: the largest sum of what the processes have allocated, of the times that `look` was called."""

    def look(self) -> None:
        """Note how much is allocated now."""
        self.own = max(self.own, self._number("memory.stat", self.files["own"]))

    @property
    def peak(self) -> int:
        """Bytes, the kept pages of files among them: never more than the limit."""
        return int((self.folder / self.files["peak"]).read_text())

    @property
    def kills(self) -> int:
        """Processes that needed more than the limit, and were killed."""
        return self._number(self.files["kills"], "oom_kill")

    def command(self, command: Sequence[str | Path]) -> list[str]:
        """The command, which enters the group before it starts."""
        enter = f'echo $$ > "{self.folder}/cgroup.procs" && exec "$@"'
        return ["/bin/sh", "-c", enter, "sh", *map(str, command)]

    def _number(self, file: str, name: str) -> int:
        lines = (line.split() for line in (self.folder / file).read_text().splitlines())
        return next((int(words[1]) for words in lines if words[0] == name), 0)


@contextmanager
def limited(limit: int) -> Iterator[Group | None]:
    """A group that may use so many bytes; None where this user can make none."""
    for root in _ROOTS:
        version = 1 if (root / "memory.limit_in_bytes").exists() else 2
        if version == 2 and "memory" not in _text(root / "cgroup.subtree_control").split():
            continue
        folder = root / f"hallmark-bench-{uuid.uuid4().hex[:8]}"
        if not os.access(root, os.W_OK):
            continue
        folder.mkdir()
        try:
            group = Group(folder, version)
            (folder / group.files["limit"]).write_text(str(limit))
            with suppress(OSError):  # not on a machine without swap
                swap = "memory.memsw.limit_in_bytes" if version == 1 else "memory.swap.max"
                (folder / swap).write_text(str(limit) if version == 1 else "0")
            yield group
        finally:
            folder.rmdir()
        return
    yield None


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
