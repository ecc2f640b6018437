"""What Prefect says of a flow that could not tell its end itself, as events straight into the outbox.

A run of the ledger tells its own end, and a killed process is found over by the next run. These hooks see what happens
before that or beside it: a warehouse that does not open, a delivery that fails, a run that Prefect found crashed.
Their parameters have Prefect's names: of a process that was killed, it calls them by name.
"""

from __future__ import annotations

import logging
import uuid
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


def failed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """It ended by an exception, or crashed. One that came to its end says itself what failed in it."""
    error = state.result(raise_on_failure=False)
    if not isinstance(error, BaseException):
        if not state.is_crashed():
            return
        error = RuntimeError(state.message or "its infrastructure went away")
    if getattr(error, "told", False) or isinstance(error, (LockedError, RefusedError)):
        return
    _tell(flow, flow_run, "failed", error=words(error))


def completed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """It ended well: what failed of it before, if anything, is over."""
    _tell(flow, flow_run, "completed")


def _tell(flow: Flow[..., Any], run: FlowRun, verb: str, **data: Any) -> None:
    try:
        settings = Settings.load()
        if verb == "completed":
            with open_incidents(settings) as store:
                if not any(i.dataset == flow.name for i in store.rows(UNRESOLVED, limit=None)):
                    return
        event = Event.of(
            f"hallmark.run.{verb}.v1", flow.name, f"prefect/{run.id}/{run.run_count}", settings.clock(), owner=PLATFORM,
            run_id=str(run.id or uuid.uuid4()), **data,
        )  # fmt: skip
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
