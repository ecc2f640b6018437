"""Runs that Prefect leaves where they are, on a real server: ended, told of, and started once more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.events import emit_event
from prefect.states import Cancelled, Crashed, Pending, State
from prefect.types._datetime import now
from pydantic import SecretStr

from blocks.automations import NAME, SIGN, SILENT, put
from blocks.settings import Settings
from flows import hooks
from flows.hooks import AGAIN
from flows.incidents import listed
from flows.state import open_outbox, transports
from flows.stuck import NOT_STARTED, TOLD, lives, sweep
from governance.dispatcher import Dispatcher
from tests.unit.blocks.test_jobs import UNSCHEDULABLE, Api, api, held, pods

__all__ = ["api"]


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path)


@pytest.fixture
def run(client: SyncPrefectClient, request: pytest.FixtureRequest) -> FlowRun:
    """Of a deployment that no worker works for."""
    name = request.node.name[-60:]
    client.create_work_pool(WorkPoolCreate(name=name, type="process"))
    deployment = client.create_deployment(
        flow_id=client.create_flow_from_name(name), name=name, work_pool_name=name, tags=["hallmark"]
    )
    return client.create_flow_run_from_deployment(deployment)


def later(seconds: float) -> object:
    return now("UTC") + timedelta(seconds=seconds)


def known(client: SyncPrefectClient, run: FlowRun) -> tuple[str, set[str]]:
    found = client.read_flow_run(run.id)
    return str(found.state and found.state.name), set(found.tags)


def told(settings: Settings, run: FlowRun, client: SyncPrefectClient) -> list[tuple[str, int]]:
    """Title and count of the incidents of its flow."""
    with open_outbox(settings) as outbox:
        Dispatcher(outbox, transports(settings)).drain()
    flow = client.read_flow(run.flow_id).name
    return [(i.title, i.count) for i in listed(settings, None, 10, True) if i.dataset == flow]


def step(client: SyncPrefectClient, settings: Settings, run: FlowRun, state: State[object], seconds: float) -> None:
    client.set_flow_run_state(run.id, state, force=True)
    sweep(settings, later(seconds))  # type: ignore[arg-type]


def test_a_run_whose_pod_does_not_start_is_ended_and_started_once_more(
    client: SyncPrefectClient, settings: Settings, run: FlowRun
) -> None:
    step(client, settings, run, Pending(), 80)
    assert known(client, run)[0] == "Pending"
    sweep(settings, later(100))  # type: ignore[arg-type]
    assert known(client, run) == ("AwaitingRetry", {"hallmark", AGAIN})
    [(title, count)] = told(settings, run, client)
    assert NOT_STARTED in title and count == 1
    step(client, settings, run, Pending(), 100)
    assert known(client, run) == ("Crashed", {"hallmark", AGAIN, TOLD})
    sweep(settings, later(900))  # type: ignore[arg-type]
    assert known(client, run)[0] == "Crashed"
    assert told(settings, run, client) == [(title, 2)]


def test_a_crashed_run_is_left_to_its_job_for_a_while(
    client: SyncPrefectClient, settings: Settings, run: FlowRun
) -> None:
    step(client, settings, run, Crashed(message="its pod is gone"), 20)
    assert known(client, run)[0] == "Crashed" and not told(settings, run, client)
    sweep(settings, later(50))  # type: ignore[arg-type]
    assert known(client, run) == ("AwaitingRetry", {"hallmark", AGAIN})
    step(client, settings, run, Crashed(message="its pod is gone"), 50)
    assert known(client, run) == ("Crashed", {"hallmark", AGAIN, TOLD})
    [(title, count)] = told(settings, run, client)
    assert "its pod is gone" in title and count == 2


def test_a_state_database_that_is_away_keeps_no_run_from_being_started_again(
    client: SyncPrefectClient, settings: Settings, run: FlowRun, caplog: pytest.LogCaptureFixture
) -> None:
    away = settings.model_copy(update={"state_url": SecretStr("postgresql://nobody@127.0.0.1:9/state")})
    step(client, away, run, Crashed(message="its pod is gone"), 50)
    assert known(client, run) == ("AwaitingRetry", {"hallmark", AGAIN})
    assert "nobody hears" in caplog.text


def test_a_cancelled_run_stays_cancelled(client: SyncPrefectClient, settings: Settings, run: FlowRun) -> None:
    step(client, settings, run, Cancelled(), 500)
    assert known(client, run) == ("Cancelled", {"hallmark"})
    assert not told(settings, run, client)


def test_the_automation_is_registered_once(client: SyncPrefectClient) -> None:
    for known in client.read_automations_by_name(NAME):  # of another test on this server
        client.delete_automation(known.id)
    assert [put(client)["status"] for _ in range(2)] == ["created", "kept"]
    [found] = client.read_automations_by_name(NAME)
    assert found.enabled and found.tags == ["hallmark"]


def test_a_crash_that_the_hook_could_tell_is_told_once(
    client: SyncPrefectClient, settings: Settings, run: FlowRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect calls a hook by the names of its parameters, where the flow's own process is gone."""
    monkeypatch.setenv("HALLMARK_HOME", str(settings.home))
    state = Crashed(message="its pod is gone")
    called = flow(lambda: None, name=client.read_flow(run.flow_id).name)
    hooks.failed(flow=called, flow_run=run, state=state)
    step(client, settings, run, state, 50)
    [(title, count)] = told(settings, run, client)
    assert "its pod is gone" in title and count == 1


