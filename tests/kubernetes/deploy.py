"""The pool and the deployments of the cases."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyOptions

from tests.kubernetes.stopgap import template
from tests.kubernetes.world import FLOWS, POOL, SOURCES, TTL


def deploy(image: str) -> None:
    made = template()
    made["variables"]["properties"]["image"]["default"] = image
    made["variables"]["properties"]["finished_job_ttl"]["default"] = TTL
    pod = made["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    pod["volumes"].append({"name": "sources", "configMap": {"name": "hallmark-sources"}})
    pod["containers"][0]["volumeMounts"].append({"name": "sources", "mountPath": SOURCES.rpartition("/")[0]})
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="kubernetes", base_job_template=made))
        for name, entrypoint in FLOWS.items():
            flow_id = client.create_flow_from_name(name)
            client.create_deployment(
                flow_id=flow_id, name=name, entrypoint=entrypoint, path="/opt/hallmark", work_pool_name=POOL,
                pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": "/opt/hallmark"}}],
                concurrency_limit=1 if name != "batch" else None,
            )
