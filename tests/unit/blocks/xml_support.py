"""XML documents on their way through `scan`, `merge` and `convert`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow.parquet as pq

from blocks.sources.tables import Converted
from blocks.sources.xml import convert, merge, scan

type_of_rows = list[dict[str, object]]


def converted(
    folder: Path, *documents: str | bytes, record: str | None = None, known: Collection[str] = ()
) -> list[Converted]:
    """The documents as files of one load."""
    scans = []
    for number, document in enumerate(documents):
        path = folder / f"{number}.xml"
        path.write_bytes(document.encode() if isinstance(document, str) else document)
        scans.append(scan(path, record, "file"))
    layout = merge(scans, known)
    return [convert(s.path, s, layout, folder / "out") for s in scans]


def rows(converted: Converted, table: str = "") -> type_of_rows:
    """A table of it."""
    return pq.read_table(converted.tables[table]).to_pylist()


def records(folder: Path, document: str | bytes, record: str | None = None) -> type_of_rows:
    """The records of one sound document, without their numbers."""
    (file,) = converted(folder, document, record=record)
    assert not file.faults
    found = rows(file)
    assert [r.pop("_record") for r in found] == list(range(1, len(found) + 1))
    return found
