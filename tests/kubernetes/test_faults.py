"""What else befalls a run on a cluster: memory, Jobs, nodes, the worker, Prefect's server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.stuck import AGAIN
from tests.kubernetes.cluster import NAMESPACE, exit_codes, kubectl, next_pod, of_run, pod, until
from tests.kubernetes.midway import held
from tests.kubernetes.test_ci import goes_on, published_once
from tests.kubernetes.world import INGESTED, STREAM, Clock, Home, Worker, ended, flow_run, state

pytestmark = [pytest.mark.kubernetes]
Tell = Callable[[str, str], None]
FILL = "x = bytearray(3 << 30); x[::4096] = b'1' * len(x[::4096])"


def test_out_of_memory(home: Home, clean: Home, tell: Tell) -> None:
    """A process beside the flow takes what the pod may have; the kernel ends the largest."""

    def fill(name: str) -> None:
        kubectl("exec", name, "--", "python", "-c", FILL, check=False)

    tell("over the memory limit", goes_on(home, clean, fill))


def test_job_deleted(home: Home, clean: Home, tmp_path: Path, tell: Tell) -> None:
    run_id = home.start(INGESTED, **STREAM)
    with held(home.peers.snowflake) as hold:
        hold.wait()
        clock = Clock()
        kubectl("delete", "jobs", "--selector", f"prefect.io/flow-run-id={run_id}", "--wait=false")
        hold.let_go(lost=True)
    until(150, "Crashed", lambda: state(run_id) == "Crashed")
    told = f"Crashed after {clock()} s"
    with home.delivering(tmp_path):
        until(150, "it is started once more", lambda: AGAIN in flow_run(run_id).tags)
        told += f", started once more after {clock()} s"
        run = ended(run_id)
    tell("the Job deleted", f"{told}; {run.state.name} after {clock()} s")
    assert run.state.name == "Completed", run.state
    published_once(home, clean)


def test_node_drained(home: Home, clean: Home, tell: Tell) -> None:
    """Its pods are evicted; while no node takes them the run waits, and goes on when one does."""
    [node] = kubectl("get", "nodes", "--output", "jsonpath={.items[*].metadata.name}").split()
    try:
        run_id = home.start(INGESTED, **STREAM)
        with held(home.peers.snowflake) as hold:
            hold.wait()
            name, clock = pod(run_id), Clock()
            kubectl("cordon", node)
            kubectl(
                "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=1s", check=False
            )
            hold.let_go(lost=True)
        another = next_pod(run_id, name, 200)
        told = f"another pod after {clock()} s"
        phase = kubectl("get", "pod", another, "--output", "jsonpath={.status.phase}")
        assert phase == "Pending", f"it runs on a node that is drained: {phase}"
    finally:
        kubectl("uncordon", node)
    run = ended(run_id)
    print(exit_codes(run_id))
    tell("the node drained, then uncordoned", f"{told}; {run.state.name} after {clock()} s, run count {run.run_count}")
    assert run.state.name == "Completed"
    published_once(home, clean)


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


def test_server_restarted(home: Home, clean: Home, tell: Tell) -> None:
    run_id = home.start(INGESTED, **STREAM)
    with held(home.peers.snowflake) as hold:
        hold.wait()
        clock = Clock()
        home.peers.prefect.stop()
        home.peers.prefect.start()
        hold.let_go()
    run = ended(run_id)
    tell("Prefect's server restarted", f"{run.state.name} after {clock()} s, run count {run.run_count}")
    assert run.state.name == "Completed"
    published_once(home, clean)


def test_nothing_is_left(home: Home, clean: Home) -> None:
    """After their time the Jobs are gone; no secret is in a manifest, an event or a log."""
    run_id = home.start(INGESTED, **STREAM)
    assert ended(run_id).state.name == "Completed"
    words = kubectl("get", "jobs,pods,configmaps,events", "--output", "json")
    words += kubectl("logs", of_run("pods", run_id)[0]["metadata"]["name"])
    for name, secret in home.secrets.items():
        for word in (secret, secret.rpartition("@")[0].rpartition(":")[2]):
            assert len(word) < 6 or word not in words, f"{name} can be read in namespace {NAMESPACE}"
    until(90, "no Job is left", lambda: not of_run("jobs", run_id))
