"""A deployment's run that finds another one at work, on a real Prefect server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.flow_engine import run_flow
from prefect.states import Completed, Scheduled

from flows.patience import PAUSE_SECONDS, patient
from governance.errors import LockedError

BUSY = LockedError("the batch", "it is held by host a, process 1", "wait for it to end")
FOUND: list[Exception] = []


@flow
@patient
def ingest(streams: Sequence[str] = ("a",)) -> State[str]:
    """Raises what it finds, and is done the next time. The type is one that only this module imports."""
    if FOUND:
        raise FOUND.pop()
    return Completed(data=",".join(streams))


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def run(client: SyncPrefectClient) -> FlowRun:
    """Of a deployment."""
    deployment = client.create_deployment(flow_id=client.create_flow(ingest), name="patient")
    return client.create_flow_run_from_deployment(deployment)


def attempt(client: SyncPrefectClient, run_id: UUID) -> State[str]:
    """What the server knows of the run once its process is over."""
    run_flow(ingest, flow_run=client.read_flow_run(run_id), return_type="state")
    state = client.read_flow_run(run_id).state
    assert state
    return state


def test_it_awaits_a_retry_and_is_done_by_the_next_process(client: SyncPrefectClient, run: FlowRun) -> None:
    FOUND.append(BUSY)
    state = attempt(client, run.id)
    assert (state.name, state.message) == ("AwaitingRetry", "the batch: it is held by host a, process 1")
    scheduled = state.state_details.scheduled_time
    assert scheduled
    pause = scheduled.timestamp() - state.timestamp.timestamp()
    assert PAUSE_SECONDS[0] - 5 < pause <= PAUSE_SECONDS[1]
    client.set_flow_run_state(run.id, Scheduled(), force=True)
    assert attempt(client, run.id).is_completed()


def test_what_the_flow_has_told_itself_is_its_end(client: SyncPrefectClient, run: FlowRun) -> None:
    told = LockedError("run 1", "another run began and took it for dead", "let one run at a time")
    told.told = True  # type: ignore[attr-defined]
    FOUND.append(told)
    assert attempt(client, run.id).is_failed()


def test_a_person_sees_who_is_at_work(prefect_server: str) -> None:
    FOUND.append(BUSY)
    with pytest.raises(LockedError, match="held by host a"):
        ingest()
