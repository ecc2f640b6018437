"""From events to the catalog: which part of this package an event is for, and in which order they are worth trying.

An event is read by the types of `governance.model`; one that no part is for concerns the catalog not at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from pydantic import ValidationError

from governance.contracts import ContractResult, DataContract
from governance.model import CheckResult, Dataset, Event, LineageEdge, Profile, Run
from governance.openmetadata.catalog import Catalog, Tally
from governance.openmetadata.concerns import ASSESSED, DATASET, GATES, LINEAGE, RUNS, STALE
from governance.openmetadata.contracts import push_contract
from governance.openmetadata.datasets import Told, mark_stale, push_datasets
from governance.openmetadata.edges import Made, push_edges
from governance.openmetadata.quality import push_checks
from governance.openmetadata.runs import push_run
from governance.transports.base import PermanentError, TransientError

LOG = logging.getLogger(__name__)
Failure = TransientError | PermanentError
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
                try:
                    told[event.id] = dataset_of(event)
                except ValidationError as error:
                    failed[event.id] = _unreadable(error)
        failed |= await push_datasets(self.catalog, told) if told else {}
        later = [(e, work) for e in events if (work := WORK.get(e.type))]
        outcomes = await asyncio.gather(*(self._one(e, w) for e, w in later))
        failed |= {e.id: outcome for (e, _), outcome in zip(later, outcomes, strict=True) if outcome}
        if any(isinstance(f, TransientError) and f.reason == "absent" for f in failed.values()):
            self.catalog.forget()
        return failed

    async def _one(self, event: Event, work: Work) -> Failure | None:
        try:
            await work(self.catalog, event)
        except (TransientError, PermanentError) as error:
            return error
        except ValidationError as error:
            return _unreadable(error)
        except Exception as error:  # a fault in bringing one event must not keep the others from being brought
            LOG.exception("event %s of %s", event.type, event.subject)
            return TransientError("unexpected", f"{type(error).__name__}, see the log")
        return None


def _unreadable(error: ValidationError) -> PermanentError:
    found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)[:5])
    return PermanentError(f"the event is not of its type's form: {found}")


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
    edges = tuple(LineageEdge.model_validate(e) for e in event.data.get("edges") or ())
    inputs = event.data.get("inputs")
    pipeline, sql = str(event.data.get("pipeline") or ""), str(event.data.get("sql") or "")
    return Made(event.subject, edges, pipeline, sql, None if inputs is None else tuple(inputs))


async def _gate(catalog: Catalog, event: Event) -> None:
    checks = tuple(CheckResult.model_validate(c) for c in event.data.get("checks") or ())
    await push_checks(catalog, event.subject, checks, event.time)


async def _run(catalog: Catalog, event: Event) -> None:
    if "run" not in event.data:  # of a command, which is no deployment
        return
    run = Run.model_validate(event.data["run"])
    known = {k: str(event.data.get(k) or "") for k in ("run_id", "slot", "owner")}
    await push_run(catalog, run, **known)


async def _contract(catalog: Catalog, event: Event) -> None:
    contract = DataContract.model_validate(event.data.get("contract"))
    await push_contract(catalog, contract, ContractResult.model_validate(event.data.get("result")), event.time)


WORK: dict[str, Work] = {
    STALE: _stale,
    ASSESSED: _contract,
    LINEAGE: _lineage,
    **dict.fromkeys(GATES, _gate),
    **dict.fromkeys(RUNS, _run),
}
