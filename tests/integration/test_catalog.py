"""The catalog after a real batch: what the server's own client reads in it, and `hallmark reconcile`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from blocks.settings import Settings
from governance.model import Event, LineageEdge
from governance.openmetadata.concerns import CONCERNS, DATASET, LINEAGE
from governance.openmetadata.edges import SQL_LIMIT
from tests.homes import Home
from tests.integration.catalog_support import Pushed
from tests.openmetadata.server import Server
from tests.unit.openmetadata.api import Api


@pytest.fixture(scope="module")
def pushed(first: Home, new_home: Callable[[Home], Home], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushed]:
    home = new_home(first)
    told = [{k: e[k] for k in ("id", "type", "subject", "time", "data")} for e in home.events()]
    with Server() as server:
        one = Pushed(home, server, [Event(**e) for e in told], tmp_path_factory.mktemp("outbox"))
        assert one.deliver("first.db") == {
            "delivered": len(one.of(*CONCERNS)), "waiting": 0, "buried": 0
        }  # fmt: skip
        yield one


@pytest.fixture(scope="module")
def sdk(pushed: Pushed) -> Any:
    """The server's own client, which imports for 11 s."""
    from metadata.generated.schema.entity.services.connections.metadata.openMetadataConnection import (
        OpenMetadataConnection,
    )
    from metadata.generated.schema.security.client.openMetadataJWTClientConfig import OpenMetadataJWTClientConfig
    from metadata.ingestion.ometa.ometa_api import OpenMetadata

    token = OpenMetadataJWTClientConfig(jwtToken=pushed.server.token)
    return OpenMetadata(
        OpenMetadataConnection(hostPort=pushed.server.url, authProvider="openmetadata", securityConfig=token)
    )


def read(sdk: Any, pushed: Pushed, dataset: str, *fields: str) -> Any:
    """The entity of a dataset, by the SDK."""
    from metadata.generated.schema.entity.data.container import Container
    from metadata.generated.schema.entity.data.dashboard import Dashboard
    from metadata.generated.schema.entity.data.table import Table

    place = pushed.places.of(dataset)
    type_ = {"table": Table, "container": Container, "dashboard": Dashboard}[place.kind]
    found = sdk.get_by_name(entity=type_, fqn=place.fqn, fields=list(fields) or None)
    assert found, f"{place.fqn} is not there"
    return found


def labels(of: Any) -> set[str]:
    return {t.tagFQN.root for t in of.tags or ()}


def test_every_dataset_is_there_with_owner_tier_domain_and_personal_columns(sdk: Any, pushed: Pushed) -> None:
    events = pushed.of(DATASET)
    assert len(events) > 40 and {e.subject.partition(".")[0] for e in events} == {
        "bronze",
        "silver",
        "gold",
        "exposure",
    }
    tiers, personal, domains = 0, 0, 0
    for event in events:
        found = read(sdk, pushed, event.subject, "owners", "tags", "domains")
        data = event.data
        assert [o.name for o in found.owners.root] == [data["owner"]], event.subject
        if data.get("description"):
            assert found.description.root == data["description"]
        if data.get("tier"):
            tiers += f"Tier.{data['tier'].capitalize()}" in labels(found)
        if data.get("domain"):
            domains += [d.name for d in found.domains.root] == [data["domain"]]
        if event.subject.startswith("exposure."):
            continue
        assert [c.name.root for c in found.columns] == [c["name"] for c in data["columns"]], event.subject
        assert all(c.dataType.value != "UNKNOWN" for c in found.columns), event.subject
        for column, declared in zip(found.columns, data["columns"], strict=True):
            assert ("PII.Sensitive" in labels(column)) is bool(declared.get("pii")), (event.subject, declared)
            personal += bool(declared.get("pii"))
    assert tiers == sum(bool(e.data.get("tier")) for e in events) > 0 < personal
    assert domains == sum(bool(e.data.get("domain")) for e in events) > 0


def test_every_direct_column_edge_is_there_and_no_other(sdk: Any, pushed: Pushed) -> None:
    from metadata.generated.schema.entity.data.table import Table

    wanted: set[tuple[str, str]] = set()
    found: set[tuple[str, str]] = set()
    events = [e for e in pushed.of(LINEAGE) if not e.subject.startswith("exposure.")]
    for event in events:
        target = pushed.places.of(event.subject).fqn
        edges = [LineageEdge.model_validate(e) for e in event.data["edges"]]
        # A seed is no dataset of ours; the event names those that are.
        inputs = event.data.get("inputs") or ([event.data["origin"]["name"]] if "origin" in event.data else [])
        wanted |= {(e.source, e.target) for e in edges if e.kind == "direct" and e.source.rpartition(".")[0] in inputs}
        lineage = sdk.get_lineage_by_name(entity=Table, fqn=target, up_depth=1, down_depth=0)
        assert len(lineage["upstreamEdges"]) == len(inputs), event.subject
        for edge in lineage["upstreamEdges"]:
            details = edge["lineageDetails"]
            assert details["pipeline"]["name"] == event.data["pipeline"]
            assert details.get("sqlQuery", "") == event.data["sql"][:SQL_LIMIT]
            for columns in details["columnsLineage"]:
                made = f"{event.subject}.{columns['toColumn'].removeprefix(f'{target}.')}".lower()
                found |= {(source.lower(), made) for source in columns["fromColumns"]}
    assert found == {(fqn_of(pushed, s).lower(), t) for s, t in wanted}
    assert len(found) > 500


