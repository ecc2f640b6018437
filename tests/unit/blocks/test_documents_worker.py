"""The processes that read documents: one that dies, hangs, sees a secret or does not start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from blocks.sources.documents import convert
from blocks.sources.documents.tables import File
from blocks.sources.documents.worker import LEAST, LIBRARIES, MEMORY, Worker, shares
from governance.errors import SourceError
from tests.unit.blocks.documents_support import importing, rows


def landed(path: Path, data: bytes, name: str = "a.txt", number: int = 0) -> File:
    path.write_bytes(data)
    return File(number, str(path), name)


def test_a_worker_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    file = landed(tmp_path / "a", b"text")
    worker = Worker(seconds=0.0)
    converted = worker.convert([file], tmp_path)[0]
    [fault] = converted.faults
    assert (fault.reason_code, fault.byte_to) == ("unreadable_document", 4)
    assert "longer than 0 s" in fault.reason
    assert rows(converted) == rows(converted, "pages") == []
    worker.seconds = 60
    assert not worker.convert([file], tmp_path)[0].faults
    worker.close()


def test_a_worker_that_dies_takes_one_file_along(tmp_path: Path) -> None:
    file = landed(tmp_path / "a", b"text")
    worker = Worker()
    assert not worker.convert([file], tmp_path)[0].faults
    assert worker.process is not None
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    [fault] = worker.convert([file], tmp_path)[0].faults
    assert fault.reason_code == "unreadable_document"
    assert not worker.convert([file], tmp_path)[0].faults
    worker.close()


def test_of_files_that_are_read_together_only_the_one_is_a_fault_over_which_the_worker_dies(tmp_path: Path) -> None:
    large = b"<html>" + b"<p>word</p>" * 1_000_000
    files = [landed(tmp_path / str(n), large if n == 1 else b"text", "a.html", n) for n in range(3)]
    worker = Worker(memory=1 << 30)
    found = worker.convert(files, tmp_path)
    worker.close()
    assert [len(rows(found[n])) for n in range(3)] == [1, 0, 1]
    assert [len(found[n].faults) for n in range(3)] == [0, 1, 0]
    assert "broke its parser" in found[1].faults[0].reason


def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    file = landed(tmp_path / "a", b"text")
    code = (
        "import sys, time; from pathlib import Path; from blocks.sources.documents.worker import File, Worker\n"
        f"w = Worker(); w.convert([{file!r}], Path({str(tmp_path)!r}))\n"
        "print(w.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=importing())
    assert parent.stdout
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        status = Path(f"/proc/{child}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("the worker is still there")


def test_a_worker_sees_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLMARK_SLACK_TOKEN", "xoxb-secret")
    worker = Worker()
    worker.convert([landed(tmp_path / "a", b"text")], tmp_path)
    assert worker.process is not None
    assert b"xoxb-secret" not in Path(f"/proc/{worker.process.pid}/environ").read_bytes()
    worker.close()


def test_a_reader_that_does_not_start_is_an_error_and_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("text")
    (tmp_path / "kept").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "kept"))
    (tmp_path / "kept" / "pyarrow.py").write_text("raise ImportError('pyarrow is broken')")
    with pytest.raises(SourceError, match="pyarrow is broken"):
        convert(tmp_path / "a", "a", tmp_path / "tables")


def test_tables_that_cannot_be_written_are_an_error_and_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text")
    (tmp_path / "tables").write_text("a file where the folder should be")
    with pytest.raises(SourceError, match="cannot be written"):
        convert(tmp_path / "a", "a", tmp_path / "tables")


def test_the_memory_of_all_workers_is_one_budget(tmp_path: Path) -> None:
    for cores in range(1, 200):
        count, memory = shares(cores)
        assert 1 <= count <= cores
        assert memory - LIBRARIES >= LEAST
        assert count * (memory - LIBRARIES) <= MEMORY
    assert shares(1) == (1, LIBRARIES + MEMORY)
