"""Incidents: tasks, and the series of their states."""

from typing import Any

import pytest

from tests.unit.openmetadata.api import SCHEMA, Api, ref

CASE = f"{SCHEMA}.orders.id.filled"
ROWS = "dataQuality/testCases/testCaseIncidentStatus"
RESOLVED = {"testCaseFailureReason": "MissingData", "testCaseFailureComment": "Loaded again."}


@pytest.fixture
def incident(bot: Api) -> str:
    """An open incident of a case without owners."""
    bot.table()
    bot.case()
    return str(bot.result(CASE, 1000, "Failed")["incidentId"])


def report(api: Api, status: str, expected: int = 200, details: Any = None, **more: Any) -> Any:
    body = {"testCaseReference": CASE, "testCaseResolutionStatusType": status, **more}
    return api.call(
        "POST", ROWS, expected, {**body, **({"testCaseResolutionStatusDetails": details} if details else {})}
    )


def states(api: Api) -> list[str]:
    """All states of the case's incidents, oldest first."""
    found = api.get(ROWS, startTs=0, testCaseFQN=CASE, limit=100)["data"]
    return [row["testCaseResolutionStatusType"] for row in reversed(found)]


def test_31_an_incident_begins_as_new(bot: Api, incident: str) -> None:
    (row,) = bot.get(f"{ROWS}/stateId/{incident}")["data"]
    assert (row["testCaseResolutionStatusType"], row["stateId"]) == ("New", incident)
    assert row["testCaseReference"]["fullyQualifiedName"] == CASE
    task = bot.get(f"tasks/{incident}")
    assert (task["workflowStageId"], task["status"]) == ("new", "Open")
    assert [one["id"] for one in task["availableTransitions"]] == ["ack", "assign", "resolve"]


def test_31_rows_drive_the_task(bot: Api, human: Api, incident: str) -> None:
    report(bot, "Ack")
    assert bot.get(f"tasks/{incident}")["status"] == "InProgress"
    admin = human.named("users", "admin")
    report(bot, "Assigned", details={"assignee": ref(admin, "user")})
    task = bot.get(f"tasks/{incident}")
    assert task["workflowStageId"] == "assigned" and task["assignees"][0]["name"] == "admin"
    report(bot, "Resolved", 400)
    row = report(bot, "Resolved", details=RESOLVED)
    assert row["stateId"] == incident and "timeToResolution" in [metric["name"] for metric in row["metrics"]]
    assert bot.get(f"tasks/{incident}")["status"] == "Completed"
    assert states(bot) == ["New", "Ack", "Assigned", "Resolved"]


def test_31_new_while_open_and_a_second_end_change_nothing(bot: Api, incident: str) -> None:
    report(bot, "New")
    assert states(bot) == ["New"]
    report(bot, "Resolved", details=RESOLVED)
    report(bot, "Resolved", details=RESOLVED)
    assert states(bot) == ["New", "Resolved"]


def test_31_an_ended_incident_is_opened_again_and_a_new_failure_begins_another(bot: Api, incident: str) -> None:
    report(bot, "Resolved", details=RESOLVED)
    assert report(bot, "Ack")["stateId"] == incident
    assert bot.get(f"tasks/{incident}")["status"] == "InProgress"
    report(bot, "Resolved", details=RESOLVED)
    assert bot.result(CASE, 2000, "Failed")["incidentId"] != incident


def test_32_with_owners_an_incident_is_assigned_at_once(bot: Api) -> None:
    team = bot.put("teams", name="crew", teamType="Group")
    bot.table(owners=[ref(team, "team")])
    bot.case()
    incident = bot.result(CASE, 1000, "Failed")["incidentId"]
    task = bot.get(f"tasks/{incident}", fields="assignees,about,payload")
    assert (task["workflowStageId"], task["status"]) == ("assigned", "InProgress")
    assert [one["name"] for one in task["assignees"]] == ["crew"]
    assert states(bot) == ["Assigned"]


def test_a_task_is_resolved_in_the_way_of_2_0(bot: Api, incident: str) -> None:
    bot.call("POST", f"tasks/{incident}/resolve", 400, {})
    bot.call("POST", f"tasks/{incident}/resolve", 400, {"transitionId": "reassign"})
    bot.call("POST", f"tasks/{incident}/resolve", 200, {"transitionId": "ack"})
    payload = {"testCaseFailureReason": "Sunspots", "resolution": "Waited."}
    body = {"transitionId": "resolve", "resolutionType": "Completed", "comment": "Waited.", "payload": payload}
    assert bot.call("POST", f"tasks/{incident}/resolve", 200, body)["status"] == "Completed"
    row = bot.get(f"{ROWS}/stateId/{incident}")["data"][0]
    assert row["testCaseResolutionStatusDetails"]["testCaseFailureReason"] == "Other"
    bot.call("POST", f"tasks/{incident}/resolve", 400, body)


def test_a_task_is_commented_and_closed(bot: Api, incident: str) -> None:
    bot.call("POST", f"tasks/{incident}/comments", 200, {"message": "Looking."})
    assert bot.get(f"tasks/{incident}")["comments"][0]["message"] == "Looking."
    assert bot.call("POST", f"tasks/{incident}/close", 200)["status"] == "Completed"


def test_many_states_at_once(bot: Api, incident: str) -> None:
    body = {"testCaseReference": CASE, "testCaseResolutionStatusType": "New"}
    done = bot.call("PUT", f"{ROWS}/bulk", 200, [body, {**body, "testCaseResolutionStatusType": "Ack"}])
    assert (done["numberOfRowsPassed"], done["numberOfRowsFailed"]) == (1, 1)


def test_only_the_severity_of_a_row_can_be_patched(bot: Api, incident: str) -> None:
    (row,) = bot.get(f"{ROWS}/stateId/{incident}")["data"]
    path = f"{ROWS}/{row['id']}"
    severe = {"op": "add", "path": "/severity", "value": "Severity1"}
    assert bot.patch(path, severe)["severity"] == "Severity1"
    bot.patch(path, {"op": "replace", "path": "/testCaseResolutionStatusType", "value": "Ack"}, status=400)
    assert report(bot, "Ack")["severity"] == "Severity1"


def test_lists_of_incidents_are_filtered(bot: Api, incident: str) -> None:
    report(bot, "Ack")
    assert [row["testCaseResolutionStatusType"] for row in bot.get(ROWS, startTs=0, latest="true")["data"]] == ["Ack"]
    assert len(bot.get(ROWS, startTs=0, originEntityFQN=f"{SCHEMA}.orders")["data"]) == 2
    assert bot.get(ROWS, startTs=0, originEntityFQN=f"{SCHEMA}.other")["data"] == []
    assert len(bot.get(ROWS, startTs=0, testCaseResolutionStatusType="New")["data"]) == 1
    bot.get(ROWS, 400)
