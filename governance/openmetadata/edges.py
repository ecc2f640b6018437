"""Lineage into the catalog: one edge for each pair of entities, with the columns, the SQL and the pipeline on it.

Ours are of source `PipelineLineage` and name a pipeline of our service; only those are changed or taken away. An edge
that a person drew stays theirs: what we know is added to it. The server drops column edges that it cannot resolve,
silently, so each dataset's edges are read back and compared.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.model import LineageEdge
from governance.openmetadata import bodies
from governance.openmetadata.catalog import Catalog, together
from governance.openmetadata.corrections import columns_of
from governance.openmetadata.datasets import COLLECTIONS, stored_of
from governance.openmetadata.entities import Failure, Json, attempt
from governance.openmetadata.names import Spelling, clean, fqn, join
from governance.openmetadata.places import Place

LOG = logging.getLogger(__name__)
SOURCE = "PipelineLineage"
FIELDS = {"table": "columns", "container": "dataModel", "dashboard": "owners", "apiEndpoint": "responseSchema"}
SQL_LIMIT = 50_000
FUNCTION_LIMIT = 2_000


@dataclass(frozen=True)
class Made:
    """What a dataset is made of, and by what."""

    dataset: str
    edges: tuple[LineageEdge, ...]
    pipeline: str = ""
    """The deployment that makes it."""
    sql: str = ""
    inputs: tuple[str, ...] | None = None
    """The datasets that it is made of, where that is known; what else its columns come from is no dataset."""


@dataclass(frozen=True)
class End:
    """An entity at the end of an edge, with its columns as the catalog spells them."""

    dataset: str
    place: Place
    id: str
    columns: Spelling

    @property
    def reference(self) -> bodies.Reference:
        """To it."""
        return bodies.Reference(id=self.id, type=self.place.kind)

    def column(self, name: str, spelled: str) -> str | None:
        """Fully qualified, a column that an edge names; `spelled` tells apart those that differ only in case.

        None for one that the catalog has not, or has by a name that may be another's: none is better than a false one.
        """
        plain = name[len(self.dataset) + 1 :]
        asked = spelled if spelled.casefold() == plain.casefold() else plain
        found = self.columns.of(clean(asked))
        if found is None or (clean(asked) != asked and self.columns.of(f"{found}_")):
            return None
        above = ("responseSchema",) if self.place.kind == "apiEndpoint" else ()
        return join(self.place.fqn, *above, found)


def inputs_of(made: Made) -> list[str]:
    """The datasets that it is made of, each once, in their order."""
    known = [e.source.rpartition(".")[0] for e in made.edges] if made.inputs is None else made.inputs
    return list(dict.fromkeys(known))


def edges_of(made: Made) -> dict[str, list[LineageEdge]]:
    """The column edges by input. A column's name may hold dots, so that the longest input that fits is its own."""
    inputs = sorted(inputs_of(made), key=len, reverse=True)
    found: dict[str, list[LineageEdge]] = {name: [] for name in inputs}
    for edge in made.edges:
        if mine := next((name for name in inputs if edge.source.startswith(f"{name}.")), None):
            found[mine].append(edge)
    return found


async def push_edges(catalog: Catalog, made: Made) -> None:
    """Let the catalog have just these edges of ours into a dataset.

    Raises TransientError while an end of one is not in the catalog, after those that can be there are.
    """
    target = await _end(catalog, made.dataset)
    tried = await asyncio.gather(*(attempt(_end(catalog, d), d) for d in inputs_of(made)))
    sources = [s for s in tried if isinstance(s, End)]
    pipeline = await _pipeline(catalog, made.pipeline) if made.pipeline else None
    wanted: dict[str, bodies.LineageDetails] = {}
    missing: list[str] = []
    mine = edges_of(made)
    for source in sources:
        columns = _columns(mine[source.dataset], source, target, missing)
        sql = made.sql[:SQL_LIMIT] or None
        wanted[source.id] = bodies.LineageDetails(
            source=SOURCE, columns_lineage=columns, sql_query=sql, pipeline=pipeline
        )
    stored = await upstream(catalog, target)
    put = await together(*(_put(catalog, s, target, wanted[s.id], stored.get(s.id)) for s in sources))
    lacking = [e for e in tried if isinstance(e, Failure)]
    # While an end of ours could not be read, an edge that is not wanted may be its.
    for source_id in set(stored) - set(wanted) if not lacking else ():
        if is_ours(catalog, stored[source_id]):
            kind = stored[source_id]["fromEntityType"]
            gone = await catalog.client.delete(f"lineage/{kind}/{source_id}/{target.place.kind}/{target.id}")
            catalog.tally.deleted += gone
        else:
            catalog.tally.kept += 1
    if any(put):
        missing += _lost(wanted, await upstream(catalog, target))
    for edge in missing:
        LOG.warning("the catalog has no column edge %s", edge)
    catalog.tally.missing_edges += missing
    for error in lacking:
        raise error


async def _end(catalog: Catalog, dataset: str) -> End:
    place, found = await stored_of(catalog, dataset, FIELDS[catalog.places.of(dataset).kind])
    return End(dataset, place, found["id"], Spelling(c["name"] for c in columns_of(COLLECTIONS[place.kind], found)))


