"""The Job of a flow run, asked of the API server: by the account of a pod, or by a kubeconfig.

Rights: get and delete of Jobs in the namespace of the work pool; see deploy/kubernetes/base/accounts.yaml.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from governance.errors import ConfigurationError, HallmarkError, UnreachableError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PATIENCE_SECONDS = 10
VERBS = ("get", "delete")
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
        for verb in VERBS:
            wanted = V1ResourceAttributes(namespace=namespace, verb=verb, group="batch", resource="jobs")
            body = V1SelfSubjectAccessReview(spec=V1SelfSubjectAccessReviewSpec(resource_attributes=wanted))
            answer = AuthorizationV1Api(client).create_self_subject_access_review(
                body, _request_timeout=PATIENCE_SECONDS
            )
            if not answer.status.allowed:
                missing.append(f"{verb} jobs.batch")
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
