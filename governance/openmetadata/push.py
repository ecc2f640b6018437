"""From events to the catalog: which part of this package an event is for, and in which order they are worth trying.

An event is read by the types of `governance.model`; one that no part is for concerns the catalog not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from governance.contracts import ContractResult, DataContract
from governance.incidents.model import Incident
from governance.model import CheckResult, Dataset, Event, LineageEdge, Profile, Run
from governance.openmetadata.catalog import Catalog, Tally
from governance.openmetadata.concerns import ASSESSED, DATASET, GATES, INCIDENTS, LINEAGE, RUNS, STALE
from governance.openmetadata.contracts import push_contract
from governance.openmetadata.datasets import Told, mark_stale, push_datasets
from governance.openmetadata.edges import Made, push_edges
from governance.openmetadata.entities import Failure, attempt
from governance.openmetadata.incidents import push_incident
from governance.openmetadata.quality import push_checks
from governance.openmetadata.runs import push_run
from governance.transports.base import TransientError, unreadable

Work = Callable[[Catalog, Event], Coroutine[Any, Any, None]]


class Pusher:
    """Brings events into one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    async def push(self, events: Sequence[Event]) -> dict[str, Failure]:
        """Bring them in; what failed, by the event's id. Datasets go first: the others refer to them."""
        self.catalog.tally = Tally()
        self.catalog.look_again()
        failed: dict[str, Failure] = {}
        told: dict[str, Told] = {}
        work: dict[str, Coroutine[Any, Any, None]] = {}
        for event in {e.id: e for e in events}.values():
            try:
                if event.type == DATASET:
                    told[event.id] = dataset_of(event)
                elif begin := WORK.get(event.type):
                    work[event.id] = begin(self.catalog, event)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                failed[event.id] = unreadable(event, error)
        failed |= await push_datasets(self.catalog, told) if told else {}
        done = await asyncio.gather(*(attempt(w, f"event {i}") for i, w in work.items()))
        failed |= {i: d for i, d in zip(work, done, strict=True) if isinstance(d, Failure)}
        if any(isinstance(f, TransientError) and f.reason == "absent" for f in failed.values()):
            self.catalog.forget()
        return failed


def dataset_of(event: Event) -> Told:
    """What `hallmark.dataset.published.v1` tells."""
    known = {k: v for k, v in event.data.items() if k in Dataset.model_fields}
    dataset = Dataset.model_validate({"layer": event.subject.partition(".")[0], **known, "name": event.subject})
    rows = event.data.get("rows")
    found = event.data.get("profile") or ({"rows": rows} if rows is not None else None)
    profile = Profile.model_validate(found) if found else None
    return Told(dataset, event.time, profile, bool(event.data.get("data_as_of")))


def _stale(catalog: Catalog, event: Event) -> Coroutine[Any, Any, None]:
    return mark_stale(catalog, event.subject)


def _lineage(catalog: Catalog, event: Event) -> Coroutine[Any, Any, None]:
    return _push_lineage(catalog, origins_of(event), made_of(event))


async def _push_lineage(catalog: Catalog, origins: Sequence[Told], made: Sequence[Made]) -> None:
    for error in (await push_datasets(catalog, {o.dataset.name: o for o in origins})).values():
        raise error
    for one in made:
        await push_edges(catalog, one)


def origins_of(event: Event) -> list[Told]:
    """Where a dataset of bronze comes from, as `hallmark.lineage.published.v1` tells: the nearest first."""
    found = [event.data.get(k) for k in ("origin", "endpoint")]
    return [Told(Dataset.model_validate(one), event.time) for one in found if one]


def made_of(event: Event) -> list[Made]:
    """What `hallmark.lineage.published.v1` tells: of what was landed too, where that is the answer of an API."""
    edges = tuple(LineageEdge.model_validate(e) for e in event.data.get("edges") or ())
    inputs, origin = event.data.get("inputs"), event.data.get("origin")
    if origin and inputs is None:
        inputs = [Dataset.model_validate(origin).name]
    pipeline, sql = str(event.data.get("pipeline") or ""), str(event.data.get("sql") or "")
    made = Made(event.subject, edges, pipeline, sql, None if inputs is None else tuple(map(str, inputs)))
    if not origin or "endpoint" not in event.data:
        return [made]
    landed, endpoint = Dataset.model_validate(origin).name, Dataset.model_validate(event.data["endpoint"])
    answered = tuple(
        LineageEdge(source=f"{endpoint.name}.{c.name}", target=f"{landed}.{c.name}", expression=c.name)
        for c in endpoint.columns
    )
    return [Made(landed, answered, pipeline, inputs=(endpoint.name,)), made]


def _gate(catalog: Catalog, event: Event) -> Coroutine[Any, Any, None]:
    checks = tuple(CheckResult.model_validate(c) for c in event.data.get("checks") or ())
    return push_checks(catalog, event.subject, checks, event.time)


def _run(catalog: Catalog, event: Event) -> Coroutine[Any, Any, None]:
    if "run" not in event.data:  # of a command, which is no deployment
        return asyncio.sleep(0)
    run = Run.model_validate(event.data["run"])
    run_id, slot, owner = (str(event.data.get(k) or "") for k in ("run_id", "slot", "owner"))
    return push_run(catalog, run, run_id, slot, owner)


def _contract(catalog: Catalog, event: Event) -> Coroutine[Any, Any, None]:
    contract = DataContract.model_validate(event.data.get("contract"))
    return push_contract(catalog, contract, ContractResult.model_validate(event.data.get("result")), event.time)


def _incident(catalog: Catalog, event: Event) -> Coroutine[Any, Any, None]:
    one = Incident.model_validate(event.data["incident"])
    verb = event.type.split(".")[2]
    return push_incident(catalog, one, verb, str(event.data.get("what") or ""))  # type: ignore[arg-type]


WORK: dict[str, Work] = {
    **dict.fromkeys(INCIDENTS, _incident),
    STALE: _stale,
    ASSESSED: _contract,
    LINEAGE: _lineage,
    **dict.fromkeys(GATES, _gate),
    **dict.fromkeys(RUNS, _run),
}
