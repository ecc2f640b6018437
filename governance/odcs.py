"""A data contract as the Open Data Contract Standard 3.1 writes it.

A dict, ready for YAML or JSON. The standard's JSON schema refuses names that it does not know, so what it has no place
for is in `customProperties`. Names of quality rules are our check ids.
The standard: https://bitol-io.github.io/open-data-contract-standard/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from governance.contracts import ContractColumn, DataContract
from governance.declared_tests import DeclaredTest
from governance.model import Severity

API_VERSION = "v3.1.0"
SEVERITIES: dict[Severity, str] = {"info": "info", "warning": "warning", "critical": "error"}
"""Ours → the standard's."""
DIMENSIONS = {
    "not_null": "completeness", "unique": "uniqueness", "unique_combination": "uniqueness",
    "accepted_values": "conformity", "accepted_range": "conformity", "relationships": "consistency",
}  # fmt: skip
Body = dict[str, Any]


def odcs(contract: DataContract, servers: Iterable[Mapping[str, Any]] = ()) -> Body:
    """The contract's document; `servers` are the standard's own, where the data can be read."""
    team, terms = contract.team, contract.terms
    description = {"purpose": contract.description, "usage": terms.usage, "limitations": terms.limitations}
    body = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": contract.id,
        "name": contract.name,
        "version": terms.version,
        "status": terms.status,
        "domain": contract.domain,
        "tags": list(contract.tags),
        "description": _given(description),
        "schema": [_table(contract)],
        "slaProperties": _sla(contract),
        "team": _given({"name": contract.owner, "description": team.description if team else ""}),
        "roles": [{"role": role, "access": "read"} for role in contract.readers],
        "support": [{"channel": team.slack, "tool": "slack", "scope": "issues"}] if team else [],
        "servers": [dict(server) for server in servers],
        "customProperties": _custom(
            {
                "dataset": contract.dataset,
                "tier": contract.tier,
                "consumers": list(contract.consumers),
                "fingerprint": contract.fingerprint,
            }
        ),
    }
    return _given(body)


def _table(contract: DataContract) -> Body:
    of_table = [_quality(t) for t in contract.checks if t.column is None]
    by_column: dict[str, list[Body]] = {}
    for test in contract.checks:
        if test.column is not None:
            by_column.setdefault(test.column, []).append(_quality(test))
    names = {column.name for column in contract.columns}
    of_table += [rule for name, rules in by_column.items() if name not in names for rule in rules]
    return _given(
        {
            "name": contract.name,
            "physicalName": contract.dataset,
            "physicalType": "table",
            "logicalType": "object",
            "description": contract.description,
            "tags": list(contract.tags),
            "properties": [_property(c, by_column.get(c.name, [])) for c in contract.columns],
            "quality": of_table,
        }
    )


def _property(column: ContractColumn, rules: list[Body]) -> Body:
    tags = [*column.tags, *([f"pii.{column.pii}"] if column.pii else [])]
    return _given(
        {
            "name": column.name,
            "logicalType": column.logical_type,
            "physicalType": column.type,
            "description": column.description,
            "required": column.required,
            "unique": column.unique,
            "primaryKey": column.key is not None,
            "primaryKeyPosition": column.key,
            "classification": "personal" if column.pii else "",
            "tags": tags,
            "quality": rules,
        }
    )


def _sla(contract: DataContract) -> list[Body]:
    terms = contract.terms
    promised = {
        "frequency": (terms.frequency, "How often it is published."),
        "latency": (terms.latency, "How old its newest data may be."),
    }
    return [
        {"property": name, **_age(age), "element": contract.name, "driver": "operational", "description": what}
        for name, (age, what) in promised.items()
        if age is not None
    ]


