"""Documents as tables: mails, PDFs, Office files, images, archives of any of them; one row each, and their pages.

The tables and the use of all cores. How a file is taken apart is in `walk.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from blocks.sources.base import ColumnSpec
from blocks.sources.documents.walk import UNREAD, Document, storable, walk
from blocks.sources.documents.worker import Worker, shares
from blocks.sources.tables import Converted, Fault
from governance.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 500
COLUMNS = tuple(
    ColumnSpec(name, type_)
    for name, type_ in {
        "document_id": "VARCHAR", "path": "VARCHAR", "media_type": "VARCHAR", "title": "VARCHAR", "author": "VARCHAR",
        "created_at": "TIMESTAMP WITH TIME ZONE", "page_count": "BIGINT", "language": "VARCHAR", "text": "VARCHAR",
        "metadata": "JSON", "parent": "VARCHAR", "status": "VARCHAR",
    }.items()
)  # fmt: skip
"""What every file of documents gives."""
PAGE_COLUMNS = (ColumnSpec("document_id", "VARCHAR"), ColumnSpec("page", "BIGINT"), ColumnSpec("text", "VARCHAR"))


def convert(path: Path, name: str, folder: Path) -> Converted:
    """One landed file as a table of documents and one of their pages, written into `folder`.

    `name` is the path of the file in its source: the first document has it as its path, one inside it
    `<container>!<name>`.
    """
    return convert_many([(path, name, folder)])[0]


def convert_many(files: Sequence[tuple[Path, str, Path]]) -> list[Converted]:
    """Several files (path, name, folder), on all cores, in the order given.

    A worker process for each core, as far as memory goes; call this once for many files. Raises SourceError where no
    worker starts.
    """
    if not files:
        return []
    waiting = SimpleQueue[int]()
    for number in range(len(files)):
        waiting.put(number)
    done: dict[int, list[Fault]] = {}

    def work(worker: Worker) -> None:
        try:
            while True:
                number = waiting.get_nowait()
                _clear(files[number][2])
                done[number] = worker.convert(*files[number])
        except Empty:
            pass
        finally:
            worker.close()

    count, memory = shares(min(_cores(), len(files)))
    workers = [Worker(memory=memory) for _ in range(count)]
    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(work, workers))
    return [_converted(folder, done[number]) for number, (_, _, folder) in enumerate(files)]


def _cores() -> int:
    """Cores that this process may use: of a container, not of its host."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _clear(folder: Path) -> None:
    """A worker that breaks off must not leave the tables of an earlier time."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for table in _paths(folder).values():
            table.unlink(missing_ok=True)
    except OSError as error:
        cause = f"its tables cannot be written: {error.strerror}"
        raise SourceError(f"folder {folder}", cause, "make the landing zone writable") from None


def _converted(folder: Path, faults: Sequence[Fault]) -> Converted:
    """The tables as a worker left them; where it broke off, they are empty."""
    tables = _paths(folder)
    if not all(path.is_file() for path in tables.values()):
        _write(tables, (), [])
    return Converted(tables, {"pages": ""}, tuple(faults))


def write_tables(path: Path, name: str, folder: Path) -> list[Fault]:
    """Convert one file in this process, and give what could not be read."""
    faults: list[Fault] = []
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = {table: target.with_suffix(".part") for table, target in _paths(folder).items()}
    _write(unfinished, walk(path, name), faults)
    for table, target in _paths(folder).items():
        unfinished[table].replace(target)
    return faults


def _paths(folder: Path) -> dict[str, Path]:
    return {"": folder / "documents.parquet", "pages": folder / "pages.parquet"}


def _write(tables: dict[str, Path], found: Iterable[Document | Fault], faults: list[Fault]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schemas = _schemas()
    rows: dict[str, list[dict[str, Any]]] = {"": [], "pages": []}
    record = page = 0
    with (
        pq.ParquetWriter(tables[""], schemas[""], compression="zstd") as documents,
        pq.ParquetWriter(tables["pages"], schemas["pages"], compression="zstd") as pages,
    ):
        writers = {"": documents, "pages": pages}

        def flush(limit: int) -> None:
            for name, kept in rows.items():
                if len(kept) > limit:
                    writers[name].write_table(pa.Table.from_pylist(kept, schemas[name]))
                    kept.clear()

        for item in found:
            if isinstance(item, Fault):
                faults.append(item)
                continue
            record += 1
            rows[""].append({"_record": record, **_row(item)})
            for index, text in enumerate(item.reading.pages):
                page += 1
                rows["pages"].append({
                    "_record": page, "_parent": record, "_index": index, "document_id": item.document_id,
                    "page": index + 1, "text": storable(text),
                })  # fmt: skip
            flush(ROWS_AT_ONCE)
        flush(0)


def _row(document: Document) -> dict[str, Any]:
    reading = document.reading
    return {
        "document_id": document.document_id,
        "path": storable(document.path),
        "media_type": document.media_type,
        "title": storable(reading.title),
        "author": storable(reading.author),
        "created_at": reading.created_at,
        "page_count": reading.page_count,
        "language": reading.language,
        "text": None if document.status in ("container", *UNREAD) else storable(reading.text),
        "metadata": storable(json.dumps(reading.metadata, ensure_ascii=False, default=str, sort_keys=True)),
        "parent": document.parent,
        "status": document.status,
    }


def _schemas() -> dict[str, pa.Schema]:
    import pyarrow as pa

    types = {
        "VARCHAR": pa.string(), "BIGINT": pa.int64(), "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
        "JSON": pa.json_(),
    }  # fmt: skip

    def schema(numbers: Sequence[str], columns: Sequence[ColumnSpec]) -> pa.Schema:
        return pa.schema([(n, pa.int64()) for n in numbers] + [(c.name, types[c.type]) for c in columns])

    return {"": schema(["_record"], COLUMNS), "pages": schema(["_record", "_parent", "_index"], PAGE_COLUMNS)}