def fqn_of(pushed: Pushed, column: str) -> str:
    """A source column as the catalog names it; none of the sample's has a dot in its name."""
    dataset, _, name = column.rpartition(".")
    return f"{pushed.places.of(dataset).fqn}.{name}"


def test_dashboards_stand_at_the_end(sdk: Any, pushed: Pushed) -> None:
    from metadata.generated.schema.entity.data.dashboard import Dashboard

    for event in (e for e in pushed.of(LINEAGE) if e.subject.startswith("exposure.")):
        place = pushed.places.of(event.subject)
        lineage = sdk.get_lineage_by_name(entity=Dashboard, fqn=place.fqn, up_depth=1, down_depth=0)
        names = {n["id"]: n["fullyQualifiedName"] for n in lineage["nodes"]}
        found = {names[e["fromEntity"]] for e in lineage["upstreamEdges"]}
        assert found == {pushed.places.of(d).fqn for d in event.data["inputs"]}


def test_every_check_is_a_case_with_its_result(sdk: Any, pushed: Pushed) -> None:
    from metadata.generated.schema.tests.testCase import TestCase

    fields = ["testDefinition", "testSuite", "testCaseResult"]
    cases = {c.name.root: c for c in sdk.list_all_entities(entity=TestCase, fields=fields)}
    told = {c["check_id"]: c for e in pushed.of("hallmark.gate.passed.v1", "hallmark.gate.failed.v1")
            for c in e.data["checks"]}  # fmt: skip
    assert set(cases) == set(told) and len(told) > 300
    for name, check in told.items():
        result = cases[name].testCaseResult
        assert result.testCaseStatus.value == ("Success" if check["success"] else "Failed"), name
        assert result.result and cases[name].entityFQN.startswith(pushed.places.of(check["dataset"]).fqn)
    failed = [c for c in told.values() if not c["success"] and c.get("query")]
    assert failed, "the sample has checks that fail"
    api = Api(pushed.server, pushed.server.admin_token)
    for check in failed:
        id_ = cases[check["check_id"]].id.root
        shown = api.get(f"dataQuality/testCases/{id_}", fields="inspectionQuery,failedRowsSample")
        assert shown["inspectionQuery"] == check["query"]
        if check.get("sample"):
            assert shown["failedRowsSample"]["columns"] == check["sample"]["columns"]


def test_nothing_of_an_audit_schema_is_told(pushed: Pushed) -> None:
    entities = pushed.server.snapshot()["entities"]
    names = {n for of in entities.values() for n in of}
    assert not [n for n in names if "__audit" in n or "__build" in n]
    assert {n.split(".")[2] for n in entities["tables"] if n.startswith("hallmark_warehouse.")} == {
        "bronze", "silver", "gold",
    }  # fmt: skip


def test_every_run_is_a_status_of_its_pipeline(sdk: Any, pushed: Pushed) -> None:
    from metadata.generated.schema.entity.data.pipeline import Pipeline

    fields = ["tasks", "pipelineStatus", "scheduleInterval"]
    pipelines = {p.name.root: p for p in sdk.list_all_entities(entity=Pipeline, fields=fields)}
    ended = pushed.of("hallmark.run.completed.v1", "hallmark.run.failed.v1")
    assert set(pipelines) >= {e.subject for e in ended} >= {"batch", "transform"}
    for event in ended:
        status = pipelines[event.subject].pipelineStatus
        assert status.executionStatus.value in ("Successful", "Failed") and status.endTime
        assert {t.name for t in status.taskStatus} <= {t.name for t in pipelines[event.subject].tasks}
    assert {t.name for t in pipelines["batch"].tasks} >= {"transform-silver", "transform-gold"}
    assert {n for n, p in pipelines.items() if p.scheduleInterval} == {"batch"}
    assert pipelines["batch"].scheduleInterval == "0 */6 * * *"
    assert all(pipelines[e.subject].description for e in ended)


def test_all_of_it_again_adds_nothing(pushed: Pushed) -> None:
    before = pushed.server.snapshot(times=True)
    seen = len(pushed.server.writes)
    assert pushed.deliver("second.db")["delivered"] == len(pushed.of(*CONCERNS))
    assert pushed.server.snapshot(times=True) == before
    of_a_time = ("testCaseResults", "failedRowsSample", "inspectionQuery", "tableProfile", "/status", "/results")
    other = [c.path for c in pushed.server.writes[seen:] if not any(part in c.path for part in of_a_time)]
    assert other == []


