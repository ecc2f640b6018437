"""Data contracts into the catalog: what the owner of a gold dataset promises, and whether each publish kept it.

Rows are promised by the checks of the gate, which the contract names as its quality. The server's own semantic rules
are about metadata and not about rows; those that we state are that somebody owns the dataset and that it is described.
A contract that a person made of a dataset stays theirs: the server allows one.
"""

from __future__ import annotations

import json
import logging
import uuid
from datetime import datetime, timedelta

from governance.contracts import ContractResult, DataContract
from governance.openmetadata import bodies, measures
from governance.openmetadata.catalog import Catalog, together
from governance.openmetadata.column_types import column_type
from governance.openmetadata.datasets import stored_of
from governance.openmetadata.entities import Json
from governance.openmetadata.names import Spelling, clean, in_path
from governance.openmetadata.quality import case_fqn, column_of
from governance.transports.base import PermanentError, TransientError

LOG = logging.getLogger(__name__)
NAMESPACE = uuid.UUID("0d5a3c38-3f0e-5d0c-9d38-5b7b6f6f5c11")
_STATUS = {"active": "Approved", "deprecated": "Deprecated", "retired": "Archived"}
_OUTCOME = {"kept": "Success", "partly": "PartialSuccess", "broken": "Failed"}
_RULES = (
    bodies.SemanticRule(
        name="owned", description="A team answers for it.", rule=json.dumps({"!!": {"var": "owners"}}), enabled=True
    ),
    bodies.SemanticRule(
        name="described", description="It says what it holds.", rule=json.dumps({"!!": {"var": "description"}}),
        enabled=True,
    ),
)  # fmt: skip


async def push_contract(catalog: Catalog, contract: DataContract, result: ContractResult, at: datetime) -> None:
    """The contract as it is declared, and how it was kept at a time.

    Raises TransientError while its dataset is not in the catalog.
    """
    _, table = await stored_of(catalog, contract.dataset, "columns")
    stored = await catalog.client.get(
        "dataContracts/entity", entityId=table["id"], entityType="table", fields="owners"
    )  # fmt: skip
    name = clean(contract.name)
    if stored is not None and stored["name"] != name:
        LOG.info("the contract of %s is a person's: ours is left out", contract.dataset)
        catalog.tally.kept += 1
        return
    body = await _body(catalog, contract, table, name)
    if stored is None or not _holds(stored, body):
        stored = await _put(catalog, body)
    await catalog.client.put(f"dataContracts/{stored['id']}/results", _result(stored, result, at).json_body())


async def _body(catalog: Catalog, contract: DataContract, table: Json, name: str) -> Json:
    names = Spelling(c["name"] for c in table["columns"])
    columns = tuple(
        bodies.TableColumn(name=there, description=c.description or None, **column_type(c.type))
        for c in contract.columns
        if (there := names.of(catalog.places.stored(c.name)))
    )
    cases = await together(*(_case(catalog, table, names, c.column, c.check_id) for c in contract.checks))
    owner = await catalog.owner(contract.owner) if contract.owner else None
    body = bodies.DataContract(
        name=name, entity=bodies.Reference(id=table["id"], type="table"), description=contract.description or None,
        entity_status=_STATUS.get(contract.terms.status, "Draft"), columns=columns, semantics=_RULES,
        quality_expectations=tuple(bodies.Reference(id=i, type="testCase") for i in cases if i),
        sla=_sla(contract), owners=(bodies.Reference(id=owner, type="team"),) if owner else None,
        terms_of_use="\n\n".join(t for t in (contract.terms.usage, contract.terms.limitations) if t) or None,
    )  # fmt: skip
    return body.json_body()


async def _case(catalog: Catalog, table: Json, names: Spelling, column: str | None, check: str) -> str | None:
    """The id of a check's case; None for one that never ran."""
    case = case_fqn(table["fullyQualifiedName"], column_of(catalog, names, column), check)
    found = await catalog.client.get(f"dataQuality/testCases/name/{in_path(case)}")
    return str(found["id"]) if found else None


async def _put(catalog: Catalog, body: Json) -> Json:
    """Write it; without naming its checks where the server cannot deploy what would run them: they are run here."""
    try:
        return catalog.wrote(await catalog.client.put("dataContracts", body))
    except (TransientError, PermanentError) as error:
        if not body.get("qualityExpectations") or (isinstance(error, TransientError) and error.reason != "server"):
            raise
        LOG.warning("contract %s: the server refuses its checks: %s", body["name"], error)
        return catalog.wrote(await catalog.client.put("dataContracts", {**body, "qualityExpectations": []}))


def _holds(stored: object, wanted: object) -> bool:
    """Whether what is stored says all that is wanted; the server adds members of its own."""
    if isinstance(wanted, dict):
        return isinstance(stored, dict) and all(_holds(stored.get(k), v) for k, v in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(stored, list) or len(stored) != len(wanted):
            return False
        return all(_holds(s, w) for s, w in zip(stored, wanted, strict=True))
    if isinstance(stored, dict) and isinstance(wanted, str):  # terms of use are stored as {content}
        return stored.get("content") == wanted
    return stored == wanted


def _sla(contract: DataContract) -> bodies.Sla | None:
    terms = contract.terms
    if terms.frequency is None and terms.latency is None:
        return None
    frequency, latency = terms.frequency, terms.latency
    return bodies.Sla(
        refresh_frequency=bodies.Frequency(**_span("interval", frequency)) if frequency else None,
        max_latency=bodies.Latency(**_span("value", latency)) if latency else None,
    )


def _span(name: str, span: timedelta) -> Json:
    """In hours at least, and in days where it is whole ones."""
    hours = max(round(span.total_seconds() / 3600), 1)
    return {name: hours // 24, "unit": "day"} if hours % 24 == 0 else {name: hours, "unit": "hour"}


def _result(stored: Json, result: ContractResult, at: datetime) -> measures.ContractResult:
    millis = measures.millis(at)
    quality, total = result.quality, result.quality.total
    return measures.ContractResult(
        id=str(uuid.uuid5(NAMESPACE, f"{stored['fullyQualifiedName']}/{millis}")),
        data_contract_fqn=stored["fullyQualifiedName"], timestamp=millis,
        contract_execution_status=_OUTCOME[result.overall],
        result="; ".join((*result.columns.failures, *result.quality.failures))[:2000] or "kept",
        schema_validation={
            "passed": result.columns.passed, "failed": result.columns.failed, "total": result.columns.total,
            "failedFields": list(result.columns.failures),
        },
        semantics_validation={
            "passed": result.semantics.passed, "failed": result.semantics.failed, "total": result.semantics.total,
            "failedRules": [{"ruleName": f, "reason": "the check failed"} for f in result.semantics.failures],
        },
        quality_validation={
            "passed": quality.passed, "failed": quality.failed, "total": total,
            "qualityScore": round(100 * quality.passed / total, 2) if total else 0.0,
        },
        sla_validation=None if result.sla is None else {"latencyMet": result.sla},
    )  # fmt: skip