def test_a_run_that_gives_signs_of_life_again_goes_on(
    client: SyncPrefectClient, settings: Settings, run: FlowRun
) -> None:
    """The server was away and missed them; the run was at work all the time."""
    client.set_flow_run_state(run.id, Crashed(message=SILENT), force=True)
    emit_event(SIGN, resource={"prefect.resource.id": f"prefect.flow-run.{run.id}"}, occurred=now("UTC"))
    until = time.monotonic() + 30
    while not lives(client, client.read_flow_run(run.id)) and time.monotonic() < until:
        time.sleep(0.2)  # events are sent and kept beside the run
    sweep(settings, later(50))  # type: ignore[arg-type]
    assert known(client, run) == ("Running", {"hallmark"})
    assert not told(settings, run, client)


def test_the_run_of_a_job_is_for_who_may_delete_the_job(
    client: SyncPrefectClient, settings: Settings, run: FlowRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    client.update_flow_run(run.id, infrastructure_pid="hallmark:a-job")
    step(client, settings, run, Crashed(message="its pod is gone"), 50)
    assert known(client, run) == ("Crashed", {"hallmark"})
    assert not told(settings, run, client)


@pytest.mark.parametrize("state", [Pending(), Crashed(message=SILENT)])
def test_a_pod_is_given_time_for_a_node_and_none_for_an_image(
    client: SyncPrefectClient, settings: Settings, run: FlowRun, api: Api, state: State[object]
) -> None:
    client.update_flow_run(run.id, infrastructure_pid="hallmark:a-job")
    api.answers = {
        "GET": (404, {"kind": "Status"}),
        "GET pods": pods({"phase": "Pending", "conditions": [UNSCHEDULABLE]}),
    }
    step(client, settings, run, state, 800)
    assert known(client, run) == (state.name, {"hallmark"}) and not told(settings, run, client)
    sweep(settings, later(1000))  # type: ignore[arg-type]
    assert known(client, run)[0] == "AwaitingRetry"
    [(title, _)] = told(settings, run, client)
    assert f"{NOT_STARTED}: Unschedulable: 0/3 nodes" in title
    api.answers = {
        "GET": (404, {"kind": "Status"}),
        "GET pods": pods({"phase": "Pending", "containerStatuses": [held("ErrImagePull", "not there")]}),
    }
    step(client, settings, run, state, 100)
    assert known(client, run)[0] == "Crashed" and TOLD in known(client, run)[1]
    assert "ErrImagePull: not there" in str(client.read_flow_run(run.id).state)
