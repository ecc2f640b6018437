"""A state as a user would see it, in a form that can be compared."""

from __future__ import annotations

from typing import Any

from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.state import Doc, State

WITHOUT = frozenset(
    "id version updatedAt updatedBy createdAt createdBy changeDescription incrementalChangeDescription href "
    "incidentId sourceHash appliedAt appliedBy".split()
)

OF_INCIDENT = ("timestamp", "metrics", "stateId", "testCaseReference")
CLIENT_TIMES = frozenset({"timestamp", "startTime", "endTime"})


def snapshot(state: State, *, times: bool = False) -> Doc:
    """All that is not deleted, by names; `times`: with those that clients sent."""
    without = WITHOUT if times else WITHOUT | CLIENT_TIMES

    def named(value: Any) -> Any:
        return renamed(state, value, without)

    seen = {record.id: record for record in state.records.values() if not record.deleted}
    found: Doc = {"entities": {}, "lineage": {}, "series": {}, "extras": {}, "incidents": {}, "contractResults": {}}
    for record in sorted(seen.values(), key=lambda one: (one.type, one.fqn)):
        if not record.seeded or record.history:
            found["entities"].setdefault(BY_TYPE[record.type].path, {})[record.fqn] = named(record.doc)
    for edge in state.edges.values():
        ends = [seen.get(ref["id"]) for ref in (edge.source, edge.target)]
        if all(ends):
            key = " -> ".join(f"{end.type} {end.fqn}" for end in ends if end)
            found["lineage"][key] = named({**edge.details, "description": edge.description})
    for (what, id_), rows in state.series.items():
        if (owner := seen.get(id_)) and rows:
            found["series"].setdefault(what, {})[owner.fqn] = [named(rows[at]) for at in sorted(rows)]
    for (what, id_), value in state.extras.items():
        if owner := seen.get(id_):
            found["extras"].setdefault(what, {})[owner.fqn] = named(value)
    for id_, states in state.incidents.items():
        if (owner := seen.get(id_)) and states:
            bare = [{key: value for key, value in row.items() if key not in OF_INCIDENT} for row in states]
            found["incidents"][owner.fqn] = named(bare)
    for id_, results in state.contract_results.items():
        if owner := seen.get(id_):
            ordered = sorted(results.values(), key=lambda row: row["timestamp"])
            found["contractResults"][owner.fqn] = [named(row) for row in ordered]
    return {key: dict(sorted(value.items())) for key, value in found.items()}


def renamed(state: State, value: Any, without: frozenset[str]) -> Any:
    """A value with names in place of ids, and nothing that differs between two equal histories."""
    if isinstance(value, list):
        return [renamed(state, item, without) for item in value]
    if not isinstance(value, dict):
        return value
    if {"id", "type"} <= value.keys() and (target := state.records.get(str(value["id"]))):
        return f"{target.type} {target.fqn}"
    return {
        key: renamed(state, inner, without)
        for key, inner in sorted(value.items())
        if key not in without and inner not in (None, [], {})
    }
