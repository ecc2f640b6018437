"""A batch of a given size in simulated time: parts through pods, streams through the warehouse, then the layers.

A pure computation over `Assumptions`. It has one clock, and queues for the cores and for the warehouse.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flows.capacity import GB, MB, RATES, Assumptions, cores_needed, credits_needed, task_runs_a_day

# What can be had twice as much of; the one that saves most is the bottleneck.
LEVERS = {
    "pods": "pods", "source_mb_s": "the rate of the sources", "pod_upload_mb_s": "the upload of a pod",
    "warehouse_size": "the size of the warehouse",
}  # fmt: skip


@dataclass(frozen=True)
class Stream:
    """One stream of the simulated batch."""

    name: str
    kind: str
    bytes: float


@dataclass(frozen=True)
class Times:
    """When what ended, in seconds after the begin of the batch."""

    ends: Mapping[str, float]
    """Step → when the last stream had it behind it."""
    layers: Mapping[str, float]
    """Layer → when it is published."""
    first_stream: float
    """When the first stream is published."""
    busy: Mapping[str, float]
    """Cores and warehouse → share of the time that they work, up to the end of what they do."""


def streams_of(assumed: Assumptions) -> list[Stream]:
    """Streams by rank: the largest has its share, the others less and less; kinds by their share of the bytes."""
    count = assumed.streams
    rest = [1 / (rank + 10) for rank in range(2, count + 1)]
    share = assumed.largest_share if rest else 1.0
    shares = [share, *((1 - share) * r / sum(rest) for r in rest)]
    total, given = sum(assumed.mix.values()), dict.fromkeys(assumed.mix, 0.0)
    found = []
    for number, part in enumerate(sorted(shares, reverse=True)):
        kind = max(given, key=lambda k: assumed.mix[k] / total - given[k])  # which lacks most
        given[kind] += part
        found.append(Stream(f"stream_{number:03}", kind, part * assumed.bytes))
    return found


def read(streams: Sequence[Stream], assumed: Assumptions) -> tuple[dict[str, float], float]:
    """(stream → when its last part is staged, seconds of work of all cores): the largest stream's parts first.

    A part takes the time of its processor and of its upload, at a share of what its pod and the sources give.
    """
    give = assumed.source_mb_s / assumed.cores
    upload = assumed.pod_upload_mb_s / assumed.pod_cores
    free = [0.0] * assumed.cores
    ends: dict[str, float] = {}
    worked = 0.0
    for stream in sorted(streams, key=lambda s: -s.bytes):
        parts = max(1, math.ceil(stream.bytes / (assumed.part_mb * MB)))
        size = stream.bytes / parts / MB
        # A reader streams: reading and work on it overlap; the upload follows when the part is whole.
        seconds = max(size / RATES[stream.kind], size / give) + size * assumed.staged_share / upload
        worked += parts * seconds
        last = 0.0
        for _ in range(parts):
            last = heapq.heappop(free) + seconds
            heapq.heappush(free, last)
        ends[stream.name] = last
    return ends, worked


def load(
    streams: Sequence[Stream], staged: Mapping[str, float], assumed: Assumptions
) -> tuple[list[float], list[float], list[float], float]:
    """(ends of COPY, of gates, of publishes; seconds of the whole warehouse).

    Half of the warehouse copies and tests `at_once` streams, each with its share, as they are staged.
    With the other half they publish one after another: Snowflake locks `ops.streams` as a whole.
    """
    half = assumed.warehouse_size / 2
    free = [0.0] * assumed.at_once
    tested: list[tuple[float, Stream]] = []
    copied: list[float] = []
    worked = 0.0
    for stream in sorted(streams, key=lambda s: (staged[s.name], s.name)):
        work = stream.bytes / GB / assumed.copy_gb_credit / half * 3600
        copy = work * assumed.at_once + assumed.statement_seconds / 2
        at = max(heapq.heappop(free), staged[stream.name])
        copied.append(at + copy)
        tested.append((at + copy + assumed.gate_seconds, stream))
        heapq.heappush(free, tested[-1][0])
        worked += work / 2
    published: list[float] = []
    for at, stream in sorted(tested, key=lambda t: (t[0], t[1].name)):
        work = stream.bytes / GB / assumed.publish_gb_credit / half * 3600
        published.append(max([at, *published[-1:]]) + work + assumed.statement_seconds / 2)
        worked += work / 2
    return copied, [at for at, _ in tested], published, worked


def run(assumed: Assumptions) -> Times:
    """The batch from its begin to gold."""
    streams = streams_of(assumed)
    staged, core_seconds = read(streams, assumed)
    copied, tested, published, warehouse_seconds = load(streams, staged, assumed)
    read_end, bronze = max(staged.values()), max(published)
    of_silver = assumed.bytes / GB / assumed.transform_gb_credit / assumed.warehouse_size * 3600
    silver = bronze + of_silver + assumed.layer_gate_seconds
    gold = silver + of_silver * assumed.gold_share + assumed.layer_gate_seconds
    ends = {"read": read_end, "copy": max(copied), "gate": max(tested), "publish": bronze}
    busy = {"cores": core_seconds / assumed.cores / read_end, "warehouse": warehouse_seconds / bronze}
    return Times(ends, {"bronze": bronze, "silver": silver, "gold": gold}, min(published), busy)


def simulate(assumed: Assumptions) -> dict[str, Any]:
    """What `hallmark plan --simulate --json` prints of the batch: layers, steps, bottleneck, streams and credits."""
    times, streams = run(assumed), streams_of(assumed)
    levers: list[dict[str, Any]] = []
    for name, words in LEVERS.items():
        twice = run(replace(assumed, **{name: getattr(assumed, name) * 2}))
        levers.append(
            {"assumption": name, "what": words, "saves_s": round(times.layers["gold"] - twice.layers["gold"])}
        )
    levers.sort(key=lambda x: x["saves_s"], reverse=True)
    by_kind: dict[str, dict[str, Any]] = {}
    for s in streams:
        one = by_kind.setdefault(s.kind, {"stream": f"all {s.kind}", "parts": 0, "tasks": 0, "bytes": 0.0})
        one["parts"] += max(1, math.ceil(s.bytes / (assumed.part_mb * MB)))
        one["tasks"] += 1
        one["bytes"] += s.bytes
    found = [{**one, "bytes": round(one["bytes"])} for one in by_kind.values()]
    limit, gold = assumed.hours * 3600, times.layers["gold"]
    return {
        "streams": found, "tasks": assumed.streams, "bytes": round(assumed.bytes), "cores": assumed.cores,
        "task_runs_a_day": task_runs_a_day(assumed.streams, assumed.sources),
        "cores_needed": cores_needed({kind: x["bytes"] for kind, x in by_kind.items()}, assumed.hours),
        "credits": round(credits_needed(assumed.bytes, assumed.streams, assumed), 1),
        "layers": [
            {"layer": name, "published_s": round(at), "share": round(at / limit, 3)}
            for name, at in times.layers.items()
        ],
        "phases": phases(times), "first_stream_s": round(times.first_stream),
        "busy": {name: round(share, 3) for name, share in times.busy.items()},
        "within": gold <= limit, "bottleneck": levers[0]["assumption"], "levers": levers,
    }  # fmt: skip


def phases(times: Times) -> list[dict[str, Any]]:
    """Where the time goes: each phase from the end of the one before it to its own."""
    marks = [
        ("sources read and staged", times.ends["read"]),
        ("last COPY, gate and publish of bronze", times.layers["bronze"]),
        ("silver: models, gate, publish", times.layers["silver"]),
        ("gold: models, gate, publish", times.layers["gold"]),
    ]
    found, before = [], 0.0
    for name, at in marks:
        found.append({"phase": name, "seconds": round(at - before), "until_s": round(at)})
        before = at
    return found
