"""XML files: one row per record, a child table for each element that repeats within a record.

`scan` each file of a load, `merge` what they hold, `convert` each file by that. What an element is worth:

- An attribute and an element without children is a column, named by its path below the record (`Customer/@id` is
  `customer_id`). All values are text, as the parser gives it: blanks at both ends are kept, line ends are LF.
- An absent element is NULL, an empty one ''. An element that only ever has attributes has no column of its own.
- An element with text between its children (mixed content) has all text within it as its value; its children are
  columns, or tables, as well. Blanks between elements are no text.
- Namespaces only tell elements of one local name apart (`_2`). Comments and processing instructions are left out;
  an entity stays as it is written (`&nbsp;`), whoever declares it. Nothing is ever fetched.
- What stands outside of the records (a header beside them, attributes of the root) is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from blocks.sources.tables import RAW_LIMIT, Converted, Fault
from blocks.sources.xml.arrow import write_plain
from blocks.sources.xml.layout import Layout, layout_of
from blocks.sources.xml.quick import quick_scan
from blocks.sources.xml.rows import Tail, open_tables, write_rows
from blocks.sources.xml.scan import Scan, place_in, scan_file
from blocks.sources.xml.tree import Element, at_path, find_record, local_name
from governance.errors import SourceError

__all__ = ["Layout", "Scan", "convert", "merge", "scan"]


def scan(path: Path, record: str | None, where: str) -> Scan:
    """Read a file once: its elements, and where it breaks. `record` is the declared path of a record.

    Raises SourceError, with `where` as its subject, if the file cannot be read at all.
    """
    try:
        return quick_scan(path, record) or scan_file(path, record)
    except OSError as error:
        raise SourceError(where, error.strerror or str(error), "make the file readable") from None


def merge(scans: Sequence[Scan], known_children: Collection[str]) -> Layout:
    """Tables and columns of all files of a load; `known_children` are child tables that bronze has already."""
    return layout_of(scans, known_children)


def convert(path: Path, scan: Scan, layout: Layout, folder: Path) -> Converted:
    """Write the complete records of a file as Parquet into `folder`; what cannot be read is one Fault."""
    folder.mkdir(parents=True, exist_ok=True)
    record = layout.records.get(scan.root.name) if scan.root else None
    element = at_path(scan.root, record) if scan.root and record else None
    tail = Tail(0, 1)
    with open_tables(layout, folder / path.name) as files:
        done = not (record and element and element.count and not _is_nothing(scan, element))
        done = done or write_plain(scan, layout, record or (), files)
    if not done and not scan.exact:
        return convert(path, scan_file(path, scan.record), layout, folder)
    if not done and record and element:
        with open_tables(layout, folder / path.name) as files:
            tail = write_rows(scan, layout, record, element.count, files)
    return Converted(
        tables={f.table.name: f.path for f in files},
        parents={t.name: layout.tables[t.parent].name for t in layout.tables if t.parent is not None},
        faults=_faults(path, scan, record, tail),
    )


def _is_nothing(scan: Scan, element: Element) -> bool:
    """A root that holds nothing is a list without records."""
    return element is scan.root and element.empty


def _faults(path: Path, scan: Scan, record: tuple[str, ...] | None, tail: Tail) -> list[Fault]:
    """The tail of a broken file, or a file in which the declared record cannot be; else nothing."""
    if scan.broken:
        code, reason = scan.broken.reason_code, scan.broken.reason
    elif scan.root and not record:
        code = "no_record"
        likely = "/".join(local_name(name) for name in find_record(scan.root))
        reason = f"it has no {scan.record}: its records look to be /{likely}"
    else:
        return []
    start = place_in(path, scan.encoding, tail.byte)
    with path.open("rb") as file:
        file.seek(start)
        raw = file.read(RAW_LIMIT)
    at = f":{tail.line}" if scan.size else ""
    return [Fault(code, reason, at, start, scan.size, raw.decode(scan.encoding, "replace"))]
