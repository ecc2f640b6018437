"""What befalls a run on a cluster: the cases that every submission passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Scheduled

from flows.hooks import AGAIN
from tests.homes import SLOT1
from tests.kubernetes.cluster import exit_codes, kill_engine, kubectl, next_pod, pod, until
from tests.kubernetes.midway import held
from tests.kubernetes.world import BATCH, INGESTED, STREAM, Clock, Home, Worker, ended, failed_hooks, flow_run, state

pytestmark = [pytest.mark.kubernetes, pytest.mark.kubernetes_ci]
Tell = Callable[[str, str], None]
TABLES = ("drops__invoices",)


def published_once(home: Home, clean: Home) -> None:
    """The stream has the rows and the account of a clean run, whatever its pods went through."""
    mine, theirs = home.published("bronze", *TABLES), clean.published("bronze", *TABLES)
    assert mine == theirs and mine[TABLES[0]]
    assert home.accounts() == clean.accounts()
    assert not home.rows("SELECT run_id FROM ops.batches WHERE state = 'running'")
    assert not failed_hooks(home.started)


def goes_on(home: Home, clean: Home, befall: Callable[[str], object]) -> str:
    """A run to whose pod something happens midway completes in another pod; what became of it, in words."""
    run_id = home.start(INGESTED, **STREAM)
    with held(home.peers.snowflake) as hold:
        hold.wait()
        name, clock = pod(run_id), Clock()
        befall(name)
        hold.let_go(lost=True)
    another = next_pod(run_id, name)
    told = f"{state(run_id)}, another pod after {clock()} s"
    run = ended(run_id)
    print(f"{another}: {told}, exit codes {exit_codes(run_id)}, {home.rows('SELECT run_id, state FROM ops.batches')}")
    print("incidents", [(i["title"], i["state"]) for i in home.incidents()])
    assert run.state.name == "Completed" and run.run_count == 2, run.state
    published_once(home, clean)
    return f"{told}; {run.state.name} after {clock()} s, run count {run.run_count}"


def test_pod_deleted(home: Home, clean: Home, tell: Tell) -> None:
    tell("`kubectl delete pod`", goes_on(home, clean, lambda name: kubectl("delete", "pod", name, "--wait=false")))


def started_again(home: Home, clean: Home, befall: Callable[[str, str], object]) -> str:
    """A run that Prefect leaves Crashed is told of once, started once more, and completes; its way, in words."""
    run_id = home.start(INGESTED, **STREAM)
    with held(home.peers.snowflake) as hold:
        hold.wait()
        name, clock = pod(run_id), Clock()
        befall(run_id, name)
        hold.let_go(lost=True)
    until(150, "Crashed", lambda: state(run_id) == "Crashed")
    told = f"Crashed after {clock()} s"
    until(150, "it is started once more", lambda: AGAIN in flow_run(run_id).tags)
    told += f", started once more after {clock()} s"
    run = ended(run_id)
    told += f"; {run.state.name} after {clock()} s, run count {run.run_count}"
    print(f"{told}, exit codes {exit_codes(run_id)}, {[(i['title'], i['state']) for i in home.incidents()]}")
    assert run.state.name == "Completed", run.state
    until(30, "the incident is over", lambda: [i["state"] for i in home.incidents()] == ["resolved"])
    published_once(home, clean)
    return f"{told}; one incident"


def test_process_killed(home: Home, clean: Home, tell: Tell) -> None:
    told = started_again(home, clean, lambda _, name: kill_engine(name))
    tell("SIGKILL of the process", told)


def test_another_is_at_work(home: Home, clean: Home, tell: Tell) -> None:
    """Of another deployment, as when a file arrives meanwhile: it gives its place up, and comes again."""
    clock = Clock()
    with held(home.peers.snowflake) as hold:
        one = home.start(INGESTED, **STREAM)
        hold.wait()
        other = home.start("ingest/ingest-crm", source="crm", stream="teams")
        until(120, "the other awaits a retry", lambda: state(other) == "AwaitingRetry")
        told = f"AwaitingRetry after {clock()} s"
        hold.let_go()
    assert ended(one).state.name == "Completed"
    with get_client(sync_client=True) as client:  # not after some minutes, but now
        client.set_flow_run_state(flow_run(other).id, Scheduled(), force=True)
    tell("another run is at work", f"{told}, {ended(other).state.name}")
    assert flow_run(other).state.name == "Completed"
    assert home.published("bronze", "crm__teams")["crm__teams"]
    assert home.published("bronze", *TABLES) == clean.published("bronze", *TABLES)
    assert [a for a in home.accounts() if a[0] == "drops"] == clean.accounts()
    assert not [i["title"] for i in home.incidents()]


def test_completes(home: Home, sources: Path, tmp_path: Path, tell: Tell) -> None:
    """A whole batch, beside one on this machine; a second one on its slot waits, and finds nothing to do."""
    clock = Clock()
    run_id = home.start("batch/batch", slot=SLOT1)
    clean = Home("clean_batch", home.peers).make_database()
    done = clean.locally(BATCH, sources, tmp_path)
    until(60, "it is at work", lambda: state(run_id) == "Running")
    second = home.start("batch/batch", slot=SLOT1)
    until(60, "the second waits", lambda: state(second) == "AwaitingConcurrencySlot")
    run = ended(run_id, 400)
    tell("nothing (a batch)", f"{run.state.name} after {clock()} s")
    assert run.state.name == "Completed", run.state
    assert done.wait() == 0, (tmp_path / "run.log").read_text()[-2000:]
    told = ended(second).state.name
    tell("two batches on one slot", f"the second waits, {told} after {clock()} s")
    assert told == "Completed" and len(home.rows("SELECT 1 FROM ops.batches")) == 1
    for schema in ("bronze", "silver", "gold"):
        assert home.published(schema) == clean.published(schema)
    assert home.published("gold") and home.accounts() == clean.accounts()
    assert [i["title"] for i in home.incidents()] == [i["title"] for i in clean.incidents()]


def test_worker_killed(home: Home, clean: Home, worker: Worker, tell: Tell) -> None:
    run_id = home.start(INGESTED, **STREAM)
    with held(home.peers.snowflake) as hold:
        hold.wait()
        clock = Clock()
        worker.kill()
        worker.start()
        hold.let_go()
    run = ended(run_id)
    tell("the worker killed and restarted", f"{run.state.name} after {clock()} s, run count {run.run_count}")
    assert run.state.name == "Completed" and run.run_count == 1
    published_once(home, clean)
