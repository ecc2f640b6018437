"""The product's own pool and deployments, with what tests need: short times, small requests, and their sources file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolUpdate

from blocks import pools
from blocks.automations import put as put_automation
from tests.kubernetes.cluster import NAMESPACE
from tests.kubernetes.peers import Peers
from tests.kubernetes.world import DEPLOYMENTS, POOL, SMALL, SOURCES, TTL

ROOT = Path(__file__).parents[2]


def deploy(image: str, outside: Peers) -> None:
    """What `hallmark register --kubernetes` and `prefect deploy` leave, without schedules."""
    with get_client(sync_client=True) as client:
        list(pools.put(client, pools.kubernetes(image, NAMESPACE)))
        put_automation(client)
        made = client.read_work_pool(POOL).base_job_template
        made["variables"]["properties"]["finished_job_ttl"]["default"] = TTL
        pod = made["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
        pod["volumes"].append({"name": "sources", "configMap": {"name": "hallmark-sources"}})
        pod["containers"][0]["volumeMounts"].append({"name": "sources", "mountPath": SOURCES.rpartition("/")[0]})
        client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=made))
    environment = {
        **os.environ, "PREFECT_API_URL": outside.prefect.url, "DO_NOT_TRACK": "1",
        "PREFECT_API_AUTH_STRING": outside.secrets["PREFECT_API_AUTH_STRING"],
    }  # fmt: skip
    names = [word for name in DEPLOYMENTS for word in ("--name", name.partition("/")[2])]
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *names], cwd=ROOT, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    with get_client(sync_client=True) as client:
        for name in DEPLOYMENTS:
            client.update_deployment(
                client.read_deployment_by_name(name).id, DeploymentUpdate(paused=True, job_variables=SMALL)
            )


@contextmanager
def deployed_with(deployment: str, **variables: str) -> Iterator[None]:
    """A deployment with other job variables meanwhile."""
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment).id
        client.update_deployment(found, DeploymentUpdate(job_variables={**SMALL, **variables}))
        try:
            yield
        finally:
            client.update_deployment(found, DeploymentUpdate(job_variables=SMALL))
