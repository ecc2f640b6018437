"""Test cases and their results."""

from typing import Any

import pytest

from tests.openmetadata.server import Server
from tests.unit.openmetadata.api import SCHEMA, Api

CASE = f"{SCHEMA}.orders.id.filled"
RESULTS = f"dataQuality/testCases/testCaseResults/{CASE}"
LINK = f"<#E::table::{SCHEMA}.orders>"


@pytest.fixture
def case(bot: Api) -> dict[str, Any]:
    """A case of a column."""
    bot.table()
    made: dict[str, Any] = bot.case()
    return made


def test_26_the_first_case_of_a_table_makes_its_suite(bot: Api, case: dict[str, Any]) -> None:
    assert case["fullyQualifiedName"] == CASE
    suite = bot.named("dataQuality/testSuites", f"{SCHEMA}.orders.testSuite", fields="tests")
    assert suite["basic"] is True and [test["name"] for test in suite["tests"]] == ["filled"]
    assert bot.named("tables", f"{SCHEMA}.orders", fields="testSuite")["testSuite"]["id"] == suite["id"]
    assert bot.case("empty", None, testDefinition="tableRowCountToBeBetween")["testSuite"]["id"] == suite["id"]
    again = bot.put("dataQuality/testSuites/executable", name="x", basicEntityReference=f"{SCHEMA}.orders")
    assert again["id"] == suite["id"]
    bot.refused("dataQuality/testSuites/basic", name="x")


def test_cases_are_in_logical_suites_as_well(bot: Api, case: dict[str, Any]) -> None:
    suite = bot.put("dataQuality/testSuites", name="gate")
    bot.put("dataQuality/testCases/logicalTestCases", testSuiteId=suite["id"], testCaseIds=[case["id"]])
    listed = bot.get("dataQuality/testCases", testSuiteId=suite["id"], fields="testSuites,testSuite")["data"]
    assert [one["name"] for one in listed] == ["filled"] and len(listed[0]["testSuites"]) == 2


@pytest.mark.parametrize(
    "link",
    [
        "<#E::table>", f"#E::table::{SCHEMA}.orders", f"<#E::table::{SCHEMA}.orders::rows::id>",
        LINK, f"<#E::table::{SCHEMA}.orders::columns::ID>",
    ],
)  # fmt: skip
def test_19_a_link_that_leads_nowhere_is_refused(bot: Api, case: dict[str, Any], link: str) -> None:
    body = {"name": "x", "testDefinition": "columnValuesToBeNotNull", "entityLink": link}
    bot.refused("dataQuality/testCases", **body)


def test_20_parameters_are_those_of_the_definition(bot: Api, case: dict[str, Any]) -> None:
    def refused(definition: str, **values: str) -> None:
        parameters = [{"name": name, "value": value} for name, value in values.items()]
        body = {"name": "x", "testDefinition": definition, "entityLink": LINK, "parameterValues": parameters}
        bot.refused("dataQuality/testCases", **body)

    refused("tableRowCountToEqual")
    refused("tableRowCountToEqual", value="1", colour="red")
    refused("tableRowCountToBeBetween", minValue="9", maxValue="1")
    for platform in ("Other", "GreatExpectations"):
        bot.put("dataQuality/testDefinitions", name="bare", entityType="TABLE", testPlatforms=[platform])
        refused("bare", anything="1")
    declared = [{"name": "least", "dataType": "INT", "required": True}]
    bot.put("dataQuality/testDefinitions", name="gx", entityType="TABLE", testPlatforms=["GreatExpectations"],
            parameterDefinition=declared)  # fmt: skip
    bot.case("loose", None, testDefinition="gx", parameterValues=[{"name": "colour", "value": "red"}])


def test_a_disabled_definition_takes_no_new_case(bot: Api, human: Api, case: dict[str, Any]) -> None:
    path = "dataQuality/testDefinitions/name/columnValuesToBeNotNull"
    human.patch(path, {"op": "replace", "path": "/enabled", "value": False})
    bot.case()
    bot.refused("dataQuality/testCases", name="x", testDefinition="columnValuesToBeNotNull",
                entityLink=f"<#E::table::{SCHEMA}.orders::columns::id>")  # fmt: skip


def test_6_a_second_result_of_a_time_is_refused(bot: Api, case: dict[str, Any]) -> None:
    first = bot.result(CASE, 1000, "Success")
    assert first["testCaseFQN"] == CASE and first["testCase"]["fullyQualifiedName"] == CASE
    assert bot.result(CASE, 1000, "Failed", 409)["message"] == "Entity already exists"
    bot.result(CASE, 2000, "Aborted")
    assert [row["timestamp"] for row in bot.get(RESULTS)["data"]] == [2000, 1000]
    assert [row["timestamp"] for row in bot.get(RESULTS, startTs=1, endTs=1500)["data"]] == [1000]
    bot.call("DELETE", f"{RESULTS}/1000", 200)
    bot.result(CASE, 1000, "Success")
    bot.result("duck.db.main.nothing", 1, "Success", 404)


