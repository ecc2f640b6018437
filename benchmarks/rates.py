"""What a core brings of each kind, ours alone: the RATES of `flows/capacity.py`, by which `hallmark plan` estimates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks import throughput
from benchmarks.report import Section
from benchmarks.works import WORKS

KINDS = {
    "csv": "csv", "ndjson": "json", "xml": "xml", "postgres": "postgres", "parquet": "parquet",
    "documents": "documents",
}  # fmt: skip
"""Work → kind of RATES."""


def measure(size: int, times: int, scratch: Path) -> Section:
    """Every kind without others beside it, so that SIZE can be larger than they bear."""
    columns = ["kind", "MB", "MB/s per core", "CPU s", "peak MB"]
    section = Section("rates", "Rates of `hallmark plan`: ours alone, up to published in bronze", columns)
    for work in WORKS:
        if work.name not in KINDS:
            continue
        found = throughput.measure(replace(work, peers=()), size, times, scratch)
        _, speed, cpu, _, peak, *_ = found.rows[0]
        section.rows.append([KINDS[work.name], f"{size * work.share / 1e6:.0f}", speed, cpu, peak])
        if speed and cpu:
            section.rates[KINDS[work.name]] = float(speed)
    return section
