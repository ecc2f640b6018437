"""Data contracts beyond what all entities have: results, validation, and the export to ODCS."""

from __future__ import annotations

from typing import Any

import yaml
from fastapi import APIRouter, Request, Response

from tests.openmetadata.errors import bad, not_found
from tests.openmetadata.http_calls import answer, body_of, segment, state_of, whole
from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.state import Doc, Record, new_id
from tests.openmetadata.views import requested, shown

router = APIRouter(prefix="/dataContracts")
RESULT = "entity.datacontract.dataContractResult:DataContractResult"


@router.get("/entity", response_model=None)
async def of_entity(request: Request) -> Response:
    """The contract of an entity."""
    state, query = state_of(request), request.query_params
    entity = state.by_id(query.get("entityType", ""), query.get("entityId", ""))
    for child in state.children.get(entity.id, ()):
        record = state.records[child]
        if record.type == "dataContract" and not record.deleted:
            return answer(shown(state, record, requested(BY_TYPE["dataContract"], query.get("fields"))))
    raise not_found("dataContract", entity.fqn)


@router.put("/{id}/results", response_model=None)
async def put_result(request: Request) -> Response:
    """Keeps a result by its id; 200 if it is now the newest, else 201."""
    body = await body_of(request, RESULT)
    state, contract = state_of(request), contract_of(request)
    if body["dataContractFQN"] != contract.fqn:
        raise bad(f"dataContractFQN {body['dataContractFQN']} is not that of the contract {contract.fqn}")
    row = {"id": new_id(), **{key: value for key, value in body.items() if value is not None}}
    rows = state.contract_results[contract.id]
    rows[row["id"]] = row
    newest = max(rows.values(), key=lambda one: one["timestamp"])
    refresh(contract, newest)
    return answer(row, 200 if newest is row else 201)


@router.get("/{id}/results", response_model=None)
async def list_results(request: Request) -> Response:
    """Results, newest first."""
    start, end = whole(request, "startTs", 0), whole(request, "endTs", 1 << 62)
    found = [row for row in results_of(request) if start <= row["timestamp"] <= end]
    return answer({"data": found[: whole(request, "limit", 10)], "paging": {"total": len(found)}})


@router.get("/{id}/results/latest", response_model=None)
async def latest_result(request: Request) -> Response:
    """The newest result."""
    found = results_of(request)
    if not found:
        raise not_found("dataContractResult", segment(request, "id"))
    return answer(found[0])


@router.get("/{id}/results/{result}", response_model=None)
async def get_result(request: Request) -> Response:
    """A result by its id."""
    wanted = segment(request, "result")
    for row in results_of(request):
        if row["id"] == wanted:
            return answer(row)
    raise not_found("dataContractResult", wanted)


@router.delete("/{id}/results/{timestamp}", response_model=None)
async def delete_result(request: Request) -> Response:
    """Drops the result of a time."""
    state, contract, at = state_of(request), contract_of(request), segment(request, "timestamp")
    rows = state.contract_results[contract.id]
    gone = [id_ for id_, row in rows.items() if str(row["timestamp"]) == at]
    if not gone:
        raise not_found("dataContractResult", at)
    for id_ in gone:
        del rows[id_]
    refresh(contract, max(rows.values(), key=lambda row: row["timestamp"], default=None))
    return Response(status_code=200)


@router.post("/{id}/validate", response_model=None)
async def validate(request: Request) -> Response:
    """Runs the contract; without an orchestrator it ends Aborted."""
    state, contract = state_of(request), contract_of(request)
    row: Doc = {
        "id": new_id(), "dataContractFQN": contract.fqn, "timestamp": state.now(),
        "contractExecutionStatus": "Aborted", "result": "No pipeline service is configured",
    }  # fmt: skip
    state.contract_results[contract.id][row["id"]] = row
    refresh(contract, row)
    return answer(row)


@router.get("/name/{fqn}/odcs", response_model=None)
@router.get("/{id}/odcs", response_model=None)
async def odcs(request: Request) -> Response:
    """The contract in the Open Data Contract Standard, as far as schema and terms go."""
    return answer(exported(request))


@router.get("/name/{fqn}/odcs/yaml", response_model=None)
@router.get("/{id}/odcs/yaml", response_model=None)
async def odcs_yaml(request: Request) -> Response:
    """The same as YAML."""
    return Response(yaml.safe_dump(exported(request), sort_keys=False), media_type="application/x-yaml")


def exported(request: Request) -> Doc:
    """A contract in the Open Data Contract Standard."""
    state = state_of(request)
    by_name = "fqn" in request.path_params
    contract = state.named("dataContract", segment(request, "fqn")) if by_name else contract_of(request)
    doc, table = contract.doc, state.records[contract.doc["entity"]["id"]]
    properties = [
        {"name": column["name"], "logicalType": column["dataType"].lower(), "description": column.get("description")}
        for column in doc.get("schema") or []
    ]
    status = {"Approved": "active", "Deprecated": "deprecated"}.get(doc["entityStatus"], "draft")
    found: Doc = {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": contract.id, "name": doc["name"],
        "version": str(doc["version"]), "status": status,
    }  # fmt: skip
    if properties:
        found["schema"] = [{"name": table.doc["name"], "logicalType": "object", "properties": properties}]
    return found


def contract_of(request: Request) -> Record:
    """The contract of the path."""
    return state_of(request).by_id("dataContract", segment(request, "id"))


def results_of(request: Request) -> list[Doc]:
    """Results of the contract of the path, newest first."""
    rows = state_of(request).contract_results[contract_of(request).id].values()
    return sorted(rows, key=lambda row: -row["timestamp"])


def refresh(contract: Record, newest: Doc | None) -> None:
    """Notes the newest result with the contract."""
    contract.doc = {key: value for key, value in contract.doc.items() if key != "latestResult"}
    if newest:
        latest: dict[str, Any] = {"resultId": newest["id"], "timestamp": newest["timestamp"]}
        latest |= {"status": newest["contractExecutionStatus"], "message": newest.get("result")}
        contract.doc["latestResult"] = {key: value for key, value in latest.items() if value is not None}
