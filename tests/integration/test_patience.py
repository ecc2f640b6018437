"""A deployment's run that finds another one at work, by the process that executes it, on a real Prefect server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Scheduled

from flows.patience import PAUSE_SECONDS
from governance.errors import LockedError
from tests.integration.patient_flow import ingest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """While it is there another run is at work."""
    monkeypatch.setenv("BUSY", str(tmp_path / "busy"))
    (tmp_path / "busy").touch()
    return tmp_path / "busy"


def started(client: SyncPrefectClient, **parameters: object) -> FlowRun:
    """A run of its deployment."""
    deployment = client.create_deployment(
        client.create_flow(ingest), "patient", entrypoint="tests/integration/patient_flow.py:ingest", path=str(ROOT)
    )
    return client.create_flow_run_from_deployment(deployment, parameters=parameters)


def executed(client: SyncPrefectClient, run: FlowRun) -> tuple[int, State[object]]:
    """The exit status of its process, and the state that the server knows then."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect.engine", str(run.id)], cwd=ROOT, env=os.environ, check=False,
        capture_output=True,
    )  # fmt: skip
    state = client.read_flow_run(run.id).state
    assert state
    return done.returncode, state


def test_it_awaits_a_retry_and_is_done_by_the_next_process(client: SyncPrefectClient, busy: Path) -> None:
    run = started(client)
    status, state = executed(client, run)
    assert (status, state.name, state.message) == (0, "AwaitingRetry", "the batch: it is held by host a, process 1")
    scheduled = state.state_details.scheduled_time
    assert scheduled
    pause = scheduled.timestamp() - state.timestamp.timestamp()
    assert PAUSE_SECONDS[0] - 5 < pause <= PAUSE_SECONDS[1]
    busy.unlink()
    client.set_flow_run_state(run.id, Scheduled(), force=True)
    status, state = executed(client, run)
    assert (status, state.name) == (0, "Completed")


def test_what_the_flow_has_told_itself_is_its_end(client: SyncPrefectClient, busy: Path) -> None:
    _, state = executed(client, started(client, told=True))
    assert state.is_failed()


def test_a_person_sees_who_is_at_work(prefect_server: str, busy: Path) -> None:
    with pytest.raises(LockedError, match="held by host a"):
        ingest()
