"""Runs in the catalog: a pipeline with its tasks, and a status for each run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance.model import Event, Run, RunState, TaskRun
from governance.openmetadata.places import Places
from tests.openmetadata.server import Server
from tests.unit.governance.openmetadata.test_edges import NAME, REPORT
from tests.unit.governance.openmetadata.world import (
    CUSTOMERS,
    DAY,
    ORDERS,
    World,
    describe,
    failures,
)

BATCH = "hallmark_prefect.batch"
END = DAY + timedelta(minutes=5)


def run(state: RunState, *tasks: tuple[str, RunState], pipeline: str = "batch", **more: Any) -> Run:
    """A run that began on the day."""
    end = None if state in ("running", "pending") else END
    done = tuple(TaskRun(name=n, state=s, started_at=DAY, finished_at=end) for n, s in tasks)
    return Run(pipeline=pipeline, state=state, started_at=DAY, finished_at=end, tasks=done, **more)


def event(one: Run, cause: str = "r1", **more: Any) -> Event:
    verb = one.state if one.state in ("completed", "failed") else "started"
    data = {"run_id": "r1", "slot": "2026-11-22T06:00:00Z", "owner": "sales", **more}
    told = one.model_dump(mode="json", exclude_defaults=True)
    return Event.of(f"hallmark.run.{verb}.v1", one.pipeline, cause, DAY, **data, run=told)


STARTED = run("running", ("ingest-crm", "pending"), ("transform-silver", "pending"))
DONE = run("completed", ("ingest-crm", "completed"), ("transform-silver", "skipped"))


def statuses(world: World, pipeline: str = BATCH) -> list[dict[str, Any]]:
    return list(world.bot.get(f"pipelines/{pipeline}/status")["data"])


def tasks_of(world: World, pipeline: str = BATCH) -> list[str]:
    return [t["name"] for t in world.bot.named("pipelines", pipeline, fields="tasks").get("tasks") or ()]


def test_a_run_is_told_of_while_it_goes_on_and_at_its_end(world: World) -> None:
    assert failures(world.deliver(event(STARTED))) == []
    [status] = statuses(world)
    assert status["executionStatus"] == "Pending" and "endTime" not in status
    assert failures(world.deliver(event(DONE))) == []
    [status] = statuses(world)
    millis = [round(at.timestamp() * 1000) for at in (DAY, END)]
    assert (status["timestamp"], status["endTime"], status["executionId"]) == (*millis, "r1")
    assert status["executionStatus"] == "Successful" and status["parameters"] == {"slot": "2026-11-22T06:00:00Z"}
    assert {t["name"]: t["executionStatus"] for t in status["taskStatus"]} == {
        "ingest-crm": "Successful", "transform-silver": "Skipped",
    }  # fmt: skip
    pipeline = world.bot.named("pipelines", BATCH, fields="tasks,owners")
    assert [o["name"] for o in pipeline["owners"]] == ["sales"] and pipeline["serviceType"] == "Prefect"


def test_a_pipeline_says_what_it_is_for_and_when_it_is_due(world: World) -> None:
    said = {"description": "The six-hour run.", "schedule": "0 */6 * * *"}
    done = run("completed", ("ingest-crm", "completed"), **said)
    assert failures(world.deliver(event(done))) == []
    pipeline = world.bot.named("pipelines", BATCH, fields="tasks,scheduleInterval")
    assert (pipeline["description"], pipeline["scheduleInterval"]) == tuple(said.values())
    world.person.patch(f"pipelines/{pipeline['id']}", describe("By hand.", "/scheduleInterval"), describe("By hand."))
    assert failures(world.deliver(event(done, "r2"))) == []
    pipeline = world.bot.named("pipelines", BATCH, fields="tasks,scheduleInterval")
    assert (pipeline["description"], pipeline["scheduleInterval"]) == ("By hand.", said["schedule"])


def test_the_start_told_again_does_not_take_the_place_of_the_end(world: World) -> None:
    for one in (STARTED, DONE, STARTED):
        assert failures(world.deliver(event(one))) == []
    assert [s["executionStatus"] for s in statuses(world)] == ["Successful"]


def test_a_run_that_failed_says_why_and_where(server: Server) -> None:
    world = World(server, Places(runs_url="https://prefect.example/runs/flow-run/{run_id}"))
    failed = run("failed", ("ingest-crm", "failed"), ("transform-silver", "skipped"), error="crm: no such table" * 999)
    assert failures(world.deliver(event(failed))) == []
    [status] = statuses(world)
    assert status["executionStatus"] == "Failed" and status["error"]["failedTask"] == "ingest-crm"
    assert status["error"]["errorMessage"].startswith("crm: no such table")
    assert {t["name"]: t["executionStatus"] for t in status["taskStatus"]} == {
        "ingest-crm": "Failed", "transform-silver": "Skipped",
    }  # fmt: skip
    assert {t["logLink"] for t in status["taskStatus"]} == {"https://prefect.example/runs/flow-run/r1"}
    world.close()


def test_a_run_of_some_tasks_takes_no_other_away(world: World) -> None:
    world.deliver(event(STARTED))
    some = run("completed", ("ingest-drops", "completed"), ("ingest-drops", "completed"))
    world.deliver(event(some, "r2"))
    assert tasks_of(world) == ["ingest-crm", "ingest-drops", "transform-silver"]
    writes = len(world.server.writes)
    world.deliver(event(some, "r2"))
    assert [c.path for c in world.server.writes[writes:]] == [f"/api/v1/pipelines/{BATCH}/status"]


def test_tasks_that_somebody_else_took_away_come_back(world: World) -> None:
    world.deliver(event(STARTED))
    world.person.put("pipelines", name="batch", service="hallmark_prefect", tasks=[{"name": "theirs"}])
    assert failures(world.deliver(event(DONE))) == []
    assert tasks_of(world) == ["ingest-crm", "theirs", "transform-silver"]


@pytest.mark.parametrize("latency", [0.0, 0.02])
def test_a_run_and_the_edges_of_its_pipeline_come_together(world: World, latency: float) -> None:
    world.push(ORDERS, CUSTOMERS, REPORT)
    world.server.latency = latency
    transform = run("completed", ("build", "completed"), pipeline="transform")
    edges = {"edges": [NAME.model_dump(mode="json")], "pipeline": "transform", "sql": "select 1"}
    lineage = Event.of("hallmark.lineage.published.v1", "silver.report", "r1", DAY, **edges)
    assert failures(world.deliver(lineage, event(transform))) == []
    assert tasks_of(world, "hallmark_prefect.transform") == ["build"]


def test_names_of_tasks_that_the_server_would_refuse(world: World) -> None:
    odd = run("completed", ("ingest::crm", "completed"), ('say "so"', "completed"), ("a.b", "failed"), pipeline="x.y")
    assert failures(world.deliver(event(odd))) == []
    [status] = statuses(world, 'hallmark_prefect."x.y"')
    assert {t["name"] for t in status["taskStatus"]} == {"ingest_crm", "say _so_", "a.b"}