def _age(age: timedelta) -> Body:
    minutes = int(age.total_seconds() // 60)
    for unit, size in (("d", 1440), ("h", 60)):
        if minutes % size == 0:
            return {"value": minutes // size, "unit": unit}
    return {"value": minutes, "unit": "minutes"}


# --- quality ---------------------------------------------------------------------------------------------------------


def _quality(test: DeclaredTest) -> Body:
    made = _MAKERS.get(test.type, _other)(test)
    rule = {
        "name": test.check_id,
        "description": test.description or " ".join(filter(None, (test.column, test.type.replace("_", " ")))),
        "dimension": DIMENSIONS.get(test.type, "accuracy"),
        "severity": SEVERITIES[test.severity],
        "businessImpact": "operational" if test.severity == "critical" else "",
        **made,
    }
    return {key: value for key, value in rule.items() if value != ""}


def _library(metric: str) -> Callable[[DeclaredTest], Body]:
    """A metric that is to be 0. One of some rows only is SQL, since a metric is of all."""

    def made(test: DeclaredTest) -> Body:
        if test.kwargs.get("where"):
            return _other(test)
        values = test.kwargs.get("values"), test.kwargs.get("combination_of_columns")
        arguments = _given({"validValues": list(values[0] or ()), "properties": list(values[1] or ())})
        return {"type": "library", "metric": metric, "mustBe": 0} | ({"arguments": arguments} if arguments else {})

    return made


def _sql(query: str, operator: str = "mustBe", value: float = 0) -> Body:
    return {"type": "sql", "query": query, operator: value}


def _rows(test: DeclaredTest) -> str:
    """What stands behind FROM."""
    where = test.kwargs.get("where")
    return f"(SELECT * FROM {test.dataset} WHERE {where})" + " AS checked" if where else test.dataset


def _expression(test: DeclaredTest) -> Body:
    holds = f"{test.column or ''} {test.kwargs.get('expression', '')}".strip()
    return _sql(f"SELECT count(*) FROM {_rows(test)} WHERE NOT ({holds})")


def _range(test: DeclaredTest) -> Body:
    bounds = ((">=", test.kwargs.get("min_value")), ("<=", test.kwargs.get("max_value")))
    holds = " AND ".join(f"{test.column} {sign} {value}" for sign, value in bounds if value is not None)
    return _sql(f"SELECT count(*) FROM {_rows(test)} WHERE NOT ({holds})") if holds else _other(test)


def _relationship(test: DeclaredTest) -> Body:
    parent = f"SELECT 1 FROM {test.kwargs.get('to')} AS parent WHERE parent.{test.kwargs.get('field')}"
    child = f"SELECT {test.column} AS child_key FROM {_rows(test)}"
    return _sql(
        f"SELECT count(*) FROM ({child}) AS child WHERE child_key IS NOT NULL AND NOT EXISTS ({parent} = child_key)"
    )


def _share(test: DeclaredTest) -> Body:
    share = f"avg(CASE WHEN {test.kwargs.get('condition')} THEN 1.0 ELSE 0.0 END)"
    most = float(test.kwargs.get("max_share", 0))
    return _sql(f"SELECT coalesce({share}, 0) FROM {_rows(test)}", "mustBeLessOrEqualTo", most)


def _other(test: DeclaredTest) -> Body:
    """A test whose meaning only its maker knows."""
    return {"type": "custom", "engine": "dbt", "implementation": {"test": test.type, "arguments": dict(test.kwargs)}}


_MAKERS: Mapping[str, Callable[[DeclaredTest], Body]] = {
    "not_null": _library("nullValues"),
    "unique": _library("duplicateValues"),
    "unique_combination": _library("duplicateValues"),
    "accepted_values": _library("invalidValues"),
    "accepted_range": _range,
    "expression_is_true": _expression,
    "relationships": _relationship,
    "share_below": _share,
}


def _custom(values: Mapping[str, Any]) -> list[Body]:
    return [{"property": name, "value": value} for name, value in values.items() if value]


def _given(body: Mapping[str, Any]) -> Body:
    """Without what is empty."""
    return {key: value for key, value in body.items() if value not in (None, "", [], {})}
