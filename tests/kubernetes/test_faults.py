"""What else befalls a run on a cluster: memory, Jobs, nodes, the worker, Prefect's server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Cancelling

from flows.hooks import AGAIN
from tests.kubernetes.cluster import NAMESPACE, exit_codes, kubectl, next_pod, of_run, pod, until
from tests.kubernetes.midway import held
from tests.kubernetes.test_ci import TABLES, published_once, started_again
from tests.kubernetes.world import INGESTED, STREAM, Clock, Home, Worker, ended, flow_run, state

pytestmark = [pytest.mark.kubernetes]
Tell = Callable[[str, str], None]
FILL = """
import os, time
for _ in range(5):
    if os.fork() == 0:
        kept = b"1" * (350 << 20)
        time.sleep(20)
        os._exit(0)
time.sleep(22)
"""


def test_cancelled(home: Home, clean: Home, tell: Tell) -> None:
    run_id = home.start(INGESTED, **STREAM)
    with held(home.peers.snowflake) as hold:
        hold.wait()
        clock = Clock()
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(flow_run(run_id).id, Cancelling(), force=True)
        run = ended(run_id, 90)
        tell("cancel", f"{run.state.name} after {clock()} s")
        assert run.state.name == "Cancelled"
        until(90, "its pods are gone", lambda: not of_run("pods", run_id))
        hold.let_go(lost=True)
    assert not home.published("bronze", *TABLES).get(TABLES[0])
    assert ended(home.start(INGESTED, **STREAM)).state.name == "Completed"
    published_once(home, clean)


def test_out_of_memory(home: Home, clean: Home, tell: Tell) -> None:
    """Processes beside the flow take what the pod may have. The kernel ends the largest, the flow, or all of the pod.

    The first is a run that Prefect finds crashed; of the second, which is how cgroup v2 does it, the Job makes a pod.
    """
    run_id = home.start(INGESTED, **STREAM)
    with held(home.peers.snowflake) as hold:
        hold.wait()
        name, clock = pod(run_id), Clock()
        kubectl("exec", name, "--", "python", "-c", FILL, check=False)
        hold.let_go(lost=True)
    until(300, "Completed", lambda: state(run_id) == "Completed")
    run = flow_run(run_id)
    way = "started once more" if AGAIN in run.tags else "another pod"
    tell("over the memory limit", f"{way}; Completed after {clock()} s, run count {run.run_count}")
    assert run.run_count > 1 or AGAIN in run.tags, "nothing befell it"
    until(30, "no incident is open", lambda: {i["state"] for i in home.incidents()} <= {"resolved"})
    published_once(home, clean)


def test_job_deleted(home: Home, clean: Home, tell: Tell) -> None:
    def delete(run_id: str, _: str) -> None:
        kubectl("delete", "jobs", "--selector", f"prefect.io/flow-run-id={run_id}", "--wait=false")

    tell("the Job deleted", started_again(home, clean, delete))


def test_nobody_notices(home: Home, clean: Home, worker: Worker, tell: Tell) -> None:
    """The pod is gone while no worker lives: its signs of life are missed."""

    def delete(run_id: str, _: str) -> None:
        worker.kill()
        kubectl("delete", "jobs,pods", "--selector", f"prefect.io/flow-run-id={run_id}", "--grace-period=0", "--force")
        until(150, "Crashed", lambda: state(run_id) == "Crashed")
        worker.start()

    tell("the pod gone while no worker lives", started_again(home, clean, delete))


def test_node_drained(home: Home, clean: Home, tell: Tell) -> None:
    """Its pods are evicted; while no node takes them the run waits, and goes on when one does."""
    [node] = kubectl("get", "nodes", "--output", "jsonpath={.items[*].metadata.name}").split()
    try:
        run_id = home.start(INGESTED, **STREAM)
        with held(home.peers.snowflake) as hold:
            hold.wait()
            name, clock = pod(run_id), Clock()
            kubectl("cordon", node)
            own = f"--pod-selector=prefect.io/flow-run-id={run_id}"  # not the pods of other cases
            kubectl("drain", node, own, "--delete-emptydir-data", "--force", "--timeout=1s", check=False)
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
