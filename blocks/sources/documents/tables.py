"""The tables that documents are written into, as Parquet: one row for each, and their pages.

Several files share them: `$file` says which one a row is of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from blocks.sources.base import ColumnSpec
from blocks.sources.documents.walk import UNREAD, Document, storable, walk
from blocks.sources.tables import FILE, Fault

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
_NAMES = {"": "documents", "pages": "pages"}


class File(NamedTuple):
    """A landed file that is to be read."""

    number: int
    path: str
    name: str
    """The path of the file in its source: the first document has it as its path, one inside it `<container>!<name>`."""


def paths(folder: Path, number: int) -> dict[str, Path]:
    """Table → where it is written for the files of which this is the first one's number."""
    return {table: folder / f"{name}-{number}.parquet" for table, name in _NAMES.items()}


def clear(folder: Path) -> None:
    """Remove the tables of an earlier time. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _NAMES.values():
        for table in folder.glob(f"{name}-*.pa*"):
            table.unlink(missing_ok=True)


def write(files: Sequence[File], tables: dict[str, Path]) -> list[list[Fault]]:
    """Convert files in this process; what could not be read of each."""
    faults: list[list[Fault]] = [[] for _ in files]
    unfinished = {table: target.with_suffix(".part") for table, target in tables.items()}
    _write(unfinished, ((f.number, walk(Path(f.path), f.name), kept) for f, kept in zip(files, faults, strict=True)))
    for table, target in tables.items():
        unfinished[table].replace(target)
    return faults


def _write(tables: dict[str, Path], files: Iterable[tuple[int, Iterable[Document | Fault], list[Fault]]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schemas = _schemas()
    rows: dict[str, list[dict[str, Any]]] = {"": [], "pages": []}
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

        for number, found, faults in files:
            record = page = 0
            for item in found:
                if isinstance(item, Fault):
                    faults.append(item)
                    continue
                record += 1
                rows[""].append({FILE: number, "_record": record, **_row(item)})
                for index, text in enumerate(item.reading.pages):
                    page += 1
                    rows["pages"].append({
                        FILE: number, "_record": page, "_parent": record, "_index": index,
                        "document_id": item.document_id, "page": index + 1, "text": storable(text),
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

    return {
        "": schema([FILE, "_record"], COLUMNS),
        "pages": schema([FILE, "_record", "_parent", "_index"], PAGE_COLUMNS),
    }
