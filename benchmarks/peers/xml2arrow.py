"""xml2arrow to Parquet: invoices and their lines as two tables, by a configuration written for this file."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
from xml2arrow import XmlToArrowParser

from benchmarks import child


def table(name: str, rows: str, levels: str, fields: dict[str, str]) -> str:
    """One table of the configuration: where its rows are, and the path of each field below a row."""
    container = rows.rpartition("/")[0]
    lines = [f"  - name: {name}", f"    xml_path: {container}", f"    levels: [{levels}]", "    fields:"]
    for field, path in fields.items():
        lines.append(f"      - {{name: {field}, xml_path: {rows}/{path}, data_type: Utf8, nullable: true}}")
    return "\n".join(lines) + "\n"


INVOICE = {
    "number": "@number", "currency": "@currency", "issued_on": "IssuedOn", "customer": "Customer",
    "customer_id": "Customer/@id", "total": "Total",
}  # fmt: skip
LINE = {"no": "@no", "service": "Service", "quantity": "Quantity", "price": "UnitPrice", "description": "Description"}
CONFIG = (
    "tables:\n"
    + table("invoices", "/Invoices/Invoice", "invoice", INVOICE)
    + table("lines", "/Invoices/Invoice/Lines/Line", "invoice, line", LINE)
)


def write(source: str, folder: Path) -> int:
    """Both tables, by batches; the number of invoices."""
    config = folder / "config.yaml"
    config.write_text(CONFIG)
    rows, writers = {"invoices": 0, "lines": 0}, {}
    for name, batch in XmlToArrowParser(str(config)).parse_batches(source):
        if name not in writers:
            writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", batch.schema, compression="zstd")
        writers[name].write_batch(batch)
        rows[name] += batch.num_rows
    for writer in writers.values():
        writer.close()
    return rows["invoices"]


if __name__ == "__main__":
    child.main({"xml": write})
