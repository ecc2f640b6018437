"""Slices of a table into Parquet parts, by several connections; which slices are finished is kept beside the parts.

A part begins and ends with a slice, unless one slice is larger than a part. What a slice is, `slices.py` says.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from blocks.landing import Landing
from blocks.sources.base import Part
from blocks.sources.postgres.connection import Connection, Limits

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

PROGRESS = ".progress.json"
Event = tuple[int, "pa.Schema", "pa.RecordBatch | None"]
"""A slice, its schema, and a batch of it; None is its end."""


@dataclass
class Progress:
    """What is finished of a load. It is written after each part, for a run that goes on with it."""

    statement: str
    """What is read, but for the slices: of another shape, nothing can be used."""
    slices: list[str]
    finished: dict[int, list[Part]] = field(default_factory=dict)
    """First of the slices that share parts → the parts."""
    done: set[int] = field(default_factory=set)

    @property
    def parts(self) -> list[Part]:
        """Every finished part, in the order of the slices."""
        return [part for _, parts in sorted(self.finished.items()) for part in parts]

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps({**asdict(self), "done": sorted(self.done)})

    @classmethod
    def from_json(cls, text: str) -> Progress:
        """The reverse of `to_json`."""
        body = json.loads(text)
        finished = {int(n): [Part(**p) for p in parts] for n, parts in body["finished"].items()}
        return cls(body["statement"], body["slices"], finished, set(body["done"]))


def resumed(folder: Path, statement: str) -> Progress | None:
    """What an earlier attempt finished of the same; everything else in the folder goes."""
    kept = folder / PROGRESS
    found = Progress.from_json(kept.read_text()) if kept.is_file() else None
    if found and found.statement != statement:
        found = None
    known = {PROGRESS, *(p.path for p in found.parts)} if found else set()
    for file in folder.glob("*") if folder.is_dir() else ():
        if file.name not in known:
            file.unlink()
    return found


@dataclass
class Copier:
    """Reads what a progress has not finished."""

    landing: Landing
    folder: Path
    position: str
    """Of the parts' rows: the table."""
    limits: Limits
    keep: bool
    """Whether finished slices are of use to a later attempt."""

    def __post_init__(self) -> None:
        self._guard, self._stop = threading.Lock(), threading.Event()

    def copy(self, progress: Progress, statement_of: Callable[[str], str], connections: Sequence[Connection]) -> None:
        """Read the slices, each by whichever connection is free. Raises what the first failure was."""
        waiting = iter([n for n in range(len(progress.slices)) if n not in progress.done])
        if self.keep:
            self._save(progress)
        with ThreadPoolExecutor(len(connections), thread_name_prefix="copy") as pool:
            futures = [pool.submit(self._work, progress, statement_of, waiting, c) for c in connections]
            failures = [error for f in futures if (error := f.exception())]
        if failures:
            raise failures[0]

    def keys(self, connection: Connection, sql: str) -> list[Part]:
        """The keys that the table has now, beside the rows."""
        alone = Copier(self.landing, self.folder, self.position, self.limits, False)
        progress = Progress(sql, [""])
        alone._work(progress, lambda _: sql, iter([0]), connection, "keys")
        return progress.parts

    def _save(self, progress: Progress) -> None:
        self.landing.put(self.folder / PROGRESS, lambda out: out.write(progress.to_json().encode()))

    def _work(
        self, progress: Progress, statement_of: Callable[[str], str], waiting: Iterator[int], connection: Connection,
        prefix: str = "part",
    ) -> None:  # fmt: skip
        try:
            feed = _Feed(self._read(statement_of, progress.slices, waiting, connection))
            numbers: list[int] = []
            parts: list[Part] = []
            while feed.next:
                number, _, batch = feed.next
                if batch is None:
                    numbers.append(number)
                    feed.take()
                else:
                    name = f"{prefix}-{number}{f'-{len(parts)}' if parts else ''}.parquet"
                    parts.append(self._part(name, feed, numbers))
                if feed.between:
                    self._finish(progress, numbers, parts)
                    numbers, parts = [], []
        except BaseException:
            self._stop.set()
            raise

    def _part(self, name: str, feed: _Feed, numbers: list[int]) -> Part:
        """One file, of as many slices as it takes; the numbers of those that end in it are added."""
        import pyarrow.parquet as pq

        hashed, rows = _Hashed(), 0
        enough, most = self.limits.part_bytes

        def write(out: BinaryIO) -> None:
            nonlocal rows
            hashed.out = out
            # Neither pays here: a dictionary doubles the cost of writing, and statistics hold a long value thrice.
            assert feed.next
            with pq.ParquetWriter(
                hashed, feed.next[1], compression="zstd", use_dictionary=False, write_statistics=False
            ) as writer:
                while feed.next and hashed.size < most:
                    number, _, batch = feed.next
                    if batch is None:
                        numbers.append(number)
                    else:
                        rows += batch.num_rows
                        writer.write_batch(batch)
                    del batch
                    feed.take()
                    if feed.between and hashed.size >= enough:
                        return

        self.landing.put(self.folder / name, write)
        return Part(name, hashed.size, hashed.digest.hexdigest(), self.position, rows)

    def _finish(self, progress: Progress, numbers: Sequence[int], parts: list[Part]) -> None:
        with self._guard:
            progress.done |= set(numbers)
            progress.finished[numbers[0]] = parts
            if self.keep:
                self._save(progress)

    def _read(
        self, statement_of: Callable[[str], str], slices: Sequence[str], waiting: Iterator[int], connection: Connection
    ) -> Iterator[Event]:
        import pyarrow as pa

        while (number := self._next(waiting)) is not None:
            with connection.batches(statement_of(slices[number])) as (schema, batches):
                if number == 0:  # so that a table without rows has a part
                    yield number, schema, pa.RecordBatch.from_pylist([], schema=schema)
                for batch in batches:
                    if self._stop.is_set():
                        return
                    yield number, schema, batch
                    del batch
            yield number, schema, None

    def _next(self, waiting: Iterator[int]) -> int | None:
        with self._guard:
            return None if self._stop.is_set() else next(waiting, None)


class _Feed:
    """What is read, with a look at what comes next."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self.between = False
        """Whether what was taken last is the end of a slice."""
        self.next = next(events, None)

    def take(self) -> None:
        """Go on to the next."""
        self.between = self.next is not None and self.next[2] is None
        self.next = None  # gone before the next one comes
        self.next = next(self._events, None)


class _Hashed:
    """A file that is hashed while it is written."""

    closed = False

    def __init__(self) -> None:
        self.digest, self.size = hashlib.sha256(), 0
        self.out: BinaryIO

    def write(self, data: Any) -> int:
        """Write, and count."""
        self.digest.update(data)
        self.size += memoryview(data).nbytes
        return self.out.write(data)

    def tell(self) -> int:
        """How much was written."""
        return self.size

    def flush(self) -> None:
        """Whoever opened the file does."""

    def close(self) -> None:
        """Whoever opened the file does."""
