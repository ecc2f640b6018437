"""Runs of the deployments as the catalog shows them: a pipeline, its coarse tasks, and how each of them went.

A batch is three kinds of them: its own, with sources and layers as tasks; one of `ingest-<source>` for each source,
with streams; one of `transform` for each layer, with its steps. Only data: the ledger writes the events. What a
deployment is for and when it is due is declared in prefect.yaml.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from flows.context import LAYERS, Context
from governance.model import Event, Run, RunState, TaskRun
from governance.openmetadata.concerns import STARTED

if TYPE_CHECKING:
    from blocks.warehouses.sql import SqlWarehouse

DEPLOYMENTS = Path(__file__).resolve().parents[1] / "prefect.yaml"
Summary = Mapping[str, Any]
WHOLE = ("batch", "backfill")
"""Deployments whose runs begin and end in the ledger under their names."""
STEPS = ("build", "gate", "publish")
RESUME = "the next run resumes it; `hallmark run` does so at once"
_STATES: Mapping[str, RunState] = {
    "published": "completed", "partly published": "failed", "blocked": "failed", "failed": "failed",
    "skipped": "skipped", "no models": "skipped",
}  # fmt: skip


_ENDS: Mapping[str, RunState] = {"failed": "failed", "held": "skipped"}
"""Of a stream, where it is not completed."""


def begun(context: Context, name: str, began: datetime) -> Run:
    """A batch, or what is done beside the batches, that has just begun."""
    tasks = [f"ingest-{source}" for source in context.sources] + [f"transform-{x}" for x in LAYERS[1:]]
    pending = tuple(TaskRun(name=t, state="pending") for t in tasks)
    about = str(_deployments().get(name, {}).get("description", ""))
    return Run(
        pipeline=name, description=about, schedule=_schedule(name), state="running", started_at=began, tasks=pending
    )  # fmt: skip


def ended(run: Run, state: RunState, at: datetime, summary: Summary | None) -> Run:
    """The same at its end, by what `hallmark run --json` says; without a summary its tasks ended with it."""
    tasks = tuple(_task(t, state, summary) for t in run.tasks)
    return run.model_copy(update={"state": state, "finished_at": at, "tasks": tasks})


def _task(task: TaskRun, state: RunState, summary: Summary | None) -> TaskRun:
    if summary is None:
        return task.model_copy(update={"state": "failed" if state == "failed" else "skipped"})
    kind, _, name = task.name.partition("-")
    if kind == "ingest":
        streams = [s for s in summary.get("streams", ()) if s["source"] == name]
        return _spanned(task, [_stream(s) for s in streams])
    layer = next((x for x in summary.get("layers", ()) if x["layer"] == name), None)
    if layer is None:
        return task.model_copy(update={"state": "skipped"})
    steps = [_timed(s["name"], "completed", s["started_at"], s["seconds"]) for s in layer["steps"]]
    return _spanned(task, steps).model_copy(update={"state": _STATES.get(layer["status"], "failed")})


def ingested(source: str, began: datetime, at: datetime, results: Sequence[Summary]) -> Run:
    """The run of a source's ingest; child tables went with their streams."""
    tasks = tuple(_stream(r) for r in results if "__" not in r["stream"])
    state: RunState = "failed" if any(t.state == "failed" for t in tasks) else "completed"
    causes = [f"{r['stream']}: {r['error']['cause']}" for r in results if r["error"]]
    return Run(
        pipeline=f"ingest-{source}", description=f"Brings what is new of {source} into bronze.",
        schedule=_schedule(f"ingest-{source}"), state=state, started_at=began, finished_at=at, tasks=tasks,
        error="; ".join(causes),
    )  # fmt: skip


def transformed(layer: str, began: datetime, at: datetime, status: str, steps: Sequence[Summary], error: str) -> Run:
    """The run of a layer's transform. `steps` are those that were taken, the last of which may have failed."""
    state = _STATES.get(status, "failed")
    taken = {s["name"].removeprefix(f"{layer} ").replace("block", "publish"): s for s in steps}
    tasks: list[TaskRun] = []
    for name in STEPS:
        if name in taken:
            bad = name == "publish" and state == "failed"
            one = _timed(name, "failed" if bad else "completed", taken[name]["started_at"], taken[name]["seconds"])
        else:
            one = TaskRun(name=name, state="failed" if state == "failed" and len(tasks) == len(taken) else "skipped")
        tasks.append(one)
    return Run(
        pipeline="transform", description="Builds a layer, tests it, and publishes it.", state=state,
        started_at=began, finished_at=at, tasks=tuple(tasks), error=error,
    )  # fmt: skip


@cache
def _deployments() -> Mapping[str, Mapping[str, Any]]:
    """Those of prefect.yaml by name; none where the packages are installed without it."""
    if not DEPLOYMENTS.is_file():
        return {}
    return {d["name"]: d for d in yaml.safe_load(DEPLOYMENTS.read_text("utf-8"))["deployments"]}


def _schedule(name: str) -> str:
    """When a deployment is due; empty for one that has no time of its own, as of a source that the batch ingests."""
    return next((str(s["cron"]) for s in _deployments().get(name, {}).get("schedules") or () if "cron" in s), "")


def abandoned(warehouse: SqlWarehouse, over: Iterable[str], at: datetime) -> list[Event]:
    """The end of runs that did not live to tell it: `over` are their ids."""
    gone = set(over)
    found = []
    for subject, body in warehouse.execute("SELECT subject, data FROM ops.events WHERE type = ?", (STARTED,)):
        data = json.loads(body)
        if data["run_id"] in gone:
            run = ended(Run.model_validate(data["run"]), "failed", at, None)
            said = {**data, "run": run.model_copy(update={"error": "its process ended"}).model_dump(mode="json")}
            said["error"] = {"what": subject, "cause": "its process ended without a word", "remedy": RESUME}
            found.append(Event.of("hallmark.run.failed.v1", subject, f"{data['run_id']}/", at, **said))
    return found


def _stream(result: Summary) -> TaskRun:
    state = _ENDS.get(result["status"], "completed")
    return _timed(result["stream"], state, result["started_at"], result["seconds"])


def _timed(name: str, state: RunState, began: str | None, seconds: float) -> TaskRun:
    if began is None:
        return TaskRun(name=name, state=state)
    start = datetime.fromisoformat(began)
    return TaskRun(name=name, state=state, started_at=start, finished_at=start + timedelta(seconds=seconds))


def _spanned(task: TaskRun, parts: Sequence[TaskRun]) -> TaskRun:
    """A task of these parts: from the first of them to the last, failed if one is."""
    begins = [p.started_at for p in parts if p.started_at]
    ends = [p.finished_at for p in parts if p.finished_at]
    state: RunState = "failed" if any(p.state == "failed" for p in parts) else "completed" if parts else "skipped"
    times = {"started_at": min(begins, default=None), "finished_at": max(ends, default=None)}
    return task.model_copy(update={"state": state, **times})
