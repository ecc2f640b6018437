"""What befalls a run on a cluster: the cases that every submission passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.homes import SLOT1
from tests.kubernetes.cluster import kill_engine, kubectl, of_run, pod, until
from tests.kubernetes.midway import held
from tests.kubernetes.world import BATCH, STREAM, Clock, Home, ended, flow_run, state

pytestmark = [pytest.mark.kubernetes, pytest.mark.kubernetes_ci]
Tell = Callable[[str, str, str], None]
TABLES = ("drops__invoices",)


def published_once(home: Home, clean: Home) -> None:
    """The stream has the rows and the account of a clean run, whatever its pods went through."""
    mine, theirs = home.published("bronze", *TABLES), clean.published("bronze", *TABLES)
    assert mine == theirs and mine[TABLES[0]]
    assert home.accounts() == [a for a in clean.accounts() if a[:2] == ("drops", "invoices")]
    assert not home.rows("SELECT run_id FROM ops.batches WHERE state = 'running'")


def test_pod_deleted(home: Home, clean: Home, tell: Tell) -> None:
    run_id = home.start("ingest", **STREAM)
    with held(home.peers.snowflake) as hold:
        hold.wait()
        clock = Clock()
        kubectl("delete", "pod", pod(run_id), "--wait=false")
        until(30, "the run is to be started again", lambda: state(run_id) != "Running")
        told = f"{state(run_id)} after {clock()} s"
        hold.let_go(lost=True)
    run = ended(run_id)
    tell("`kubectl delete pod`", f"{told}, then {run.state.name}, run count {run.run_count}", str(clock()))
    assert run.state.name == "Completed" and run.run_count == 2
    published_once(home, clean)


def test_process_killed(home: Home, clean: Home, tell: Tell) -> None:
    run_id = home.start("ingest", **STREAM)
    with held(home.peers.snowflake) as hold:
        hold.wait()
        clock = Clock()
        kill_engine(pod(run_id))
        until(30, "the run is over for now", lambda: state(run_id) != "Running")
        told = f"{state(run_id)} after {clock()} s"
        hold.let_go(lost=True)
    run = ended(run_id)
    tell("SIGKILL of the process", f"{told}, then {run.state.name}, run count {run.run_count}", str(clock()))
    assert run.state.name == "Completed" and run.run_count == 2
    published_once(home, clean)


def test_two_at_once(home: Home, clean: Home, tell: Tell) -> None:
    clock = Clock()
    with held(home.peers.snowflake) as hold:
        one = home.start("batch", slot=SLOT1, stream="drops.invoices")
        hold.wait()
        other = home.start("batch", slot=SLOT1, stream="drops.invoices")
        until(90, "the other at work", lambda: flow_run(other).run_count == 1)
        loser = ended(other, 120)
        hold.let_go()
    winner = ended(one)
    tell("two batches of one slot", f"{winner.state.name}, {loser.state.name}: {loser.state.message}", str(clock()))
    assert winner.state.name == "Completed"
    assert loser.state.name == "Failed" and "held by host" in (loser.state.message or "")
    published_once(home, clean)


def test_cancelled(home: Home, clean: Home, tell: Tell) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Cancelling

    run_id = home.start("ingest", **STREAM)
    with held(home.peers.snowflake) as hold:
        hold.wait()
        clock = Clock()
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(flow_run(run_id).id, Cancelling(), force=True)
        run = ended(run_id, 90)
        tell("cancelled", str(run.state.name), str(clock()))
        assert run.state.name == "Cancelled"
        until(90, "its pods are gone", lambda: not of_run("pods", run_id))
        hold.let_go(lost=True)
    assert not home.published("bronze", *TABLES).get(TABLES[0])
    assert ended(home.start("ingest", **STREAM)).state.name == "Completed"
    published_once(home, clean)


def test_completes(home: Home, sources: Path, tmp_path: Path, tell: Tell) -> None:
    """A whole batch, beside one on this machine."""
    clock = Clock()
    run_id = home.start("batch", slot=SLOT1)
    clean = Home("clean_batch", home.peers).make_database()
    done = clean.locally(BATCH, sources, tmp_path)
    run = ended(run_id, 400)
    tell("nothing (a batch)", run.state.name, str(clock()))
    assert run.state.name == "Completed", run.state
    assert done.wait() == 0, (tmp_path / "run.log").read_text()[-2000:]
    for schema in ("bronze", "silver", "gold"):
        assert home.published(schema) == clean.published(schema)
    assert home.published("gold") and home.accounts() == clean.accounts()
    assert [i["title"] for i in home.incidents()] == [i["title"] for i in clean.incidents()]
