"""The base job template as the Kubernetes worker renders it: what a pod may do, what kills it for good, no secret."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

from blocks.kubernetes import HOME, base_job_template

pytestmark = pytest.mark.usefixtures("prefect_server")  # the worker looks blocks up when it renders
MARK = "never-in-a-manifest"


def rendered(**values: Any) -> dict[str, Any]:
    """The Job of a flow run, with these job variables."""
    template = base_job_template("hallmark:test", "hallmark")
    configuration = asyncio.run(
        KubernetesWorkerJobConfiguration.from_template_and_values(template, {"name": "x", **values})
    )
    configuration.prepare_for_flow_run(FlowRun(id=uuid.uuid4(), flow_id=uuid.uuid4(), name="batch"))
    return dict(configuration.job_manifest)


def test_a_pod_may_write_to_its_scratch_and_nowhere_else() -> None:
    pod = rendered()["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert [m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")] == [HOME, "/tmp"]
    assert not pod["automountServiceAccountToken"]


def test_what_was_killed_is_made_again_and_what_failed_by_itself_is_not() -> None:
    spec = rendered(backoff_limit=2)["spec"]
    assert (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"]) == (2, "Never")
    rules = spec["podFailurePolicy"]["rules"]
    assert rules[0] == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert [(r["action"], r["onExitCodes"]["values"]) for r in rules[1:]] == [
        ("Count", [1, 137, 143]),
        ("FailJob", [0]),
    ]
    environment = {e["name"]: e["value"] for e in spec["template"]["spec"]["containers"][0]["env"]}
    assert environment["PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR"] == "relinquish", "Kubernetes makes the next pod"


def test_job_variables_reach_the_pod() -> None:
    spec = rendered(memory_limit="1Gi", grace_period_seconds=9, finished_job_ttl=0, scratch_size="3Gi")["spec"]
    pod = spec["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"] == {"cpu": "4", "memory": "1Gi"}
    assert (pod["terminationGracePeriodSeconds"], spec["ttlSecondsAfterFinished"]) == (9, 0)
    assert pod["volumes"][0]["emptyDir"] == {"sizeLimit": "3Gi"}


def test_no_secret_of_the_worker_stands_in_a_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HALLMARK_SLACK_TOKEN", "HALLMARK_STATE_URL", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, MARK)
    manifest = rendered()
    assert MARK not in json.dumps(manifest)
    assert manifest["spec"]["template"]["spec"]["containers"][0]["envFrom"] == [
        {"configMapRef": {"name": "hallmark-settings", "optional": True}},
        {"secretRef": {"name": "hallmark-secrets", "optional": True}},
        {"configMapRef": {"name": "hallmark-flow", "optional": True}},
        {"secretRef": {"name": "hallmark-flow", "optional": True}},
    ], "what is the account's own comes last, and wins"
