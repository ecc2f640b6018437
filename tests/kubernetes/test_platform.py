"""The manifests of deploy/kubernetes at work: what they may, and a run whose image cannot be pulled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.hooks import AGAIN
from flows.stuck import NOT_STARTED
from tests.kubernetes.cluster import kubectl, of_run, until
from tests.kubernetes.deploy import deployed_with
from tests.kubernetes.peers import Peers
from tests.kubernetes.platform import AT_WORK, NAMESPACE, Platform
from tests.kubernetes.test_ci import published_once
from tests.kubernetes.world import INGESTED, STREAM, Clock, Home, ended, flow_run

pytestmark = [pytest.mark.kubernetes]
Tell = Callable[[str, str], None]


@pytest.fixture
def platform(outside: Peers, clean: Home, image: str, tmp_path: Path) -> Iterator[Platform]:
    """Applied, and gone afterwards."""
    outside.snowflake.clear()
    made = Platform(Home("platform", outside).make_database(), image, tmp_path)
    try:
        made.start()
        yield made
    finally:
        gone = ("delete", "--kustomize", str(tmp_path), "--ignore-not-found", "--wait=false")
        kubectl(*gone, check=False, namespace=NAMESPACE)


def test_image_that_cannot_be_pulled(platform: Platform, clean: Home, tell: Tell) -> None:
    """`deliver` ends it, tells of it, deletes its Job and starts it once more; by then its image is there."""
    home = platform.home
    with platform.reached() as environment:
        platform.register(environment)
        clock = Clock()
        with deployed_with(INGESTED, image="localhost/hallmark:not-there"):
            run_id = home.start(INGESTED, sources=None, **STREAM)
            first = until(120, "its pod", lambda: of_run("pods", run_id, NAMESPACE))[0]["metadata"]["name"]
        platform.rolled_out(*AT_WORK)
        until(150, "the run is ended", lambda: AGAIN in flow_run(run_id).tags)
        told = f"ended and started once more after {clock()} s"
        [incident] = until(30, "an incident", home.incidents)
        assert NOT_STARTED in incident["title"] and incident["dataset"] == "ingest", incident
        run = ended(run_id)
        tell("an image that cannot be pulled", f"{told}; {run.state.name} after {clock()} s, one incident")
        assert run.state.name == "Completed", run.state
        published_once(home, clean)
        until(30, "the incident is over", lambda: [i["state"] for i in home.incidents()] == ["resolved"])
        left = [p["metadata"]["name"] for p in of_run("pods", run_id, NAMESPACE)]
        assert first not in left, "its first pod could start yet"
    doctor = ("exec", "deployment/hallmark-deliver", "--", "hallmark", "doctor", "--server", "--json")
    found = {line["check"]: line for line in json.loads(kubectl(*doctor, check=False, namespace=NAMESPACE))}
    assert not {name: f"{x['detail']} {x['remedy']}" for name, x in found.items() if not x["ok"]}
    assert {"worker", "cluster rights", "warehouse", "landing rights", "clock"} <= set(found)
    kubectl("create", "job", "doctor", "--from=cronjob/hallmark-doctor", namespace=NAMESPACE)
    done = ("wait", "job/doctor", "--for=condition=Complete", "--timeout=90s")
    kubectl(*done, check=False, namespace=NAMESPACE)
    told = kubectl("logs", "job/doctor", namespace=NAMESPACE)
    assert "landing rights" in told and "failed" not in told, told
    restarted_server_is_free_of_locks()
    as_release = ("--as=ci", "--as-group=hallmark-release")
    for name in ("hallmark-worker", "prefect-server"):
        kubectl("set", "image", f"deployment/{name}", f"*={platform.image}", *as_release, namespace=NAMESPACE)
        kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s", *as_release, namespace=NAMESPACE)
    kubectl("set", "image", "cronjob/hallmark-doctor", f"*={platform.image}", *as_release, namespace=NAMESPACE)
    kubectl("create", "job", "again", "--from=cronjob/hallmark-doctor", *as_release, namespace=NAMESPACE)
    refused = kubectl("auth", "can-i", "get", "secrets", *as_release, namespace=NAMESPACE, check=False)
    assert refused.strip() == "no"
    words = kubectl("get", "jobs,pods,configmaps,deployments,events", "--output", "json", namespace=NAMESPACE)
    for secret in home.secrets.values():
        assert secret not in words


def restarted_server_is_free_of_locks() -> None:
    """A container that is started again has the numbers of processes that the one before had."""
    lock = "/data/prefect/concurrency_leases/expirations.lock"
    inside = ("exec", "deployment/prefect-server", "--container=server", "--", "sh", "-c")
    kubectl(*inside, f"echo 1 > {lock} && kill 1", namespace=NAMESPACE)
    until(
        120,
        "the lock is gone",
        lambda: kubectl(*inside, f"[ -e {lock} ] || echo gone", check=False, namespace=NAMESPACE),
    )
    kubectl("rollout", "status", "deployment/prefect-server", "--timeout=120s", namespace=NAMESPACE)
