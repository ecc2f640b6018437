"""What datasets are now, and what they are made of, to the column: declarations beside the warehouse's own types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from blocks.dbt import DbtProject
from blocks.sources.base import CHILD
from blocks.sources.naming import bronze_names
from blocks.warehouses.base import Ready
from blocks.warehouses.bronze_tables import KEYED_META, META
from blocks.warehouses.dialect import Dialect
from flows.context import Context
from governance.column_lineage import model_edges, source_edges
from governance.manifest import AUDIT, EXPOSURES, compiled_models, table_edges
from governance.model import Column, Dataset, LineageEdge
from governance.pii import inherit, personal_columns

Catalog = Mapping[str, Mapping[str, Mapping[str, str]]]
"""schema → table → column → type."""
_META = {
    "_load_id": "The load that brought the row.",
    "_source_position": "Where the row stands in its source.",
    "_extracted_at": "When it was read.",
    "_row_hash": "Digest of what the source says in it.",
    "_deleted_at": "When it was found to be gone from its source; NULL while it is there.",
    "_parent_id": "Position of the record that it belongs to.",
    "_parent_load_id": "Load of the record that it belongs to.",
    "_index": "Its place within the record, from 0.",
}


@dataclass(frozen=True)
class Facts:
    """What is told of a dataset when it is published."""

    dataset: Dataset
    edges: tuple[LineageEdge, ...] = ()
    inputs: tuple[str, ...] | None = None
    """The datasets that it is made of; None: those that its columns come from."""
    sql: str = ""
    pipeline: str = "transform"
    """The deployment that makes it."""
    origin: Dataset | None = None
    """Of a dataset in bronze: the table or the landed files that it comes from."""
    endpoint: Dataset | None = None
    """Of a partner's stream: what of its API was landed."""


def layer_facts(context: Context, layer: str, catalog: Catalog, dialect: str) -> list[Facts]:
    """Of each dataset that stands in the audit schema; with gold, of what is made of it outside.

    A column that declares no `pii` has that of the columns it is made of: of those declared, and of its own layer's.
    """
    built = catalog.get(f"{layer}{AUDIT}", {})
    mine = [d for d in context.datasets if d.layer == layer and d.name.split(".")[1] in built and d.kind != "exposure"]
    if not mine:
        return []
    compiled = compiled_models(DbtProject(context.settings, layer).manifest(), layer)
    there = {f"{schema.removesuffix(AUDIT)}.{table}" for schema, tables in catalog.items() for table in tables}
    inputs: dict[str, list[str]] = {}
    for edge in table_edges(context.manifest):
        if edge.source in there:
            inputs.setdefault(edge.target, []).append(edge.source)
    found = []
    for declared in mine:
        types, sql = built[declared.name.split(".")[1]], compiled.get(declared.name, "")
        columns = tuple(c.model_copy(update={"type": types.get(c.name, "")}) for c in declared.columns)
        edges = model_edges(sql, dialect, catalog, declared.name) if sql else []
        dataset = declared.model_copy(update={"columns": columns})
        made_of = tuple(inputs.get(declared.name, ()))
        found.append(Facts(dataset, tuple(edges), made_of, sql.replace(AUDIT, "").strip()))
    known = personal_columns([*context.datasets, *(f.dataset for f in found)], [e for f in found for e in f.edges])
    found = [replace(f, dataset=inherit(f.dataset, f.edges, known)) for f in found]
    if layer == "gold":
        outside = [d for d in context.datasets if d.name.startswith(f"{EXPOSURES}.")]
        found += [Facts(d, inputs=tuple(inputs.get(d.name, ())), pipeline="") for d in outside]
    return found


def bronze_facts(context: Context, one: Ready, dialect: Dialect) -> Facts:
    """Of a stream's dataset as it will be once its rows are published."""
    load, source = one.load, context.sources[one.load.source]
    name = f"bronze.{load.table}"
    declared = next((d for d in context.datasets if d.name == name), Dataset(name=name, layer="bronze"))
    known = {c.name: c for c in declared.columns}
    meta = KEYED_META if load.stream.primary_key else META
    columns = tuple(
        known.get(c.name, Column(name=c.name, description=_META.get(c.name, ""))).model_copy(
            update={"type": dialect.type(c.type)}
        )
        for c in (*one.staged.columns, *meta)
    )
    key = tuple(bronze_names(load.stream.primary_key))
    update = {"columns": columns, "owner": declared.owner or context.owner(load.source), "primary_key": key}
    # What ties the rows of a child table to their record is made on reading; a source may have columns called so.
    called = {c.name: c.called for m in one.manifests for c in m.schema if c not in CHILD}
    edges = source_edges(source.kind, load.source, load.stream.name, called, load.stream.table)
    origin = _origin(context, one, edges)
    return Facts(
        declared.model_copy(update=update), tuple(edges), pipeline=f"ingest-{load.source}", origin=origin,
        endpoint=_endpoint(context, one, declared, origin),
    )  # fmt: skip


def _origin(context: Context, one: Ready, edges: list[LineageEdge]) -> Dataset | None:
    """Where the rows come from, with the columns that it calls so."""
    if not edges:
        return None
    types = {c.called: c.type for m in one.manifests for c in m.schema}
    name = edges[0].source.removesuffix(f".{edges[0].expression.lower()}")  # a column may have dots in its name
    return Dataset(
        name=name, layer="source", kind="table" if name.startswith("postgres:") else "container",
        owner=context.owner(one.load.source),
        columns=tuple(Column(name=called, type=types[called]) for called in dict.fromkeys(e.expression for e in edges)),
    )  # fmt: skip


def _endpoint(context: Context, one: Ready, declared: Dataset, origin: Dataset | None) -> Dataset | None:
    """What a partner answers, as it was landed; None of other sources. The connector's version is no part of it."""
    source, stream = context.sources[one.load.source], one.load.stream
    if origin is None or source.connector is None:
        return None
    connector = source.connector.split()[0].partition("==")[0]
    read = f"Stream `{stream.table or stream.name}` of the connector `{connector}`."
    return origin.model_copy(
        update={
            "name": f"api:{one.load.source}.{stream.name}", "kind": "endpoint", "label": stream.table or "",
            "description": f"{declared.description} {read}".strip(), "domain": declared.domain,
        }
    )  # fmt: skip
