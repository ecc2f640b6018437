"""The Job of a flow run, asked of the API server: by the account of a pod, or by a kubeconfig.

Rights in the namespace of the work pool: get and delete of Jobs, list of pods (deploy/kubernetes/base/accounts.yaml).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from governance.errors import ConfigurationError, HallmarkError, UnreachableError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PATIENCE_SECONDS = 10
RIGHTS = (("batch", "jobs", "get"), ("batch", "jobs", "delete"), ("", "pods", "list"))
OVER = ("Complete", "Failed")
REMEDY = "apply deploy/kubernetes, whose role of hallmark-deliver has the right"


def reachable() -> bool:
    """Whether anything says where a cluster is."""
    return (ACCOUNT / "token").exists() or bool(os.environ.get("KUBECONFIG"))


def withdraw(job: str) -> bool:
    """Delete a Job that is not over; whether there was one. `job` is NAMESPACE:NAME, as Prefect has it.

    One without an active pod may make another: after its pause, or when the pod of a lost node is gone for certain.

    Raises HallmarkError where the cluster does not answer, or refuses.
    """
    from kubernetes.client import BatchV1Api, V1DeleteOptions

    namespace, _, name = job.partition(":")
    with _asked(f"Job {name}") as client:
        api = BatchV1Api(client)
        found: Any = _unless_gone(api.read_namespaced_job, name, namespace)
        if found is None or any(c.type in OVER and c.status == "True" for c in found.status.conditions or ()):
            return False
        options = V1DeleteOptions(
            propagation_policy="Background", preconditions={"uid": found.metadata.uid}
        )  # not another of this name
        return _unless_gone(api.delete_namespaced_job, name, namespace, body=options) is not None


STARTING = ("ContainerCreating", "PodInitializing")
"""Of a pod whose image is pulled, or whose volumes are made ready."""


@dataclass(frozen=True)
class Waiting:
    """A pod that has not begun its flow."""

    why: str
    hopeless: bool
    """It will not by itself: its image or its configuration is wrong."""


def waiting(job: str, since: datetime) -> Waiting | None:
    """The pod of a Job that has not begun its flow: it does not run yet, or only `since` then. None if there is none.

    `job` is NAMESPACE:NAME. Raises HallmarkError where the cluster does not answer, or refuses.
    """
    from kubernetes.client import CoreV1Api

    namespace, _, name = job.partition(":")
    with _asked(f"the pods of Job {name}") as client:
        found: Any = CoreV1Api(client).list_namespaced_pod(
            namespace, label_selector=f"batch.kubernetes.io/job-name={name}", _request_timeout=PATIENCE_SECONDS
        )
    for pod in found.items:
        status = pod.status
        if pod.metadata.deletion_timestamp:
            continue
        if status.phase == "Pending":
            return _why(status)
        ready = any(c.type == "Ready" and c.status == "True" for c in status.conditions or ())  # not of a lost node
        if status.phase == "Running" and ready and status.start_time >= since.replace(microsecond=0):
            return Waiting("its container runs, and has not begun the flow", hopeless=False)
    return None


def _why(status: Any) -> Waiting:
    for container in status.container_statuses or ():
        held = container.state.waiting
        if held and held.reason not in STARTING:
            return Waiting(": ".join(filter(None, (held.reason, held.message))), hopeless=True)
    for condition in status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            return Waiting(f"{condition.reason}: {condition.message}", hopeless=False)
    return Waiting("its image is pulled, or its volumes are made ready", hopeless=False)


def missing_rights(namespace: str) -> list[str]:
    """Which of the rights above the account lacks.

    Raises UnreachableError where the cluster does not answer.
    """
    from kubernetes.client import (
        AuthorizationV1Api,
        V1ResourceAttributes,
        V1SelfSubjectAccessReview,
        V1SelfSubjectAccessReviewSpec,
    )

    missing = []
    with _asked("its rights") as client:
        for group, resource, verb in RIGHTS:
            wanted = V1ResourceAttributes(namespace=namespace, verb=verb, group=group, resource=resource)
            body = V1SelfSubjectAccessReview(spec=V1SelfSubjectAccessReviewSpec(resource_attributes=wanted))
            answer = AuthorizationV1Api(client).create_self_subject_access_review(
                body, _request_timeout=PATIENCE_SECONDS
            )
            if not answer.status.allowed:
                missing.append(f"{verb} {resource}")
    return missing


def own_namespace() -> str:
    """That of this pod."""
    return (ACCOUNT / "namespace").read_text().strip()


def _unless_gone(call: Any, name: str, namespace: str, **more: Any) -> Any:
    from kubernetes.client.exceptions import ApiException

    try:
        return call(name, namespace, _request_timeout=PATIENCE_SECONDS, **more)
    except ApiException as error:
        if error.status in (404, 409):
            return None
        raise


@contextmanager
def _asked(what: str) -> Iterator[ApiClient]:
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config import ConfigException, load_incluster_config, load_kube_config
    from urllib3.exceptions import HTTPError

    configuration = Configuration()
    try:
        if (ACCOUNT / "token").exists():
            load_incluster_config(client_configuration=configuration)
        else:
            load_kube_config(os.environ["KUBECONFIG"], client_configuration=configuration)
        configuration.retries = False
        with ApiClient(configuration) as client:
            yield client
    except ConfigException as error:
        raise ConfigurationError("the cluster", str(error), "correct KUBECONFIG") from None
    except ApiException as error:
        raise HallmarkError(what, f"the cluster answered {error.status} {error.reason}", REMEDY) from None
    except (HTTPError, OSError) as error:
        raise UnreachableError(
            "the cluster", type(error).__name__, "see whether its API server can be reached"
        ) from None
