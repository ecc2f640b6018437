"""The work pools of Prefect that flows run in, and the variables of prefect.yaml that name the one in use.

Importing this imports Prefect (2 s).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import VariableCreate, VariableUpdate, WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from blocks.kubernetes import CODE, base_job_template, kept_defaults

WORK_POOL_VARIABLE, CODE_VARIABLE = "hallmark_work_pool", "hallmark_code"


@dataclass(frozen=True)
class Pool:
    """A work pool as it is to be."""

    name: str
    type: str
    description: str
    code: str
    """Folder of the code where its flows run."""
    template: dict[str, Any] = field(default_factory=dict)
    limit: int | None = None


LOCAL = Pool(
    "hallmark-local", "process", "Runs flows as processes on this machine, one at a time.",
    str(Path(__file__).resolve().parents[1]), ProcessWorker.get_default_base_job_template(), 1,
)  # fmt: skip
"""DuckDB takes one process at a time: two flow runs at once would wait for each other."""


def kubernetes(image: str | None = None, namespace: str | None = None) -> Pool:
    """The pool whose flow runs are Jobs of Kubernetes."""
    about = "Runs flows as Jobs of Kubernetes; several pods work on one warehouse, so it is not DuckDB."
    return Pool("hallmark-kubernetes", "kubernetes", about, CODE, base_job_template(image, namespace))


def put(client: SyncPrefectClient, pool: Pool) -> Iterator[dict[str, str]]:
    """Make the pool, or bring it to what it is to be, and let the variables name it.

    A pool of processes keeps the template that a person gave it; one of Kubernetes has that of this release, since pods
    live or die by it, and keeps its limit and the defaults of its variables. The variables of the server are kept where
    they name a pool of somebody's own.
    """
    try:
        found = client.read_work_pool(pool.name)
        status = "kept"
        if pool.type == "kubernetes":
            template = kept_defaults(pool.template, found.base_job_template)
            if found.base_job_template != template:
                told = WorkPoolUpdate(base_job_template=template, description=pool.description)
                client.update_work_pool(pool.name, told)
                status = "changed"
        else:
            client.update_work_pool(pool.name, WorkPoolUpdate(concurrency_limit=pool.limit))
    except ObjectNotFound:
        client.create_work_pool(
            WorkPoolCreate(
                name=pool.name, type=pool.type, description=pool.description, base_job_template=pool.template,
                concurrency_limit=pool.limit,
            )
        )  # fmt: skip
        status = "created"
    yield {"kind": "work pool", "name": pool.name, "status": status}
    ours = {LOCAL.name, kubernetes().name}
    known = client.read_variable_by_name(WORK_POOL_VARIABLE)
    is_own = known is not None and known.value not in ours
    for name, value in ((WORK_POOL_VARIABLE, pool.name), (CODE_VARIABLE, pool.code)):
        yield {"kind": "variable", "name": name, "status": _variable(client, name, value, is_own)}


def _variable(client: SyncPrefectClient, name: str, value: str, is_own: bool) -> str:
    known = client.read_variable_by_name(name)
    if known is None:
        client.create_variable(VariableCreate(name=name, value=value, tags=["hallmark"]))
        return "created"
    if is_own or known.value == value:
        return "kept"
    client.update_variable(VariableUpdate(name=name, value=value))
    return "changed"
