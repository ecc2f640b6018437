"""Runs of pipelines, profiles of tables, and how often these are used."""

from typing import Any

import pytest

from tests.unit.openmetadata.api import SCHEMA, Api, ref

STATUS = "pipelines/runs.batch/status"


@pytest.fixture
def pipeline(bot: Api) -> dict[str, Any]:
    """A pipeline of two tasks."""
    bot.put("services/pipelineServices", name="runs", serviceType="Prefect")
    tasks = [{"name": "load", "downstreamTasks": ["build"]}, {"name": "build", "description": "Builds."}]
    made: dict[str, Any] = bot.put("pipelines", name="batch", service="runs", tasks=tasks)
    return made


def run(at: int, status: str, *tasks: str) -> dict[str, Any]:
    task_status = [{"name": name, "executionStatus": status} for name in tasks]
    return {"timestamp": at, "executionStatus": status, "taskStatus": task_status}


def test_18_a_status_of_the_same_time_takes_the_place_of_the_other(bot: Api, pipeline: dict[str, Any]) -> None:
    bot.put(STATUS, **run(1000, "Pending", "load"))
    seen = bot.put(STATUS, **run(1000, "Successful", "load", "build"))
    assert seen["pipelineStatus"]["executionStatus"] == "Successful" and seen["fullyQualifiedName"] == "runs.batch"
    bot.call("PUT", f"{STATUS}/bulk", 200, [run(2000, "Failed"), run(500, "Skipped")])
    assert [row["timestamp"] for row in bot.get(STATUS)["data"]] == [2000, 1000, 500]
    assert [row["timestamp"] for row in bot.get(f"{STATUS}?status=Failed,Skipped&startTs=1")["data"]] == [2000, 500]
    shown = bot.named("pipelines", "runs.batch", fields="pipelineStatus,tasks")
    assert shown["pipelineStatus"]["timestamp"] == 2000
    bot.call("DELETE", f"{STATUS}/2000", 200)
    bot.call("DELETE", f"{STATUS}/2000", 404)


def test_18_a_task_that_the_pipeline_does_not_have_is_refused(bot: Api, pipeline: dict[str, Any]) -> None:
    assert "Invalid task name" in bot.refused(STATUS, **run(1000, "Pending", "Load"))
    bot.refused("pipelines/runs.other/status", 404, **run(1000, "Pending"))
    bot.refused(STATUS, **run(1000, "Running"))


def test_23_a_pipeline_has_the_tasks_of_the_last_put(bot: Api, human: Api, pipeline: dict[str, Any]) -> None:
    made = bot.put("pipelines", name="batch", service="runs", tasks=[{"name": "build", "description": "Other."}])
    assert [task["name"] for task in made["tasks"]] == ["build"] and made["version"] == 1.1
    assert made["tasks"][0]["description"] == "Builds."
    assert "tasks" not in bot.named("pipelines", "runs.batch")


def test_a_table_knows_its_pipelines(bot: Api, pipeline: dict[str, Any]) -> None:
    table = bot.table()
    seen = {"pipeline": ref(pipeline, "pipeline"), "lastRunTime": 1000, "lastRunStatus": "Successful"}
    bot.call("PUT", f"tables/{table['id']}/pipelineObservability", 200, [seen])
    bot.put(f"tables/{table['id']}/pipelineObservability/runs.batch", **{**seen, "lastRunTime": 2000})
    shown = bot.named("tables", f"{SCHEMA}.orders", fields="pipelineObservability")["pipelineObservability"]
    assert [one["lastRunTime"] for one in shown] == [2000]


def test_profiles_are_kept_by_their_time(bot: Api) -> None:
    table = bot.table()
    path = f"tables/{table['id']}/tableProfile"
    for at in (1000, 2000):
        column = {"name": "id", "timestamp": at, "valuesCount": 3.0, "nullCount": 0.0}
        bot.put(path, tableProfile={"timestamp": at, "rowCount": 3.0}, columnProfile=[column])
    bot.refused(path, tableProfile={"timestamp": 1}, columnProfile=[{"name": "ID", "timestamp": 1}])
    assert [row["timestamp"] for row in bot.get(f"tables/{SCHEMA}.orders/tableProfile")["data"]] == [2000, 1000]
    assert bot.get(f"tables/{SCHEMA}.orders.id/columnProfile", startTs=1500)["data"][0]["timestamp"] == 2000
    assert bot.get(f"tables/{SCHEMA}.orders/tableProfile/latest")["profile"]["timestamp"] == 2000
    assert bot.named("tables", f"{SCHEMA}.orders", fields="profile")["profile"]["rowCount"] == 3.0


def test_sample_data_has_the_columns_of_its_table(bot: Api) -> None:
    table = bot.table()
    path = f"tables/{table['id']}/sampleData"
    rows = {"columns": ["id", "name"], "rows": [["1", "a"]]}
    bot.put(path, **rows)
    assert bot.get(path)["sampleData"] == rows
    bot.refused(path, columns=["id"], rows=[["1", "a"]])
    bot.refused(path, columns=["colour"], rows=[])


def test_39_a_day_is_counted_once_by_post(bot: Api) -> None:
    table = bot.table()
    path = f"usage/table/{table['id']}"
    day = {"date": "2026-11-01", "count": 3}
    bot.call("POST", path, 201, day)
    bot.call("POST", path, 409, day)
    bot.put(path, **{**day, "count": 4})
    shown = bot.named("tables", f"{SCHEMA}.orders", fields="usageSummary")
    assert shown["usageSummary"]["dailyStats"]["count"] == 4


def test_a_query_is_named_by_its_checksum(bot: Api) -> None:
    table = bot.table()
    body = {"query": "select 1", "service": "duck", "queryUsedIn": [ref(table, "table")]}
    made = bot.put("queries", **body)
    assert len(made["name"]) == 32 and made["fullyQualifiedName"] == f"duck.{made['name']}"
    assert bot.put("queries", **body)["id"] == made["id"]
    seen = bot.named("tables", f"{SCHEMA}.orders", fields="queries")
    assert [one["id"] for one in seen["queries"]] == [made["id"]]