async def _pipeline(catalog: Catalog, name: str) -> bodies.Reference:
    """The pipeline on an edge; one that never ran yet is made, without tasks."""
    service, name = catalog.places.pipelines, clean(name)
    await catalog.service("pipelineServices", service, "Prefect")
    made = await catalog.made("pipelines", fqn(service, name), bodies.Pipeline(name=name, service=service, tasks=()))
    return bodies.Reference(id=made, type="pipeline")


def _columns(
    edges: Iterable[LineageEdge], source: End, target: End, missing: list[str]
) -> tuple[bodies.ColumnLineage, ...]:
    """The column edges between two entities: of columns that decide a value, not of those that pick rows."""
    found: dict[str, list[str]] = {}
    functions: dict[str, str] = {}
    for edge in edges:
        if edge.kind != "direct":
            continue
        made = target.column(edge.target, edge.target)
        by = source.column(edge.source, edge.expression)
        if made is None or by is None:
            missing.append(f"{edge.source} -> {edge.target}")
            continue
        found.setdefault(made, []).append(by)
        functions[made] = edge.expression
    return tuple(
        bodies.ColumnLineage(
            from_columns=tuple(sorted(set(by))), to_column=made, function=functions[made][:FUNCTION_LIMIT] or None
        )
        for made, by in sorted(found.items())
    )


async def upstream(catalog: Catalog, target: End) -> dict[str, Json]:
    """The details of each edge into an entity, by the id of its source, with `fromEntityType` and `told` of it."""
    answer = await catalog.client.get(f"lineage/{target.place.kind}/{target.id}", upstreamDepth=1, downstreamDepth=0)
    nodes = {n["id"]: n.get("type") for n in (answer or {}).get("nodes") or ()}
    return {
        e["fromEntity"]: {
            **(e.get("lineageDetails") or {}),
            "fromEntityType": nodes.get(e["fromEntity"], "table"), "told": e.get("description"),
        }
        for e in (answer or {}).get("upstreamEdges") or ()
        if e["toEntity"] == target.id
    }  # fmt: skip


def is_ours(catalog: Catalog, details: Json) -> bool:
    """Whether we wrote an edge: it names a pipeline of ours, or none and we made it."""
    if details.get("source") != SOURCE:
        return False
    if pipeline := details.get("pipeline"):
        return str(pipeline.get("fullyQualifiedName", "")).startswith(f"{fqn(catalog.places.pipelines)}.")
    return details.get("createdBy") in catalog.ours


async def _put(catalog: Catalog, source: End, target: End, wanted: bodies.LineageDetails, stored: Json | None) -> bool:
    """Write an edge unless it is there as wanted; what a person told of it stays. Whether it was written."""
    details = wanted
    if stored is not None:
        details = wanted.model_copy(update={"description": stored.get("description")})
        if not is_ours(catalog, stored):
            catalog.tally.kept += 1
            details = _beside(details, stored)
        if _same(details, stored):
            return False
    told = (stored or {}).get("told")
    edge = bodies.Edge(
        from_entity=source.reference, to_entity=target.reference, description=told, lineage_details=details
    )
    await catalog.client.put("lineage", {"edge": edge.json_body()})
    catalog.tally.created += stored is None
    catalog.tally.updated += stored is not None
    return True


def _beside(ours: bodies.LineageDetails, theirs: Json) -> bodies.LineageDetails:
    """An edge that a person drew, with what we know added to it."""
    columns = {c.to_column: c for c in ours.columns_lineage}
    for one in theirs.get("columnsLineage") or ():
        made, by = one["toColumn"], tuple(one.get("fromColumns") or ())
        mine = columns.get(made, bodies.ColumnLineage(from_columns=(), to_column=made, function=one.get("function")))
        columns[made] = mine.model_copy(update={"from_columns": tuple(sorted({*mine.from_columns, *by}))})
    pipeline = theirs.get("pipeline")
    update: Json = {
        "source": theirs.get("source") or "Manual",
        "columns_lineage": tuple(columns[made] for made in sorted(columns)),
        "sql_query": theirs.get("sqlQuery") or ours.sql_query,
    }
    if pipeline:
        update["pipeline"] = bodies.Reference(id=pipeline["id"], type=pipeline.get("type") or "pipeline")
    return ours.model_copy(update=update)


def _same(details: bodies.LineageDetails, stored: Json) -> bool:
    now = (
        details.source,
        details.sql_query,
        details.pipeline.id if details.pipeline else None,
        _pairs(details.json_body()),
    )
    there = (stored.get("source"), stored.get("sqlQuery"), (stored.get("pipeline") or {}).get("id"), _pairs(stored))
    return now == there


def _pairs(details: Json) -> dict[tuple[str, str], Any]:
    return {
        (source, c["toColumn"]): c.get("function")
        for c in details.get("columnsLineage") or () for source in c.get("fromColumns") or ()
    }  # fmt: skip


def _lost(wanted: Mapping[str, bodies.LineageDetails], stored: Mapping[str, Json]) -> list[str]:
    """What was asked for and is not there."""
    return [
        f"{source} -> {target}"
        for key, details in wanted.items()
        for source, target in sorted(set(_pairs(details.json_body())) - set(_pairs(stored.get(key) or {})))
    ]
