"""From events to the catalog: which part of this package an event is for, and in which order they are worth trying.

An event is read by the types of `governance.model`; one that no part is for concerns the catalog not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from pydantic import TypeAdapter

from governance.model import CheckResult, Dataset, Event, LineageEdge, Profile, Run
from governance.openmetadata.catalog import Catalog, Tally
from governance.openmetadata.concerns import DATASET, GATES, LINEAGE, RUNS, STALE
from governance.openmetadata.datasets import Told, mark_stale, push_datasets
from governance.openmetadata.edges import Made, push_edges
from governance.openmetadata.entities import Failure, outcome
from governance.openmetadata.quality import push_checks
from governance.openmetadata.runs import push_run
from governance.transports.base import TransientError

_EDGES = TypeAdapter(tuple[LineageEdge, ...])
_NAMES = TypeAdapter(tuple[str, ...] | None)
_CHECKS = TypeAdapter(tuple[CheckResult, ...])
Work = Callable[[Catalog, Event], Coroutine[Any, Any, None]]


class Pusher:
    """Brings events into one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    async def push(self, events: Sequence[Event]) -> dict[str, Failure]:
        """Bring them in; what failed, by the event's id. Datasets go first: the others refer to them."""
        self.catalog.tally = Tally()
        failed: dict[str, Failure] = {}
        told: dict[str, Told] = {}
        for event in events:
            if event.type == DATASET:
                found = await outcome(_told(event))
                if isinstance(found, Told):
                    told[event.id] = found
                else:
                    failed[event.id] = found
        failed |= await push_datasets(self.catalog, told) if told else {}
        later = [(e, work) for e in events if (work := WORK.get(e.type))]
        ends = await asyncio.gather(*(outcome(work(self.catalog, e)) for e, work in later))
        failed |= {e.id: end for (e, _), end in zip(later, ends, strict=True) if end}
        if any(isinstance(f, TransientError) and f.reason == "absent" for f in failed.values()):
            self.catalog.forget()
        return failed


async def _told(event: Event) -> Told:
    return dataset_of(event)


def dataset_of(event: Event) -> Told:
    """What `hallmark.dataset.published.v1` tells."""
    known = {k: v for k, v in event.data.items() if k in Dataset.model_fields}
    dataset = Dataset.model_validate({"layer": event.subject.partition(".")[0], **known, "name": event.subject})
    rows = event.data.get("rows")
    found = event.data.get("profile") or ({"rows": rows} if rows is not None else None)
    profile = Profile.model_validate(found) if found else None
    return Told(dataset, event.time, profile, bool(event.data.get("data_as_of")))


async def _stale(catalog: Catalog, event: Event) -> None:
    await mark_stale(catalog, event.subject)


async def _lineage(catalog: Catalog, event: Event) -> None:
    if origin := origin_of(event):
        failed = await push_datasets(catalog, {event.id: origin})
        if failed:
            raise failed[event.id]
    await push_edges(catalog, made_of(event))


def origin_of(event: Event) -> Told | None:
    """Where a dataset of bronze comes from, as `hallmark.lineage.published.v1` tells."""
    origin = event.data.get("origin")
    return Told(Dataset.model_validate(origin), event.time) if origin else None


def made_of(event: Event) -> Made:
    """What `hallmark.lineage.published.v1` tells."""
    edges = _EDGES.validate_python(event.data.get("edges") or ())
    inputs = _NAMES.validate_python(event.data.get("inputs"))
    pipeline, sql = str(event.data.get("pipeline") or ""), str(event.data.get("sql") or "")
    return Made(event.subject, edges, pipeline, sql, inputs)


async def _gate(catalog: Catalog, event: Event) -> None:
    checks = _CHECKS.validate_python(event.data.get("checks") or ())
    await push_checks(catalog, event.subject, checks, event.time)


async def _run(catalog: Catalog, event: Event) -> None:
    if "run" not in event.data:  # of a command, which is no deployment
        return
    run = Run.model_validate(event.data["run"])
    known = {k: str(event.data.get(k) or "") for k in ("run_id", "slot", "owner")}
    await push_run(catalog, run, **known)


WORK: dict[str, Work] = {STALE: _stale, LINEAGE: _lineage, **dict.fromkeys(GATES, _gate), **dict.fromkeys(RUNS, _run)}
