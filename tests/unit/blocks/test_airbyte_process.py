"""The process of a connector: its lines, its limits and its end."""

import os
import sys
import time
from pathlib import Path

import pytest

from blocks.connectors.process import Process, SilentError, TooLongError, passed_on, run_folder

WRITE = "import os, sys; [os.write(1, bytes.fromhex(w)) for w in sys.argv[1:]]"


def start(folder: Path, *command: str) -> Process:
    """A process with a folder."""
    return Process(command, passed_on(folder), folder)


def _read_until(process: Process, limit: float) -> None:
    process.until = limit
    for _ in process.lines(30):
        pass


def test_lines_are_those_of_the_process_however_they_are_written(tmp_path: Path) -> None:
    pieces = [b"ab", b"c\n\nd\r\n", b"\n", b"\xff\x00 \xe2\x80\xa8x\x0b\n" + b"y" * 60_000, b"z"]
    with start(tmp_path, sys.executable, "-c", WRITE, *[p.hex() for p in pieces]) as process:
        lines = [line for is_output, line in process.lines(30) if is_output]
    assert lines == [b"abc\n", b"\n", b"d\r\n", b"\n", b"\xff\x00 \xe2\x80\xa8x\x0b\n", b"y" * 60_000 + b"z"]
    assert process.status == 0


def test_the_status_is_that_of_the_process(tmp_path: Path) -> None:
    for script, status in (("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 15)", 143)):
        with start(tmp_path, sys.executable, "-c", script) as process:
            assert list(process.lines(30)) == []
        assert process.status == status


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    with start(tmp_path, "cat", "/dev/zero") as process, pytest.raises(TooLongError):
        list(process.lines(30))


def test_it_must_say_something_in_time_and_end_in_time(tmp_path: Path) -> None:
    with run_folder(tmp_path) as folder, start(folder, "sleep", "60") as process, pytest.raises(SilentError):
        list(process.lines(0.3))
    with run_folder(tmp_path) as folder, start(folder, "yes") as process, pytest.raises(SilentError):
        _read_until(process, time.monotonic() + 0.3)


def test_one_that_does_not_want_to_end_is_ended(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    began = time.monotonic()
    with start(tmp_path, sys.executable, "-c", stubborn) as process:
        assert next(process.lines(30)) == (True, b"up\n")
    assert time.monotonic() - began < 50


def test_a_folder_is_private_and_goes_with_its_run(tmp_path: Path) -> None:
    with run_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        with run_folder(tmp_path) as other:
            assert other != folder
        assert folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    left = tmp_path / ".run-left"
    left.mkdir()
    (left / "config.json").write_text("{}")
    with run_folder(tmp_path) as folder:
        for path in (left, folder):
            os.utime(path, (1, 1))
        with run_folder(tmp_path):
            assert folder.exists()
            assert not left.exists()
