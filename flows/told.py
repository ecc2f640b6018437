"""What a flow tells about what it did, as events. No I/O: the warehouse writes them with the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from blocks.warehouses.base import Account, LayerPublish, Ready
from flows.context import Context
from flows.lineage import Facts
from governance.model import CheckResult, Event, Profile

PLATFORM = "data-platform"
"""The team that owns what is nobody else's: runs and layers."""
PROFILED_COLUMNS = 1000
"""Of which an event tells the profile: some 200 KB."""


def gate_event(context: Context, dataset: str, owner: str, checks: Sequence[CheckResult]) -> Event:
    """A gate's verdict on one dataset."""
    verdict = "failed" if any(not c.success for c in checks) else "passed"
    found = [c.model_dump(mode="json") for c in checks]
    return context.event(f"hallmark.gate.{verdict}.v1", dataset, owner=owner, checks=found)


def load_events(context: Context, ready: Ready, accounts: Mapping[str, Account], facts: Facts) -> list[Event]:
    """One event per load, then what is told of a dataset; its new shape comes between."""
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
    if changes:
        told = "hallmark.schema.changed.v1"
        events.append(context.event(told, facts.dataset.name, owner=owner, changes=list(changes)))
    return [*events, *dataset_events(context, facts, ready.checks, ready.profile)]


def layer_events(
    context: Context,
    publish: LayerPublish,
    facts: Sequence[Facts],
    rows: Mapping[str, int],
    checks: Sequence[CheckResult],
) -> list[Event]:
    """The publish, and what is told of each of its datasets."""
    told = "hallmark.publish.completed.v1"
    events = [context.event(told, publish.layer, owner=PLATFORM, datasets=sorted(rows), rows=dict(rows))]
    for one in facts:
        name = one.dataset.name
        mine = [c for c in checks if c.dataset == name]
        more: dict[str, Any] = {"rows": rows.get(name.split(".", 1)[1])}
        if name in publish.stale:
            more["data_as_of"] = publish.stale[name]
        events += dataset_events(context, one, mine, publish.profiles.get(name), more)
    return events


def dataset_events(
    context: Context,
    facts: Facts,
    checks: Sequence[CheckResult],
    profile: Profile | None,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> list[Event]:
    """A dataset as it is now, whether its data are old, what it is made of, and its gate; what refers to it follows."""
    dataset, name = facts.dataset, facts.dataset.name
    said = dataset.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
    told = {**said, "layer": dataset.layer, "owner": dataset.owner, **more, **profile_of(profile)}
    events = [context.event("hallmark.dataset.published.v1", name, **told)]
    if "data_as_of" in more:
        stale = {"owner": dataset.owner, "data_as_of": more["data_as_of"]}
        events.append(context.event("hallmark.dataset.stale.v1", name, **stale))
    events += lineage_event(context, facts)
    return [*events, *([gate_event(context, name, dataset.owner, checks)] if checks else [])]


def profile_of(profile: Profile | None) -> dict[str, Any]:
    """What a publish tells of the rows, in an event that can still be sent: of its first columns."""
    if profile is None:
        return {}
    told = profile.model_copy(update={"columns": profile.columns[:PROFILED_COLUMNS]})
    return {"profile": told.model_dump(mode="json", exclude_defaults=True)}


def lineage_event(context: Context, facts: Facts) -> list[Event]:
    """What a dataset and its columns are made of, and by what; nothing where nothing is known.

    That it is made of nothing any more is known, too: its edges have to go.
    """
    if not facts.edges and facts.inputs is None:
        return []
    made: dict[str, Any] = {
        "edges": [e.model_dump(mode="json") for e in facts.edges],
        "pipeline": facts.pipeline, "sql": facts.sql,
    }  # fmt: skip
    if facts.inputs is not None:
        made["inputs"] = list(facts.inputs)
    if facts.origin:
        made["origin"] = facts.origin.model_dump(mode="json", exclude_defaults=True)
    told = "hallmark.lineage.published.v1"
    return [context.event(told, facts.dataset.name, owner=facts.dataset.owner, **made)]
