"""Lineage into the catalog: one edge for each pair of entities, with the columns, the SQL and the pipeline on it.

Ours are of source `PipelineLineage` and name a pipeline of our service; only those are changed or taken away. An edge
that a person drew stays theirs: what we know is added to it. The server drops column edges that it cannot resolve,
silently, so each dataset's edges are read back and compared.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.model import LineageEdge
from governance.openmetadata import bodies
from governance.openmetadata.catalog import Catalog, together
from governance.openmetadata.datasets import COLLECTIONS, place_of
from governance.openmetadata.entities import Json, columns_of
from governance.openmetadata.names import fqn, in_path, join
from governance.openmetadata.places import Place
from governance.transports.base import TransientError

LOG = logging.getLogger(__name__)
SOURCE = "PipelineLineage"
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

    place: Place
    id: str
    columns: Mapping[str, str]
    """The name folded → fully qualified."""

    @property
    def reference(self) -> bodies.Reference:
        """To it."""
        return bodies.Reference(id=self.id, type=self.place.kind)


def inputs_of(made: Made) -> list[str]:
    """The datasets that it is made of, each once, in their order."""
    known = [e.source.rpartition(".")[0] for e in made.edges] if made.inputs is None else made.inputs
    return list(dict.fromkeys(known))


async def push_edges(catalog: Catalog, made: Made) -> None:
    """Let the catalog have just these edges of ours into a dataset.

    Raises TransientError while an end of one is not in the catalog.
    """
    target, *sources = await together(*(_end(catalog, d) for d in (made.dataset, *inputs_of(made))))
    pipeline = await _pipeline(catalog, made.pipeline) if made.pipeline else None
    wanted: dict[str, bodies.LineageDetails] = {}
    missing: list[str] = []
    for dataset, source in zip(inputs_of(made), sources, strict=True):
        mine = [e for e in made.edges if e.source.rpartition(".")[0] == dataset]
        columns = _columns(mine, source, target, missing)
        sql = made.sql[:SQL_LIMIT] or None
        wanted[source.id] = bodies.LineageDetails(
            source=SOURCE, columns_lineage=columns, sql_query=sql, pipeline=pipeline
        )
    stored = await upstream(catalog, target)
    put = await together(*(_put(catalog, s, target, wanted[s.id], stored.get(s.id)) for s in sources))
    for source_id in set(stored) - set(wanted):
        if is_ours(catalog, stored[source_id]):
            kind = stored[source_id]["fromEntityType"]
            await catalog.client.delete(f"lineage/{kind}/{source_id}/{target.place.kind}/{target.id}")
            catalog.tally.deleted += 1
        else:
            catalog.tally.kept += 1
    if any(put):
        missing += _lost(wanted, await upstream(catalog, target))
    for edge in missing:
        LOG.warning("the catalog has no column edge %s", edge)
    catalog.tally.missing_edges += missing


async def _end(catalog: Catalog, dataset: str) -> End:
    place = await place_of(catalog, dataset)
    collection = COLLECTIONS[place.kind]
    fields = {"table": "columns", "container": "dataModel", "dashboard": "owners"}[place.kind]
    found = await catalog.client.get(f"{collection}/name/{in_path(place.fqn)}", fields=fields)
    if found is None:
        raise TransientError("absent", f"{place.kind} {place.fqn} is not in the catalog")
    columns = {c["name"].casefold(): join(place.fqn, c["name"]) for c in columns_of(collection, found)}
    return End(place, found["id"], columns)


async def _pipeline(catalog: Catalog, name: str) -> bodies.Reference:
    """The pipeline on an edge; one that never ran yet is made, without tasks."""
    service = catalog.places.pipelines
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
        made, by = (_column(end, name) for end, name in ((target, edge.target), (source, edge.source)))
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


def _column(end: End, name: str) -> str | None:
    """A column as the catalog spells it."""
    plain = name.rpartition(".")[2]
    return end.columns.get(plain.casefold())


async def upstream(catalog: Catalog, target: End) -> dict[str, Json]:
    """The details of each edge into an entity, by the id of its source, with `fromEntityType`."""
    answer = await catalog.client.get(f"lineage/{target.place.kind}/{target.id}", upstreamDepth=1, downstreamDepth=0)
    nodes = {n["id"]: n.get("type") for n in (answer or {}).get("nodes") or ()}
    return {
        e["fromEntity"]: {**(e.get("lineageDetails") or {}), "fromEntityType": nodes.get(e["fromEntity"], "table")}
        for e in (answer or {}).get("upstreamEdges") or ()
        if e["toEntity"] == target.id
    }


def is_ours(catalog: Catalog, details: Json) -> bool:
    """Whether we wrote an edge."""
    pipeline = (details.get("pipeline") or {}).get("fullyQualifiedName", "")
    return details.get("source") == SOURCE and pipeline.startswith(f"{fqn(catalog.places.pipelines)}.")


async def _put(catalog: Catalog, source: End, target: End, wanted: bodies.LineageDetails, stored: Json | None) -> bool:
    """Write an edge unless it is there as wanted; what a person told of it stays. Whether it was written."""
    details = wanted
    if stored is not None:
        details = wanted.model_copy(update={"description": stored.get("description")})
        if not is_ours(catalog, stored):
            catalog.tally.kept += 1
            theirs = [c for c in stored.get("columnsLineage") or () if c["toColumn"] not in _targets(wanted)]
            columns = tuple(_column_lineage(c) for c in theirs)
            details = details.model_copy(
                update={
                    "source": stored.get("source", "Manual"),
                    "columns_lineage": (*wanted.columns_lineage, *columns),
                }
            )
        if _same(details, stored):
            return False
    edge = bodies.Edge(from_entity=source.reference, to_entity=target.reference, lineage_details=details)
    await catalog.client.put("lineage", {"edge": edge.json_body()})
    catalog.tally.created += stored is None
    catalog.tally.updated += stored is not None
    return True


def _targets(details: bodies.LineageDetails) -> set[str]:
    return {c.to_column for c in details.columns_lineage}


def _column_lineage(stored: Json) -> bodies.ColumnLineage:
    return bodies.ColumnLineage(
        from_columns=tuple(stored.get("fromColumns") or ()),
        to_column=stored["toColumn"],
        function=stored.get("function"),
    )


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
