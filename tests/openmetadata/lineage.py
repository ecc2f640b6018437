"""Lineage edges: what is refused, what is dropped without a word, and what is kept."""

from __future__ import annotations

from typing import Any

from tests.openmetadata import models
from tests.openmetadata.entities import patched
from tests.openmetadata.errors import ApiError, bad
from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.parts import above, parts_of, paths
from tests.openmetadata.references import resolved
from tests.openmetadata.state import Doc, Edge, Record, State, named
from tests.openmetadata.views import expanded

DETAILS = "type.entityLineage:LineageDetails"
WITH_COLUMNS = {"table", "container", "dashboardDataModel", "apiEndpoint"}
WITHOUT_COLUMNS = {"pipeline", "metric", "dashboard", "chart", "database", "databaseSchema", "domain", "dataProduct"}
STAMPS = ("createdAt", "createdBy", "updatedAt", "updatedBy")


def put(state: State, source: Record, target: Record, details: Doc, description: str | None, user: str) -> None:
    """Keeps an edge; an earlier one between the two is replaced as a whole."""
    before = state.edges.get((source.id, target.id))
    now = state.now()
    new = {key: value for key, value in details.items() if value is not None and key not in STAMPS}
    if new.get("pipeline"):
        if new["pipeline"]["type"] not in ("pipeline", "storedProcedure"):
            raise bad(f"The pipeline of an edge can't be a {new['pipeline']['type']}")
        new["pipeline"] = resolved(state, new["pipeline"])
    if "columnsLineage" in new:
        new["columnsLineage"] = known_columns(state, source, target, new["columnsLineage"])
    new.setdefault("source", "Manual")
    first = before.details if before else {"createdAt": now, "createdBy": user}
    new |= {"createdAt": first["createdAt"], "createdBy": first["createdBy"], "updatedAt": now, "updatedBy": user}
    keep(state, Edge(source.ref, target.ref, new, description))


def keep(state: State, edge: Edge) -> None:
    """Stores an edge; search knows of it later."""
    ends = (edge.source["id"], edge.target["id"])
    state.edges[ends] = edge
    state.search.put("edge", ends, edge, state.setting.search_delay)


def known_columns(state: State, source: Record, target: Record, entries: list[Doc]) -> list[Doc]:
    """The entries whose columns are there, compared exactly. The others are dropped, and nobody is told."""
    for record in (source, target):
        if record.type not in WITH_COLUMNS | WITHOUT_COLUMNS:
            raise bad(f"Unsupported entity type {record.type} for column lineage")
    if {source.type, target.type} & WITHOUT_COLUMNS:
        return []
    there = {end.id: columns_of(end) for end in (source, target)}
    kept = []
    for entry in entries:
        origins = [name for name in entry.get("fromColumns") or [] if name in there[source.id]]
        if origins and entry["toColumn"] in there[target.id]:
            kept.append({**entry, "fromColumns": origins})
    return kept


def columns_of(record: Record) -> set[str]:
    """FQNs of an entity's columns, or of the fields that an endpoint answers with."""
    kind = BY_TYPE[record.type]
    return {f"{above(kind, record.fqn)}.{path}" for path in paths(parts_of(kind, record.doc))}


def edge_between(state: State, source: Record, target: Record) -> Edge:
    """The edge from one to the other; 404."""
    found = state.edges.get((source.id, target.id))
    if found is None:
        raise ApiError(404, f"Lineage edge not found between {source.fqn} and {target.fqn}")
    return found


def patch(state: State, source: Record, target: Record, operations: Any, user: str) -> None:
    """Applies a JSON patch to an edge's details."""
    edge = edge_between(state, source, target)
    new = patched(shown_details(state, edge), operations)
    models.check(DETAILS, new)
    if isinstance(new.get("pipeline"), dict):
        new["pipeline"] = {key: new["pipeline"][key] for key in ("id", "type")}
    put(state, source, target, new, edge.description, user)


