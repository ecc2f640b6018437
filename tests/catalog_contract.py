"""What we push into an OpenMetadata is there afterwards: one contract for the stand-in and for a real server.

Who takes these tests has a fixture `openmetadata`: (url, token) of a server. What they make stands in services of one
name, which are taken away at the end; definitions of test cases stay, they are the same for all.

It is read back by plain requests, not by the client that pushed it. Some of what a server answers comes from its
search, which follows the writes: such answers are waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from governance.contracts import ContractColumn, ContractResult, DataContract, Part, Terms
from governance.events import Teller
from governance.model import CheckResult, Column, Dataset, Event, LineageEdge, Run, TaskRun
from governance.openmetadata.names import fqn, in_path
from governance.openmetadata.places import Places
from governance.transports.openmetadata import OpenMetadataTransport

Json = dict[str, Any]
SECONDS = 30.0
NOW = datetime.now(UTC).replace(microsecond=0)
ID, EMAIL = (
    Column(name="id", type="BIGINT", description="Its number."),
    Column(name="email", type="VARCHAR", pii="email"),
)
ORDERS = Dataset(name="silver.orders", layer="silver", description="What was ordered.", columns=(ID, EMAIL))
TOTALS = Dataset(
    name="gold.totals", layer="gold", description="What each customer ordered.", primary_key=("customer",),
    columns=(Column(name="customer", type="BIGINT"), Column(name="total", type="DECIMAL(18,2)")),
)  # fmt: skip
LANDED = Dataset(name="airbyte:ads.users", layer="source", kind="container", columns=(ID, EMAIL))
USERS = Dataset(name="api:ads.users", layer="source", kind="endpoint", description="Who was reached.",
                columns=(ID, EMAIL))  # fmt: skip
EDGE = LineageEdge(source="silver.orders.id", target="gold.totals.customer", expression="id", kind="direct")
PASSED, FAILED = (
    CheckResult(
        check_id=f"gold.totals.total.{type_}", layer="gold", dataset="gold.totals", column="total", type=type_,
        severity="warning", success=ok, rows=200, failed_rows=0 if ok else 50,
        observed=f"{0 if ok else 50} of 200",
    )
    for type_, ok in (("not_null", True), ("unique", False))
)  # fmt: skip


class There:
    """A server, with what was told it in services of its own."""

    def __init__(self, url: str, token: str) -> None:
        own = f"live_{uuid4().hex}"
        self.places = Places(
            warehouse=own, landing=own, dashboards=own, pipelines=own, source=f"{own}_{{source}}", database="contract"
        )
        self._transport = OpenMetadataTransport.to(url, token, self.places)
        base = url.rstrip("/").removesuffix("/v1").removesuffix("/api")
        self.http = httpx.Client(base_url=f"{base}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        self.tell = Teller(cause=uuid4().hex, clock=lambda: NOW)

    def push(self, *events: Event) -> None:
        """Bring them in: each of them arrives."""
        assert [o.error for o in self._transport.deliver(events) if o.error] == []

    def close(self) -> None:
        """Take everything away."""
        self._transport.close(1.0)
        try:
            own, partner = self.places.warehouse, self.places.source.format(source="ads")
            kinds = dict.fromkeys(("databaseServices", "storageServices", "pipelineServices"), own)
            for kind, name in {**kinds, "apiServices": partner}.items():
                found = self.http.get(f"services/{kind}/name/{name}", params={"include": "all"})
                if found.is_success:
                    options = {"hardDelete": "true", "recursive": "true"}
                    self.http.delete(f"services/{kind}/{found.json()['id']}", params=options).raise_for_status()
        finally:
            self.http.close()

    def get(self, path: str, **params: Any) -> Json:
        """What the server has there."""
        answer = self.http.get(path, params=params)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:500]}"
        return dict(answer.json())

    def table(self, dataset: str, fields: str = "columns,tags") -> Json:
        """A table."""
        return self.get(f"tables/name/{in_path(self.places.of(dataset).fqn)}", fields=fields)

    def soon(self, read: Callable[[], Any]) -> Any:
        """What is read, once there is something."""
        until = time.monotonic() + SECONDS
        while not (found := read()) and time.monotonic() < until:
            time.sleep(0.5)
        return found


@pytest.fixture(scope="module")
def there(openmetadata: tuple[str, str]) -> Iterator[There]:
    """With two datasets."""
    made = There(*openmetadata)
    try:
        made.push(made.tell.dataset(ORDERS), made.tell.dataset(TOTALS))
        yield made
    finally:
        made.close()


def test_a_dataset_has_its_columns_types_keys_and_labels(there: There) -> None:
    orders, totals = there.table("silver.orders"), there.table("gold.totals")
    assert orders["description"] == "What was ordered."
    assert [(c["name"], c["dataType"]) for c in orders["columns"]] == [("id", "BIGINT"), ("email", "STRING")]
    email = orders["columns"][1]
    assert [t["tagFQN"] for t in email["tags"]] == ["PII.Sensitive"]
    total = totals["columns"][1]
    assert (total["dataType"], total["precision"], total["scale"]) == ("DECIMAL", 18, 2)
    assert [c.get("constraint") for c in totals["columns"]] == ["PRIMARY_KEY", None]


def test_a_dataset_that_is_told_again_is_the_same(there: There) -> None:
    before = there.table("gold.totals")
    there.push(Teller(cause="again", clock=lambda: NOW).dataset(TOTALS))
    after = there.table("gold.totals")
    assert (after["id"], after["version"]) == (before["id"], before["version"])


def test_lineage_has_the_columns_the_statement_and_the_pipeline(there: There) -> None:
    sql = "SELECT id AS customer, count(*) AS total FROM silver.orders GROUP BY id"
    there.push(there.tell.lineage("gold.totals", [EDGE], pipeline="transform", sql=sql))
    ends = [there.table(name)["id"] for name in ("silver.orders", "gold.totals")]
    details = there.get(f"lineage/getLineageEdge/{ends[0]}/{ends[1]}")["edge"]
    [pair] = details["columnsLineage"]
    assert pair["fromColumns"] == [f"{there.places.of('silver.orders').fqn}.id"]
    assert pair["toColumn"] == f"{there.places.of('gold.totals').fqn}.customer"
    assert (details["source"], details["sqlQuery"]) == ("PipelineLineage", sql)
    assert details["pipeline"]["fullyQualifiedName"] == fqn(there.places.pipelines, "transform")


def test_what_a_partner_answers_is_an_endpoint_before_what_was_landed_of_it(there: There) -> None:
    edge = LineageEdge(source="airbyte:ads.users.id", target="silver.orders.id", expression="id", kind="direct")
    there.push(
        there.tell.lineage("silver.orders", [edge], pipeline="ingest-ads", origin=LANDED, endpoint=USERS),
    )  # fmt: skip
    name = there.places.of("api:ads.users").fqn
    endpoint = there.get(f"apiEndpoints/name/{in_path(name)}", fields="tags")
    assert endpoint["description"] == "Who was reached." and endpoint["serviceType"] == "Rest"
    fields = endpoint["responseSchema"]["schemaFields"]
    assert [(f["name"], f["dataType"]) for f in fields] == [("id", "LONG"), ("email", "STRING")]
    assert [t["tagFQN"] for t in fields[1]["tags"]] == ["PII.Sensitive"]
    landed = there.places.of("airbyte:ads.users").fqn
    container = there.get(f"containers/name/{in_path(landed)}")
    details = there.get(f"lineage/getLineageEdge/{endpoint['id']}/{container['id']}")["edge"]
    assert details["pipeline"]["fullyQualifiedName"] == fqn(there.places.pipelines, "ingest-ads")
    assert {(c["toColumn"], *c["fromColumns"]) for c in details["columnsLineage"]} == {
        (f"{landed}.{c}", f"{name}.responseSchema.{c}") for c in ("id", "email")
    }


def test_a_check_that_passes_and_one_that_fails_are_results(there: There) -> None:
    there.push(there.tell.gate("gold.totals", [PASSED, FAILED]))
    table = there.places.of("gold.totals").fqn
    told = {}
    for check in (PASSED, FAILED):
        case = in_path(f"{table}.total.{fqn(check.check_id)}")
        at = round(NOW.timestamp() * 1000)
        window = {"startTs": at - 60_000, "endTs": at + 60_000}
        path = f"dataQuality/testCases/testCaseResults/{case}"
        [result] = there.soon(lambda path=path, window=window: there.get(path, **window)["data"])
        told[check.type] = (result["testCaseStatus"], result.get("failedRows"), result["timestamp"])
    at = round(NOW.timestamp() * 1000)
    assert told == {"not_null": ("Success", 0, at), "unique": ("Failed", 50, at)}


def test_a_run_is_a_status_of_its_pipeline(there: There) -> None:
    begun = NOW - timedelta(minutes=5)
    task = TaskRun(name="gold", state="completed", started_at=begun, finished_at=NOW)
    run = Run(pipeline="batch", state="running", started_at=begun, tasks=(task,))
    there.push(there.tell.run(run))
    there.push(there.tell.run(run.model_copy(update={"state": "completed", "finished_at": NOW})))
    name = in_path(fqn(there.places.pipelines, "batch"))
    found = there.get(f"pipelines/name/{name}", fields="tasks,pipelineStatus")
    assert [t["name"] for t in found["tasks"]] == ["gold"]
    status = found["pipelineStatus"]
    assert (status["executionStatus"], status["timestamp"]) == ("Successful", round(begun.timestamp() * 1000))
    assert [(t["name"], t["executionStatus"]) for t in status["taskStatus"]] == [("gold", "Successful")]


def test_a_contract_has_its_columns_and_how_it_was_kept(there: There) -> None:
    there.push(there.tell.gate("gold.totals", [PASSED, FAILED]))
    columns = (ContractColumn(name="customer", type="BIGINT", logical_type="integer", required=True, key=1),)
    contract = DataContract(
        id=str(uuid4()), name="totals", dataset="gold.totals", description="For whoever sells.",
        terms=Terms(status="active", version="1.0.0", latency=timedelta(hours=9)), columns=columns,
    )  # fmt: skip
    one, none = Part(passed=1, failed=0), Part(passed=0, failed=0)
    result = ContractResult(
        contract=contract.id, dataset="gold.totals", version="1.0.0", columns=one, semantics=none,
        quality=Part(passed=1, failed=1, failures=(FAILED.check_id,)), sla=True, overall="partly",
    )  # fmt: skip
    there.push(there.tell.contract(contract, result))
    table = there.table("gold.totals")
    found = there.get("dataContracts/entity", entityId=table["id"], entityType="table")
    assert found["description"] == "For whoever sells." and found["entityStatus"] == "Approved"
    assert [c["name"] for c in found["schema"]] == ["customer"]
    latest = there.get(f"dataContracts/{found['id']}/results/latest")
    assert latest["contractExecutionStatus"] == "PartialSuccess"
    assert latest["qualityValidation"]["failed"] == 1


def test_everything_is_in_services_that_go(openmetadata: tuple[str, str]) -> None:
    made = There(*openmetadata)
    made.push(made.tell.dataset(ORDERS))
    name = made.places.warehouse
    made.close()
    token = {"Authorization": f"Bearer {openmetadata[1]}"}
    with httpx.Client(base_url=str(made.http.base_url), headers=token, timeout=30) as http:
        for path in (f"services/databaseServices/name/{name}", f"tables/name/{name}.contract.silver.orders"):
            assert http.get(path, params={"include": "all"}).status_code == 404, path
