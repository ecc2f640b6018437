"""Runs one command for no longer than its parent lives: `python guard.py FOLDER COMMAND…`.

A program of its own, which imports only the standard library, so that it starts at once. Its standard input is a
pipe whose other end the parent holds. When that is closed, as any death of the parent does, it ends the command
with all that it started, and removes FOLDER, where the command's configuration is.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import threading

PATIENCE = 5.0
"""Seconds between asking a command to end and ending it."""


def main(folder: str, command: list[str]) -> int:
    """Run the command in a process group of its own; its exit status, or 128 + the number of the signal."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The end of the parent is what ends this. A handler, unlike SIG_IGN, is not inherited by the command.
        signal.signal(number, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, cwd=folder)
    orphaned = threading.Event()

    def watch() -> None:
        while os.read(0, 4096):
            pass
        orphaned.set()
        _signal(child.pid, signal.SIGTERM)
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            _signal(child.pid, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    status = child.wait()
    _signal(child.pid, signal.SIGKILL)  # what it started and left behind
    # The parent may have died in the same moment.
    if orphaned.is_set() or select.select([0], [], [], 0)[0]:
        shutil.rmtree(folder, ignore_errors=True)
    return status if status >= 0 else 128 - status


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
