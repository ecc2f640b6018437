"""Documents as tables: mails, PDFs, Office files, images, archives of any of them; one row each, and their pages.

The use of all cores. The tables are in `tables.py`, how a file is taken apart in `walk.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

from blocks.sources.documents import tables
from blocks.sources.documents.tables import COLUMNS, PAGE_COLUMNS, File
from blocks.sources.documents.worker import Worker, shares
from blocks.sources.tables import Converted
from governance.errors import SourceError

__all__ = ["COLUMNS", "PAGE_COLUMNS", "convert", "convert_many"]
AT_ONCE, BYTES_AT_ONCE = 32, 1 << 20
"""Files that a worker takes at once, where they are small: a table for each of them would cost more than reading it."""


def convert(path: Path, name: str, folder: Path) -> Converted:
    """One landed file as a table of documents and one of their pages, written into `folder`."""
    return convert_many([(path, name)], folder)[0]


def convert_many(files: Sequence[tuple[Path, str]], folder: Path) -> list[Converted]:
    """Several files (path, name in their source), on all cores, in the order given; `folder` gets their tables.

    A worker process for each core, as far as memory goes; call this once for many files. Raises SourceError where no
    worker starts, and where the tables cannot be written.
    """
    if not files:
        return []
    try:
        tables.clear(folder)
    except OSError as error:
        cause = f"its tables cannot be written: {error.strerror}"
        raise SourceError(f"folder {folder}", cause, "make the landing zone writable") from None
    waiting = SimpleQueue[list[File]]()
    for batch in _batches(files):
        waiting.put(batch)
    done: dict[int, Converted] = {}

    def work(worker: Worker) -> None:
        try:
            while True:
                done.update(worker.convert(waiting.get_nowait(), folder))
        except Empty:
            pass
        finally:
            worker.close()

    count, memory = shares(min(_cores(), waiting.qsize()))
    workers = [Worker(memory=memory) for _ in range(count)]
    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(work, workers))
    return [done[number] for number in range(len(files))]


def _batches(files: Sequence[tuple[Path, str]]) -> Iterator[list[File]]:
    batch, size = list[File](), 0
    for number, (path, name) in enumerate(files):
        more = path.stat().st_size
        if batch and (len(batch) == AT_ONCE or size + more > BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(File(number, os.fspath(path.absolute()), name))
        size += more
    if batch:
        yield batch


def _cores() -> int:
    """Cores that this process may use: of a container, not of its host."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
