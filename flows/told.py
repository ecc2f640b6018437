"""What a flow tells about what it did, as events. No I/O: the warehouse writes them with the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from blocks.warehouses.base import Account, LayerPublish, Ready
from flows import slots
from flows.context import Context
from flows.lineage import Facts
from governance.contracts import judge
from governance.model import CheckResult, Event, Profile
from governance.routing import DEPLOYED

PLATFORM = "data-platform"
"""The team that owns what is nobody else's: runs and layers."""


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
    if publish.full:  # by another dbt project than the one before
        told, said = DEPLOYED, f"{publish.layer} is built by another dbt project"
        events.append(context.event(told, publish.layer, owner=PLATFORM, fingerprint=publish.fingerprint, summary=said))
    for one in facts:
        name = one.dataset.name
        mine = [c for c in checks if c.dataset == name]
        more: dict[str, Any] = {"rows": rows.get(name.split(".", 1)[1])}
        if name in publish.stale:
            more["data_as_of"] = publish.stale[name]
        events += dataset_events(context, one, mine, publish.profiles.get(name), more)
        events += assessed(context, one, mine, publish.stale.get(name))
    return events


def assessed(context: Context, facts: Facts, checks: Sequence[CheckResult], stale: str | None) -> list[Event]:
    """Whether a publish kept the contract of its dataset; nothing for one that has none."""
    dataset = facts.dataset
    contract = context.contracts.get(dataset.name)
    if contract is None:
        return []
    # The newest data are those of its slot, unless it stands on older ones.
    oldest = slots.parse(stale) if stale else None if stale == "" else context.batch.slot
    age = context.settings.clock() - oldest if oldest else timedelta.max
    result = judge(contract, {c.name: c.type for c in dataset.columns}, checks, age)
    return [context.tell.contract(contract, result, owner=dataset.owner)]


def dataset_events(
    context: Context,
    facts: Facts,
    checks: Sequence[CheckResult],
    profile: Profile | None,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> list[Event]:
    """A dataset as it is now, whether its data are old, what it is made of, and its gate; what refers to it follows."""
    dataset, name, owner = facts.dataset, facts.dataset.name, facts.dataset.owner
    events = [context.tell.dataset(dataset, profile, **more)]
    if "data_as_of" in more:
        events.append(context.event("hallmark.dataset.stale.v1", name, owner=owner, data_as_of=more["data_as_of"]))
    if facts.edges or facts.inputs is not None:  # that it is made of nothing any more is known too
        lineage = context.tell.lineage(
            name, facts.edges, inputs=facts.inputs, pipeline=facts.pipeline, sql=facts.sql, origin=facts.origin,
            endpoint=facts.endpoint, owner=owner,
        )  # fmt: skip
        events.append(lineage)
    return [*events, *([context.tell.gate(name, checks, owner=owner)] if checks else [])]
