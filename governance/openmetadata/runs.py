"""Runs into the catalog: a deployment is a pipeline, its coarse tasks are the tasks, and each run is a status.

The key of a status is the time at which its run began, so that a run that goes on replaces what was told of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance.model import Run, RunState
from governance.openmetadata import bodies, measures
from governance.openmetadata.catalog import Catalog
from governance.openmetadata.entities import Wanted, bring
from governance.openmetadata.names import clean, fqn, in_path
from governance.transports.base import PermanentError, TransientError

STATES: Mapping[RunState, str] = {
    "pending": "Pending", "running": "Pending", "completed": "Successful", "failed": "Failed", "skipped": "Skipped",
}  # fmt: skip
UNDER_WAY: frozenset[RunState] = frozenset(("pending", "running"))
ERROR_LIMIT = 2_000


async def push_run(catalog: Catalog, run: Run, run_id: str, slot: str, owner: str) -> None:
    """The pipeline with its tasks, and this run of it."""
    service = catalog.places.pipelines
    await catalog.service("pipelineServices", service, "Prefect")
    team = await catalog.owner(owner) if owner else None
    tasks = list(dict.fromkeys(clean(t.name) for t in run.tasks))
    name = clean(run.pipeline)
    known = await catalog.client.get(f"pipelines/name/{in_path(fqn(service, name))}", fields="tasks")
    # A run of some streams only must not take the other tasks away.
    others = [t["name"] for t in (known or {}).get("tasks") or () if t["name"] not in tasks]
    body = bodies.Pipeline(
        name=name, service=service, description=run.description or None,
        owners=(bodies.Reference(id=team, type="team", name=owner),) if team else None,
        tasks=tuple(bodies.Task(name=t) for t in sorted((*tasks, *others))), schedule_interval=run.schedule or None,
    )  # fmt: skip
    found = (await bring(catalog, "pipelines", [Wanted(fqn(service, name), body)])).popitem()[1]
    if isinstance(found, TransientError | PermanentError):
        raise found
    link = catalog.places.run_link(run_id)
    status = measures.PipelineStatus(
        timestamp=measures.millis(run.started_at), execution_status=STATES[run.state], execution_id=run_id,
        end_time=measures.millis(run.finished_at) if run.finished_at else None,
        error=_error(run), parameters={"slot": slot} if slot else None,
        task_status=tuple(
            measures.TaskStatus(
                name=clean(t.name), execution_status=STATES[t.state], log_link=link,
                start_time=measures.millis(t.started_at) if t.started_at else None,
                end_time=measures.millis(t.finished_at) if t.finished_at else None,
            )
            for t in run.tasks
        ),
    )  # fmt: skip
    path = f"pipelines/{in_path(found['fullyQualifiedName'])}/status"
    if run.state in UNDER_WAY:  # told late, or again, it must not take the place of the run's end
        told = await catalog.client.get(path, startTs=status.timestamp, endTs=status.timestamp) or {}
        if any(s["executionStatus"] != "Pending" for s in told.get("data") or () if s["timestamp"] == status.timestamp):
            return
    await catalog.client.put(path, status.json_body())


def _error(run: Run) -> measures.RunError | None:
    if not run.error:
        return None
    failed = next((clean(t.name) for t in run.tasks if t.state == "failed"), None)
    return measures.RunError(error_message=run.error[:ERROR_LIMIT], failed_task=failed)
