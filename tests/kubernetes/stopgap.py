"""The pool's template until the product has one."""

from __future__ import annotations

from typing import Any

from prefect_kubernetes.worker import KubernetesWorker


def template() -> dict[str, Any]:
    made = KubernetesWorker.get_default_base_job_template()
    properties = made["variables"]["properties"]
    for name, value in {
        "namespace": "hallmark", "service_account_name": "hallmark-flow", "backoff_limit": 3, "finished_job_ttl": 60,
        "memory_limit": "2Gi", "memory_request": "256Mi", "cpu_request": "100m", "cpu_limit": "2",
        "image_pull_policy": "IfNotPresent",
    }.items():  # fmt: skip
        properties.setdefault(name, {"type": "string" if isinstance(value, str) else "integer"})["default"] = value
    manifest = made["job_configuration"]["job_manifest"]
    spec = manifest["spec"]
    spec["backoffLimit"] = "{{ backoff_limit }}"
    spec["podFailurePolicy"] = {
        "rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            {"action": "Count", "onExitCodes": {"containerName": "prefect-job", "operator": "In", "values": [137, 143]}},
        ]
    }
    pod = spec["template"]["spec"]
    pod["terminationGracePeriodSeconds"] = 60
    pod["securityContext"] = {
        "runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    pod["automountServiceAccountToken"] = False
    pod["volumes"] = [
        {"name": "scratch", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}},
    ]
    container = pod["containers"][0]
    container["envFrom"] = [
        {"configMapRef": {"name": "hallmark-settings", "optional": True}},
        {"secretRef": {"name": "hallmark-secrets", "optional": True}},
    ]
    container["securityContext"] = {
        "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    }
    container["volumeMounts"] = [{"name": "scratch", "mountPath": "/scratch"}, {"name": "tmp", "mountPath": "/tmp"}]
    return made
