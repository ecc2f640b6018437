"""lxml.iterparse to Parquet: invoices and their lines as two tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from lxml import etree

from benchmarks import child

AT_ONCE = 50_000
INVOICE = pa.schema([(n, pa.string()) for n in ("number", "currency", "IssuedOn", "Customer", "Customer_id", "Total")])
LINE = pa.schema(
    [("invoice", pa.int64())] + [(n, pa.string()) for n in ("no", "Service", "Quantity", "UnitPrice", "Description")]
)


def invoices(source: str) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """(an invoice, its lines), one after the other; what is read is let go."""
    for _, element in etree.iterparse(source, tag="Invoice", resolve_entities=False):
        customer = element.find("Customer")
        invoice = dict(element.attrib) | {c.tag: c.text for c in element if c.tag != "Lines"}
        invoice["Customer_id"] = customer.get("id")
        lines = [dict(line.attrib) | {c.tag: c.text for c in line} for line in element.iterfind("Lines/Line")]
        yield invoice, lines
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]


def write(source: str, folder: Path) -> int:
    """Both tables; the number of invoices."""
    count, heads, lines = 0, [], []
    with (
        pq.ParquetWriter(folder / "invoices.parquet", INVOICE, compression="zstd") as first,
        pq.ParquetWriter(folder / "lines.parquet", LINE, compression="zstd") as second,
    ):

        def flush() -> None:
            first.write_table(pa.Table.from_pylist(heads, INVOICE))
            second.write_table(pa.Table.from_pylist(lines, LINE))
            heads.clear(), lines.clear()

        for invoice, of_it in invoices(source):
            heads.append(invoice)
            lines += [{"invoice": count, **line} for line in of_it]
            count += 1
            if len(heads) >= AT_ONCE:
                flush()
        flush()
    return count


if __name__ == "__main__":
    child.main({"xml": write})
