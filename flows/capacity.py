"""What a core, a pod and a warehouse can do: the measured and published numbers of `hallmark plan`, each once.

No I/O. What a batch holds is in `plan.py`, how it goes through time in `simulate.py`; docs/capacity.md shows both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MB, GB, TB = 10**6, 10**9, 10**12

RATES: Mapping[str, float] = {
    "csv": 42.9,
    "json": 49.6,
    "xml": 28.1,
    "postgres": 41.2,
    "parquet": 11.4,
    "documents": 1.9,
}
"""MB of source per second of processor time, up to published in bronze; of Parquet and documents as the files are.

Measured by `make bench ONLY=rates`; machine, sizes and date are in benchmarks/results.md.
"""
DEFAULT_RATE = "csv"
"""Whose rate is taken for what is not known before it is read: the commonest of the formats of rows."""
BATCHES_A_DAY = 4
TASK_RUNS_A_DAY = 2000
"""At most, since Prefect's database has a row for each state of each."""
TASK_RUNS_OF_LAYERS = 11
"""Of a batch: three in silver and in gold, two in the delivery, and one for each of these three flows."""


@dataclass(frozen=True)
class Assumptions:
    """What an estimate rests on. Every number can be given as an option of `hallmark plan`."""

    bytes: float = 2.5 * TB
    """Of sources in one batch: 10 TB a day in four."""
    streams: int = 400
    sources: int = 40
    largest_share: float = 0.05
    """Of the bytes, in the largest stream; the others have less by their rank."""
    mix: Mapping[str, float] = field(
        default_factory=lambda: {
            "csv": 0.3, "json": 0.3, "postgres": 0.2, "parquet": 0.15, "xml": 0.04, "documents": 0.01,
        }
    )  # fmt: skip
    """Kind → share of the bytes."""
    hours: float = 3.0
    """In which gold is to be published."""
    pods: int = 24
    pod_cores: int = 4
    part_mb: float = 200
    """Of source in one part: what one core works on at a time."""
    source_mb_s: float = 3000
    """All sources together give no more than this a second."""
    pod_upload_mb_s: float = 500
    """A pod to S3, parts of 200 MB in several streams."""
    staged_share: float = 0.3
    """Bytes of Parquet (zstd) for a byte of source."""
    warehouse_size: int = 16
    """Credits an hour: 1 is XS, 2 S, 4 M, 8 L, 16 XL, 32 2XL."""
    copy_gb_credit: float = 855
    """GB of source rows that one credit loads, from Parquet by the vectorized scanner."""
    publish_gb_credit: float = 1700
    """GB of source rows that one credit merges and publishes in bronze: it reads and writes what is loaded."""
    gate_seconds: float = 20
    """The gate of one stream: some aggregates over what was staged."""
    statement_seconds: float = 10
    """What the statements of one stream cost beside their bytes: half to load, half to publish."""
    at_once: int = 16
    """Streams that load, or are tested, at a time in the warehouse. They publish one after another."""
    transform_gb_credit: float = 425
    """GB of new source rows that one credit brings through the models of silver; of gold a fifth of it is left."""
    gold_share: float = 0.2
    layer_gate_seconds: float = 180
    """The gate and the publish of a layer."""

    @property
    def cores(self) -> int:
        """Of all pods."""
        return self.pods * self.pod_cores


def cores_needed(by_kind: Mapping[str, float], hours: float) -> int:
    """Cores that read so many bytes of each kind in this time; 0 for nothing."""
    seconds = sum(size / (RATES[kind] * MB) for kind, size in by_kind.items())
    return math.ceil(seconds / (hours * 3600))


def task_runs_a_day(streams: int, sources: int) -> int:
    """Of four batches: one for each stream, whether it has something to do or not, and for the flow of each source."""
    return BATCHES_A_DAY * (streams + sources + TASK_RUNS_OF_LAYERS)


def credits_needed(size: float, streams: int, assumed: Assumptions) -> float:
    """Credits of a batch with so many bytes: load, publish, silver and gold, and the statements of each stream.

    Work on bytes costs the same on a warehouse of any size; waiting costs by its size. One minute is the least.
    """
    if not streams:
        return 0.0
    layers = (1 + assumed.gold_share) / assumed.transform_gb_credit
    of_bytes = size / GB * (1 / assumed.copy_gb_credit + 1 / assumed.publish_gb_credit + layers)
    rounds = math.ceil(streams / assumed.at_once)
    at_once = rounds * (assumed.gate_seconds + assumed.statement_seconds / 2)
    one_by_one = streams * assumed.statement_seconds / 2
    waiting = at_once + one_by_one + 2 * assumed.layer_gate_seconds
    return max(of_bytes + waiting * assumed.warehouse_size / 3600, assumed.warehouse_size / 60)


def size_name(credits_an_hour: int) -> str:
    """What Snowflake calls a warehouse that costs so much an hour."""
    names = {1: "XS", 2: "S", 4: "M", 8: "L", 16: "XL", 32: "2XL", 64: "3XL", 128: "4XL"}
    return names.get(credits_an_hour, f"{credits_an_hour} credits/h")


def kind_of(source_kind: str, declared: str | None, path: str) -> str:
    """The row of RATES that a file or table of a stream belongs to."""
    from blocks.sources.formats import SUFFIXES
    from blocks.sources.packed import is_packed

    if source_kind in RATES:
        return source_kind
    if source_kind == "airbyte":
        return "json"
    while is_packed(path):
        path = str(Path(path).with_suffix(""))
    return declared or SUFFIXES.get(Path(path).suffix.lower(), DEFAULT_RATE)
