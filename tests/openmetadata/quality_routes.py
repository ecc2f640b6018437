"""Test cases beyond what all entities have: suites, results, failed rows, queries."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tests.openmetadata import entities, incidents, models
from tests.openmetadata.entities import patched
from tests.openmetadata.errors import ApiError, bad, not_found
from tests.openmetadata.http_calls import answer, body_of, flag, segment, state_of, whole, writer_of
from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.parts import parts_of
from tests.openmetadata.pipelines import between
from tests.openmetadata.state import Doc, Record, State, new_id
from tests.openmetadata.views import expanded, shown, written

cases = APIRouter(prefix="/dataQuality/testCases")
suites = APIRouter(prefix="/dataQuality/testSuites")
RESULTS = "/testCaseResults"


@cases.post(f"{RESULTS}/{{fqn}}", response_model=None)
async def add_result(request: Request) -> Response:
    """Keeps a result; 409 if there is one of its time."""
    body = await body_of(request, "api.tests.createTestCaseResult:CreateTestCaseResult")
    state, user = state_of(request), writer_of(request).user
    case = state.named("testCase", segment(request, "fqn"))
    rows = state.series["result", case.id]
    if body["timestamp"] in rows:
        raise ApiError(409, "Entity already exists")
    row = {key: value for key, value in body.items() if value is not None and key not in ("incidentId", "fqn")}
    row |= {"id": new_id(), "testCaseFQN": case.fqn}
    newest = max(rows, default=0) < row["timestamp"]
    if newest or not state.setting.retro_results_are_history:
        act_on(state, case, row, user)
    rows[row["timestamp"]] = row
    state.search.put("result", row["id"], row, state.setting.search_delay)
    return answer(shown_result(state, case, row), 201)


def act_on(state: State, case: Record, row: Doc, user: str) -> None:
    """What a result does to the incident and the failed rows of its case."""
    if row["testCaseStatus"] == "Failed":
        row["incidentId"] = incidents.on_failure(state, case, user)
    case.doc = {key: value for key, value in case.doc.items() if key != "incidentId"}
    if "incidentId" in row:
        case.doc["incidentId"] = row["incidentId"]
    if row["testCaseStatus"] == "Success":
        state.extras.pop(("failedRowsSample", case.id), None)
        task = incidents.open_task(state, case)
        if task and case.doc.get("autoCloseIncident"):
            incidents.resolve(state, task, user, "Other", "Closed by a successful result")


def shown_result(state: State, case: Record, row: Doc) -> Doc:
    """A result as it is read."""
    about = {"testCase": expanded(state, case.ref), "testDefinition": expanded(state, case.doc["testDefinition"])}
    return {**row, **about}


@cases.get(f"{RESULTS}/search/list", response_model=None)
@cases.get(f"{RESULTS}/search/latest", response_model=None)
async def search_results(request: Request) -> Response:
    """Results that search knows of, newest first."""
    state, wanted = state_of(request), request.query_params.get("testCaseFQN")
    start, end = whole(request, "startTimestamp", 0), whole(request, "endTimestamp", 1 << 62)
    known = state.search.read("result").values()
    found = [row for row in known if wanted in (None, row["testCaseFQN"]) and start <= row["timestamp"] <= end]
    found.sort(key=lambda row: -row["timestamp"])
    if request.url.path.endswith("/latest"):
        return answer(found[0] if found else {})
    return answer({"data": found[: whole(request, "limit", 10)], "paging": {"total": len(found)}})


@cases.get(f"{RESULTS}/{{fqn}}", response_model=None)
async def list_results(request: Request) -> Response:
    """Results of a case, newest first."""
    state, case = state_of(request), case_named(request)
    rows = between(state, "result", case, whole(request, "startTs", 0), whole(request, "endTs", 1 << 62))
    return answer({"data": [shown_result(state, case, row) for row in rows], "paging": {"total": len(rows)}})


@cases.patch(f"{RESULTS}/{{fqn}}/{{timestamp}}", response_model=None)
async def patch_result(request: Request) -> Response:
    """Changes a result."""
    state, case, row = state_of(request), case_named(request), result_of(request)
    new = patched(row, await body_of(request))
    models.check("tests.basic:TestCaseResult", new)
    state.series["result", case.id][row["timestamp"]] = {**new, "timestamp": row["timestamp"], "id": row["id"]}
    return answer(new)


@cases.delete(f"{RESULTS}/{{fqn}}/{{timestamp}}", response_model=None)
async def delete_result(request: Request) -> Response:
    """Drops a result."""
    state, case, row = state_of(request), case_named(request), result_of(request)
    del state.series["result", case.id][row["timestamp"]]
    state.search.put("result", row["id"], None, state.setting.search_delay)
    return answer(row)


@cases.put("/{id}/failedRowsSample", response_model=None)
async def put_failed_rows(request: Request) -> Response:
    """Keeps rows that failed, while the newest result is a failure."""
    body = await body_of(request, "entity.data.table:TableData")
    state, case = state_of(request), state_of(request).by_id("testCase", segment(request, "id"))
    rows = state.series.get(("result", case.id))
    if not rows or rows[max(rows)]["testCaseStatus"] != "Failed":
        raise bad("Failed rows can only be added to a failed test case")
    if flag(request, "validate", True):
        check_rows(state, state.records[str(case.parent)], body)
    state.extras["failedRowsSample", case.id] = body
    return answer(shown(state, case, frozenset({"failedRowsSample"})))


@cases.get("/{id}/failedRowsSample", response_model=None)
async def get_failed_rows(request: Request) -> Response:
    """The rows that failed."""
    state, case = state_of(request), state_of(request).by_id("testCase", segment(request, "id"))
    if ("failedRowsSample", case.id) not in state.extras:
        raise not_found("failedRowsSample", case.fqn)
    return answer(state.extras["failedRowsSample", case.id])


@cases.put("/{id}/inspectionQuery", response_model=None)
async def put_query(request: Request) -> Response:
    """Keeps the query that finds the failed rows; the body is its text."""
    state, case = state_of(request), state_of(request).by_id("testCase", segment(request, "id"))
    state.extras["inspectionQuery", case.id] = (await request.body()).decode()
    return answer(shown(state, case, frozenset({"inspectionQuery"})))


@cases.post("/createMany", response_model=None)
async def create_many(request: Request) -> Response:
    """Creates cases."""
    bodies = await body_of(request, "[api.tests.createTestCase:CreateTestCaseRequest]")
    state, kind = state_of(request), BY_TYPE["testCase"]
    return answer([written(state, entities.post(state, kind, body, writer_of(request))) for body in bodies])


@cases.put("/logicalTestCases", response_model=None)
async def add_to_suite(request: Request) -> Response:
    """Adds cases to a logical suite."""
    body = await body_of(request, "api.tests.createLogicalTestCases:CreateLogicalTestCases")
    state = state_of(request)
    suite = state.by_id("testSuite", body["testSuiteId"])
    if suite.doc["basic"]:
        raise bad("You are trying to add test cases to a basic test suite")
    for case in [state.by_id("testCase", one) for one in body["testCaseIds"]]:
        refs = state.extras.setdefault(("suites", case.id), [])
        if suite.ref not in refs:
            refs.append(suite.ref)
    return answer(written(state, suite))


@suites.put("/basic", response_model=None)
@suites.put("/executable", response_model=None)
async def put_basic(request: Request) -> Response:
    """Creates or updates the suite of a table."""
    body = await body_of(request, "api.tests.createTestSuite:CreateTestSuiteRequest")
    if not body.get("basicEntityReference") and not body.get("executableEntityReference"):
        raise bad("Cannot create a basic test suite without a basicEntityReference")
    state = state_of(request)
    record, new = entities.put(state, BY_TYPE["testSuite"], body, writer_of(request))
    return answer(written(state, record), 201 if new else 200)


def case_named(request: Request) -> Record:
    """The case of the path."""
    return state_of(request).named("testCase", segment(request, "fqn"))


def result_of(request: Request) -> Doc:
    """The result of the path."""
    at = segment(request, "timestamp")
    rows = state_of(request).series.get(("result", case_named(request).id), {})
    if not at.isdigit() or int(at) not in rows:
        raise not_found("testCaseResult", at)
    return rows[int(at)]


def check_rows(state: State, table: Record, data: Doc) -> None:
    """Rows have the columns of the table, and a value for each."""
    names = {part["name"] for part in parts_of(BY_TYPE[table.type], table.doc)}
    for name in data.get("columns") or []:
        if name not in names:
            raise bad(f"Invalid column name {name}")
    if any(len(row) != len(data.get("columns") or []) for row in data.get("rows") or []):
        raise bad(f"Number of columns is {len(data.get('columns') or [])} but a row has another number of values")
