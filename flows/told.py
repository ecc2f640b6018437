"""What a flow tells about what it did, as events. No I/O: the warehouse writes them with the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.warehouses.base import Account, LayerPublish, Ready
from flows.context import Context
from governance.model import CheckResult, Dataset, Event, LineageEdge, Profile

PLATFORM = "data-platform"
"""The team that owns what is nobody else's: runs and layers."""
PROFILED_COLUMNS = 1000
"""Of which an event tells the profile: some 200 KB."""


def gate_event(context: Context, dataset: str, owner: str, checks: Sequence[CheckResult]) -> Event:
    """A gate's verdict on one dataset."""
    verdict = "failed" if any(not c.success for c in checks) else "passed"
    found = [c.model_dump(mode="json") for c in checks]
    return context.event(f"hallmark.gate.{verdict}.v1", dataset, owner=owner, checks=found)


def load_events(
    context: Context, ready: Ready, accounts: Mapping[str, Account], edges: Sequence[LineageEdge]
) -> list[Event]:
    """One event per load, the gate's verdict, the dataset as it is now, its new shape, and what it is made of."""
    if not accounts:
        return []
    load, changes = ready.load, ready.staged.changes
    owner, name = context.owner(load.source), f"{load.source}.{load.stream.name}"
    paths = {p.load_id: p.path for p in load.planned}
    events = [
        context.event(
            "hallmark.load.published.v1", name, load_id, owner=owner, load_id=load_id, path=paths.get(load_id),
            read=a.read, published=a.published, unchanged=a.unchanged, quarantined=a.quarantined, deleted=a.deleted,
        )
        for load_id, a in accounts.items()
    ]  # fmt: skip
    if ready.checks:
        events.append(gate_event(context, f"bronze.{load.table}", owner, ready.checks))
    facts = profile_of(ready.profile)
    events.append(context.event("hallmark.dataset.published.v1", f"bronze.{load.table}", owner=owner, **facts))
    if changes:
        events.append(
            context.event("hallmark.schema.changed.v1", f"bronze.{load.table}", owner=owner, changes=list(changes))
        )
    return [*events, *lineage_event(context, f"bronze.{load.table}", owner, edges)]


def profile_of(profile: Profile | None) -> dict[str, Any]:
    """What a publish tells of the rows, in an event that can still be sent: of its first columns."""
    if profile is None:
        return {}
    told = profile.model_copy(update={"columns": profile.columns[:PROFILED_COLUMNS]})
    return {"profile": told.model_dump(mode="json", exclude_defaults=True)}


def lineage_event(context: Context, dataset: str, owner: str, edges: Sequence[LineageEdge]) -> list[Event]:
    """What the columns of a dataset are made of; nothing where nothing is known."""
    found = [e.model_dump(mode="json") for e in edges]
    return [context.event("hallmark.lineage.published.v1", dataset, owner=owner, edges=found)] if found else []


def layer_events(
    context: Context,
    publish: LayerPublish,
    datasets: Sequence[Dataset],
    rows: Mapping[str, int],
    checks: Sequence[CheckResult],
    edges: Mapping[str, Sequence[LineageEdge]],
) -> list[Event]:
    """The publish, and for each dataset its facts, its lineage, its gate, and whether its data are old."""
    layer, stale = publish.layer, publish.stale
    events = [
        context.event("hallmark.publish.completed.v1", layer, owner=PLATFORM, datasets=sorted(rows), rows=dict(rows))
    ]
    for dataset in datasets:
        facts: dict[str, Any] = dataset.model_dump(mode="json", exclude={"name"})
        facts |= profile_of(publish.profiles.get(dataset.name))
        count = rows.get(dataset.name.split(".", 1)[1])
        events.append(context.event("hallmark.dataset.published.v1", dataset.name, rows=count, **facts))
        if dataset.name in stale:
            data = {"owner": dataset.owner, "data_as_of": stale[dataset.name]}
            events.append(context.event("hallmark.dataset.stale.v1", dataset.name, **data))
        events += lineage_event(context, dataset.name, dataset.owner, edges.get(dataset.name, ()))
        if mine := [c for c in checks if c.dataset == dataset.name]:
            events.append(gate_event(context, dataset.name, dataset.owner, mine))
    return events
