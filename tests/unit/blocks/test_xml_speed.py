"""How fast invoices are read, and in how much memory; `pytest -s` prints the numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

INVOICE = """  <Invoice number="INV-{n:06d}" currency="USD">
    <Issued>2026-03-01</Issued>
    <Customer id="{n:04d}"><Name>Smith &amp; Sons {n}</Name></Customer>
    <Lines>
      <Line no="1"><Service>Print</Service><Price>100.00</Price></Line>
      <Line no="2"><Service>Web</Service><Price>50.00</Price></Line>
    </Lines>
    <Total>150.00</Total>
  </Invoice>
"""
CHILD = """
import resource, sys, time
from pathlib import Path
import pyarrow.parquet as pq
from blocks.sources.xml import convert, merge, scan
path = Path(sys.argv[1])
def run(path):
    began = time.process_time()
    found = scan(path, None, "file")
    scanned = time.process_time()
    file = convert(path, found, merge([found], ()), path.parent)
    return file, scanned - began, time.process_time() - scanned
run(path.with_name("small.xml"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
file, scanning, converting = run(path)
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
rows = [pq.read_metadata(file.tables[t]).num_rows for t in ("", "line")]
print(*rows, grown, path.stat().st_size / 1e6 / scanning, path.stat().st_size / 1e6 / converting)
"""


def test_a_long_file_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    count = 60_000
    for name, number in (("small.xml", 10_000), ("big.xml", count)):
        with (tmp_path / name).open("w") as file:
            file.write("<Invoices>\n")
            file.writelines(INVOICE.format(n=n) for n in range(number))
            file.write("</Invoices>\n")
    result = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "big.xml")], capture_output=True, text=True, check=True
    )
    records, lines, grown, scanning, converting = map(float, result.stdout.split())
    print(f"\nscan {scanning:.0f} MB/s, convert {converting:.0f} MB/s of processor time, {grown:.0f} MB more memory")
    assert (records, lines) == (count, 2 * count)
    assert grown < 60
