"""What Prefect says of a flow that could not tell its end itself, as events straight into the outbox.

A run of the ledger tells its own end, and a killed process is found over by the next run. These hooks see what happens
before that or beside it: a warehouse that does not open, a delivery that fails, a run that Prefect found crashed.
Their parameters have Prefect's names: of a process that was killed, it calls them by name.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Any

from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch
from flows.state import announce, open_incidents
from flows.told import PLATFORM
from governance.errors import LockedError, RefusedError, words
from governance.incidents.model import UNRESOLVED
from governance.model import Event

LOG = logging.getLogger("hallmark")
AGAIN = "hallmark:started-again"
"""The tag of a run that `stuck.py` has started once more."""
GONE = "its infrastructure went away"
"""The cause of a crash of which Prefect says none."""
REMEDY = "`kubectl describe pod` of the run's label prefect.io/flow-run-id says why: an image that cannot be pulled, "
REMEDY += "a node that is full or gone, too little memory"


def failed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """It ended by an exception, or crashed. One that came to its end says itself what failed in it."""
    if state.is_crashed():
        _tell(flow, lambda settings: crashed(flow.name, flow_run, state.message, settings))
        return
    error = state.result(raise_on_failure=False)
    if not isinstance(error, BaseException) or getattr(error, "told", False):
        return
    if not isinstance(error, (LockedError, RefusedError)):
        _tell(flow, lambda settings: _event(flow, flow_run, "failed", settings, error=words(error)))


def completed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """It ended well: what failed of it before, if anything, is over."""

    def over(settings: Settings) -> Event | None:
        with open_incidents(settings) as store:
            failed_before = any(i.dataset == flow.name for i in store.rows(UNRESOLVED, limit=None))
        return _event(flow, flow_run, "completed", settings) if failed_before else None

    _tell(flow, over)


def crashed(name: str, run: FlowRun, cause: str | None, settings: Settings) -> Event:
    """Of a run whose process or pod is gone: the same event whoever finds it, this hook or `stuck.py`."""
    tried = run.run_count + (AGAIN in run.tags)  # of one that did not start again Prefect counts no run
    error = {"what": f"flow {name}", "cause": cause or GONE, "remedy": REMEDY}
    return Event.of(
        "hallmark.run.failed.v1", name, f"prefect/{run.id}/{tried}", settings.clock(), owner=PLATFORM,
        run_id=str(run.id), error=error,
    )  # fmt: skip


def _event(flow: Flow[..., Any], run: FlowRun, verb: str, settings: Settings, **data: Any) -> Event:
    return Event.of(
        f"hallmark.run.{verb}.v1", flow.name, f"prefect/{run.id}/{run.run_count}", settings.clock(), owner=PLATFORM,
        run_id=str(run.id or uuid.uuid4()), **data,
    )  # fmt: skip


def _tell(flow: Flow[..., Any], event_of: Callable[[Settings], Event | None]) -> None:
    try:
        settings = Settings.load()
        if event := event_of(settings):
            announce(settings, event)
    except Exception as error:  # noqa: BLE001 - governance never stops the data
        LOG.error("the end of %s could not be told: %s", flow.name, " ".join(str(error).split())[:500])


def cancelled(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Its process was ended, perhaps before it could let go of its claim: nobody waits for it."""
    try:
        with open_warehouse(Settings.load()) as warehouse, warehouse.transaction():
            found = warehouse.ledger.batch_of(str(flow_run.id))
            if found and found[1] == "running":
                warehouse.ledger.finish_batch(Batch(str(flow_run.id), found[0]), "failed", None)
    except Exception as error:  # noqa: BLE001 - without a sign of life it counts as over some minutes later
        LOG.error("the claim of %s could not be let go of: %s", flow.name, " ".join(str(error).split())[:500])


WATCHED: dict[str, Any] = {
    "on_failure": [failed], "on_crashed": [failed], "on_completion": [completed], "on_cancellation": [cancelled],
}  # fmt: skip
"""What the flow of a deployment is given."""