def test_5_and_15_a_result_has_known_members_and_a_known_status(bot: Api, case: dict[str, Any]) -> None:
    bot.result(CASE, 1000, "Passed", 400)
    bot.call("POST", RESULTS, 400, {"timestamp": 1, "testCaseStatus": "Success", "colour": "red"})


def test_7_a_failure_opens_an_incident_and_others_belong_to_it(bot: Api, case: dict[str, Any]) -> None:
    assert "incidentId" not in bot.result(CASE, 1000, "Success")
    opened = bot.result(CASE, 2000, "Failed")["incidentId"]
    (task,) = bot.get("tasks", category="Incident")["data"]
    assert (task["id"], task["status"], task["about"]["fullyQualifiedName"]) == (opened, "Open", CASE)
    assert bot.result(CASE, 3000, "Failed")["incidentId"] == opened
    seen = bot.named("dataQuality/testCases", CASE, fields="incidentId,testCaseResult")
    assert seen["incidentId"] == opened and seen["testCaseResult"]["timestamp"] == 3000
    for at, outcome in ((4000, "Success"), (5000, "Aborted")):
        assert "incidentId" not in bot.result(CASE, at, outcome)
    assert "incidentId" not in bot.named("dataQuality/testCases", CASE, fields="incidentId")
    assert bot.get("tasks", category="Incident")["data"][0]["status"] == "Open"


def test_7_a_failure_older_than_the_newest_result_is_history(server: Server, bot: Api, case: dict[str, Any]) -> None:
    bot.result(CASE, 2000, "Success")
    assert "incidentId" not in bot.result(CASE, 1000, "Failed")
    server.state.setting.retro_results_are_history = False
    assert "incidentId" in bot.result(CASE, 1500, "Failed")


def test_33_a_success_ends_an_incident_only_if_the_case_says_so(bot: Api, case: dict[str, Any]) -> None:
    assert case["autoCloseIncident"] is False
    bot.refused("dataQuality/testCases", name="x", testDefinition="tableRowCountToBeBetween", entityLink=LINK,
                autoCloseIncident=True)  # fmt: skip
    bot.result(CASE, 1000, "Failed")
    bot.result(CASE, 2000, "Success")
    assert bot.get("tasks")["data"][0]["status"] == "Open"
    path = f"dataQuality/testCases/{case['id']}"
    bot.patch(path, {"op": "add", "path": "/autoCloseIncident", "value": True})
    bot.case()
    bot.result(CASE, 3000, "Success")
    assert bot.get("tasks")["data"][0]["status"] == "Completed"


def test_failed_rows_are_kept_while_the_case_fails(bot: Api, case: dict[str, Any]) -> None:
    path = f"dataQuality/testCases/{case['id']}/failedRowsSample"
    rows = {"columns": ["id"], "rows": [["1"], ["2"]]}
    bot.refused(path, **rows)
    bot.result(CASE, 1000, "Failed")
    bot.refused(path, columns=["colour"], rows=[["1"]])
    bot.refused(path, columns=["id"], rows=[["1", "2"]])
    bot.put(f"{path}?validate=false", columns=["colour"], rows=[["1"]])
    bot.put(path, **rows)
    assert bot.get(path) == rows
    bot.result(CASE, 2000, "Success")
    bot.get(path, 404)


def test_a_query_that_finds_the_rows_is_sent_as_text(bot: Api, case: dict[str, Any]) -> None:
    answer = bot.http.put(f"dataQuality/testCases/{case['id']}/inspectionQuery", content=b"select 'a'")
    assert answer.json()["inspectionQuery"] == "select 'a'"


def test_a_case_has_owners_and_labels_of_its_table(bot: Api) -> None:
    team = bot.put("teams", name="crew", teamType="Group")
    label = {"tagFQN": "Tier.Tier1", "source": "Classification", "labelType": "Manual", "state": "Confirmed"}
    bot.table(owners=[{"id": team["id"], "type": "team"}], tags=[label])
    bot.case()
    seen = bot.named("dataQuality/testCases", CASE, fields="owners,tags")
    assert [(owner["name"], owner["inherited"]) for owner in seen["owners"]] == [("crew", True)]
    assert seen["tags"][0]["tagFQN"] == "Tier.Tier1"
    patched = {"op": "add", "path": "/description", "value": "x"}
    bot.patch(f"dataQuality/testCases/{seen['id']}", patched)
    assert bot.named("dataQuality/testCases", CASE, fields="owners")["owners"][0]["inherited"] is True