def delete(state: State, source: Record, target: Record) -> None:
    """Drops an edge; 404."""
    edge_between(state, source, target)
    drop(state, (source.id, target.id))


def drop(state: State, ends: tuple[str, str]) -> None:
    """Drops an edge."""
    del state.edges[ends]
    state.search.put("edge", ends, None, state.setting.search_delay)


def delete_by_source(state: State, target: Record, source: str) -> None:
    """Drops the edges of one source that lead to an entity; for a pipeline those that name it."""
    for ends, edge in list(state.edges.items()):
        leads_here = named(edge.details) == target.id if target.type == "pipeline" else ends[1] == target.id
        if leads_here and edge.details["source"] == source:
            drop(state, ends)


def shown_details(state: State, edge: Edge) -> Doc:
    """Details as they are read."""
    return {key: expanded(state, value) for key, value in edge.details.items()}


def around(state: State, edges: dict[Any, Edge], root: Record, up: int, down: int) -> tuple[list[Edge], list[Edge]]:
    """The edges within so many steps above and below an entity."""
    return walk(state, edges, root, up, 1), walk(state, edges, root, down, 0)


def walk(state: State, edges: dict[Any, Edge], root: Record, depth: int, near: int) -> list[Edge]:
    """Edges away from an entity: `near` is the end of an edge (0 source, 1 target) that is nearer to it."""
    found: list[Edge] = []
    front, seen = {root.id}, {root.id}
    for _ in range(depth):
        step = [edge for ends, edge in edges.items() if ends[near] in front and edge not in found]
        found += step
        front = {(edge.source if near else edge.target)["id"] for edge in step} - seen
        seen |= front
    return [edge for edge in found if {edge.source["id"], edge.target["id"]} <= state.records.keys()]


def graph(state: State, root: Record, up: int, down: int) -> Doc:
    """An EntityLineage, from what is stored."""
    above, below = around(state, dict(state.edges), root, up, down)
    ends = {end["id"]: end for edge in above + below for end in (edge.source, edge.target)}
    return {
        "entity": expanded(state, root.ref),
        "nodes": [expanded(state, ref) for id_, ref in ends.items() if id_ != root.id],
        "upstreamEdges": [shown_edge(state, edge) for edge in above],
        "downstreamEdges": [shown_edge(state, edge) for edge in below],
    }


def shown_edge(state: State, edge: Edge) -> Doc:
    """An edge of an EntityLineage."""
    shown = {
        "fromEntity": edge.source["id"],
        "toEntity": edge.target["id"],
        "lineageDetails": shown_details(state, edge),
    }
    return {**shown, "description": edge.description} if edge.description else shown


def searched(state: State, root: Record, up: int, down: int) -> Doc:
    """The graph of the user interface, from what search knows."""
    edges = {ends: edge for ends, edge in state.search.read("edge").items() if isinstance(edge, Edge)}
    above, below = around(state, edges, root, up, down)
    ends = {end["id"]: end for edge in above + below for end in (edge.source, edge.target)} | {root.id: root.ref}
    return {
        "nodes": {
            state.records[id_].fqn: {"entity": {**expanded(state, ref), "entityType": ref["type"]}, "nodeDepth": 0}
            for id_, ref in ends.items()
        },
        "upstreamEdges": {edge_key(edge): searched_edge(state, edge) for edge in above},
        "downstreamEdges": {edge_key(edge): searched_edge(state, edge) for edge in below},
    }


def edge_key(edge: Edge) -> str:
    """An edge's name in the graph."""
    return f"{edge.source['id']}--->{edge.target['id']}"


def searched_edge(state: State, edge: Edge) -> Doc:
    """An edge of the graph of the user interface."""
    ends = {"fromEntity": expanded(state, edge.source), "toEntity": expanded(state, edge.target)}
    columns = [dict(entry) for entry in edge.details.get("columnsLineage") or []]
    return {**shown_details(state, edge), **ends, "columns": columns}
