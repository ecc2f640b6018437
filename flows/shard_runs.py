"""The parts of a large stream as runs of the deployment `shard`: started side by side, waited for, done again if lost.

One run for each part and try, by an idempotency key, and no task: whoever waits asks for all of them at once.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar, cast

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.deployments import run_deployment

from blocks import interrupt
from blocks.warehouses.base import StreamLoad
from flows import slots
from flows.context import SOURCES, Context
from governance.errors import HallmarkError, UnreachableError

LOG = logging.getLogger("hallmark")
Answer = TypeVar("Answer")
DEPLOYMENT = "shard/shard"
TRIES = 3
PAUSE_SECONDS = 2.0
CANCEL_SECONDS = 60.0
"""So long after a part failed the others are given to end."""
PATIENCE_SECONDS = 900.0
"""So long the Prefect server may give no answer."""


def run_all(load: StreamLoad, count: int, context: Context) -> None:
    """Run all parts to their end; those that are not over when this run is interrupted are cancelled.

    Raises HallmarkError for a part that failed, UnreachableError for one that was lost three times.
    """
    tries = dict.fromkeys(range(count), 1)
    running: dict[int, uuid.UUID] = {}
    try:
        for number in tries:
            running[number] = _start(load, number, 1, context)
        while running:
            time.sleep(PAUSE_SECONDS)
            interrupt.look()
            states = _states(list(running.values()))
            for number, run in list(running.items()):
                state = states.get(run)
                if state is not None and not state.is_final():
                    continue
                del running[number]
                if state is not None and state.is_completed():
                    continue
                said = (
                    f"its flow run {run} ended {state.name if state else 'unseen'}: {(state and state.message) or ''}"
                )
                what = f"part {number} of stream {load.source}.{load.stream.name}"
                if state is not None and state.is_failed():
                    raise HallmarkError(what, said, "see its log")
                if tries[number] == TRIES:
                    raise UnreachableError(what, said, "see whether pods of deployment shard can start; run again")
                tries[number] += 1
                LOG.warning("%s is done again: %s", what, said)
                running[number] = _start(load, number, tries[number], context)
    finally:
        _cancel(list(running.values()))


def _start(load: StreamLoad, number: int, nth: int, context: Context) -> uuid.UUID:
    """Start a part's run; the same one is not started twice."""
    slot, batch = slots.show(load.batch.slot), load.batch
    name = f"{load.source}.{load.stream.name}"
    parameters = {
        "source": load.source, "stream": load.stream.name, "number": number, "slot": slot, "run_id": batch.run_id,
        "attempt": batch.attempt, "profile": context.settings.profile,
        "sources": None if context.sources_file == SOURCES else str(context.sources_file),
    }  # fmt: skip
    run: Any = _patiently(
        lambda: run_deployment(
            DEPLOYMENT, parameters=parameters, timeout=0, as_subflow=False,
            idempotency_key=f"{slot}/{name}/{number}/{batch.run_id}/{batch.attempt}/{nth}",
        )
    )  # fmt: skip
    return cast(FlowRun, run).id


def _states(runs: list[uuid.UUID]) -> dict[uuid.UUID, State[Any] | None]:
    """How these runs stand, once the server answers."""

    def ask() -> list[FlowRun]:
        with get_client(sync_client=True) as client:
            return client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=runs)))

    return {run.id: run.state for run in _patiently(ask)}


def _patiently(ask: Callable[[], Answer]) -> Answer:
    """What the Prefect server answers; one that is away for some minutes is waited for."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except httpx.HTTPError as error:
            if time.monotonic() > until:
                raise UnreachableError("the Prefect server", type(error).__name__, "start it; run again") from None
            LOG.warning("the Prefect server does not answer: %s", type(error).__name__)
            interrupt.look()
            time.sleep(PAUSE_SECONDS)


def _cancel(runs: list[uuid.UUID]) -> None:
    """Cancel these runs, and wait until they are over: who goes on lands the same files."""
    until = time.monotonic() + CANCEL_SECONDS
    try:
        with get_client(sync_client=True) as client:
            for run in runs:
                client.set_flow_run_state(run, State(type=StateType.CANCELLING, name="Cancelling"))
            while runs and time.monotonic() < until:
                time.sleep(PAUSE_SECONDS)
                states = [client.read_flow_run(run).state for run in runs]
                runs = [run for run, state in zip(runs, states, strict=True) if state and not state.is_final()]
    except Exception as error:  # noqa: BLE001 - what ends this run is told; a part that goes on publishes nothing
        LOG.warning("parts could not be cancelled: %s", type(error).__name__)