def reconciled(pushed: Pushed, **more: str) -> dict[str, Any]:
    done = pushed.home.hallmark("reconcile", "--json", **{**pushed.variables, **more})
    assert done.code == 0, done.err
    return dict(done.json)


def test_reconcile_finds_what_is_missing_and_mends_it(pushed: Pushed) -> None:
    nothing = {"created": 0, "updated": 0, "deleted": 0, "missing_edges": [], "unknown_owners": [], "overridden": []}
    person = Api(pushed.server, pushed.server.admin_token)
    found = reconciled(pushed)
    assert (found["deleted"], found["missing_edges"]) == (0, [])
    assert reconciled(pushed).items() >= nothing.items()

    gold, silver = "hallmark_warehouse.warehouse.gold", "hallmark_warehouse.warehouse.silver"
    person.call("DELETE", f"tables/name/{gold}.dim_customer?recursive=true&hardDelete=false", 200)
    nodes = person.get(f"lineage/table/name/{gold}.fct_invoice", upstreamDepth=1, downstreamDepth=0)["nodes"]
    source = next(n for n in nodes if n["fullyQualifiedName"] not in (f"{gold}.dim_customer", f"{gold}.fct_invoice"))
    person.call("DELETE", f"lineage/table/name/{source['fullyQualifiedName']}/table/name/{gold}.fct_invoice", 200)
    columns = [{"name": "a", "dataType": "INT"}]
    old = person.put("tables", name="slv_gone", databaseSchema=silver, columns=columns)
    team = person.named("tables", f"{gold}.dim_team")
    person.patch(f"tables/{team['id']}", {"op": "add", "path": "/description", "value": "By hand."},
                 {"op": "remove", "path": "/owners/0"})  # fmt: skip
    end = {"fromEntity": {"id": team["id"], "type": "table"}}
    to = {"toEntity": {"id": person.named("tables", f"{gold}.dim_date")["id"], "type": "table"}}
    person.put("lineage", edge={**end, **to, "lineageDetails": {"source": "Manual", "description": "Drawn."}})

    done = pushed.home.hallmark("reconcile", **pushed.variables)
    assert done.code == 0 and "catalog: 1 created, 2 updated, 1 deleted" in done.out
    assert "values of people that gave way" in done.out and "admin" in done.out
    person.get(f"tables/{old['id']}", 404)
    assert person.named("tables", f"{gold}.dim_customer")
    assert person.named("tables", f"{gold}.dim_team", fields="owners")["owners"]
    assert person.named("tables", f"{gold}.dim_team")["description"] == "By hand."
    drawn = person.get(f"lineage/table/name/{gold}.dim_date", upstreamDepth=1, downstreamDepth=0)["upstreamEdges"]
    assert "Drawn." in {e["lineageDetails"].get("description") for e in drawn}
    again = reconciled(pushed)
    assert (again["created"], again["updated"], again["deleted"]) == (0, 0, 0) and again["kept"] >= 1
    assert [(o["field"], o["editor"]) for o in again["overridden"]] == [("owners", "admin")]


@pytest.mark.parametrize(
    ("variables", "code", "remedy"),
    [
        ({"HALLMARK_OPENMETADATA_URL": ""}, 2, "set HALLMARK_OPENMETADATA_URL"),
        ({"HALLMARK_OPENMETADATA_URL": "http://127.0.0.1:9/api"}, 4, "correct HALLMARK_OPENMETADATA_URL"),
        ({"HALLMARK_OPENMETADATA_TOKEN": "wrong"}, 4, "HALLMARK_OPENMETADATA_TOKEN_FILE"),
        ({"HALLMARK_OPENMETADATA_TOKEN_FILE": "/nowhere/token"}, 4, "HALLMARK_OPENMETADATA_TOKEN"),
    ],
)
def test_what_stops_reconcile_names_its_remedy(
    pushed: Pushed, variables: dict[str, str], code: int, remedy: str
) -> None:
    done = pushed.home.hallmark("reconcile", "--json", **{**pushed.variables, **variables})
    assert done.code == code and remedy in done.json["error"]["remedy"]
    assert pushed.server.token not in done.out + done.err


def test_a_run_that_was_killed_ends_as_failed_in_the_catalog(pushed: Pushed) -> None:
    from blocks.warehouses import open_warehouse
    from flows import pipelines

    [started] = pushed.of("hallmark.run.started.v1")
    with pushed.home.environment(), open_warehouse(Settings.load()) as warehouse:
        at = Settings.load().clock()
        events = pipelines.abandoned(warehouse, [started.data["run_id"]], at)
    [killed] = events
    with Server() as server:
        alone = replace(pushed, server=server, events=[started, killed])
        assert alone.deliver("killed.db")["delivered"] == 2
        [status] = Api(server, server.token).get("pipelines/hallmark_prefect.batch/status")["data"]
    assert (status["executionStatus"], status["error"]["errorMessage"]) == ("Failed", "its process ended")
    assert {t["executionStatus"] for t in status["taskStatus"]} == {"Failed"}
