"""What a layer's datasets are made of, to the column: dbt's compiled SQL beside the warehouse's own types."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.dbt import DbtProject
from blocks.sources.base import Manifest
from blocks.warehouses.base import StreamLoad, Warehouse
from flows.context import Context
from governance.column_lineage import model_edges, source_edges
from governance.manifest import compiled_models
from governance.model import Dataset, LineageEdge
from governance.pii import inherit, personal_columns


def model_lineage(
    context: Context, layer: str, warehouse: Warehouse
) -> tuple[list[Dataset], dict[str, list[LineageEdge]]]:
    """(the layer's datasets with their types, dataset → column edges), of what stands in the audit schema.

    A column that declares no `pii` has that of the columns it is made of: of those declared, and of its own layer's.
    """
    catalog = warehouse.catalog()
    built = catalog.get(f"{layer}__audit", {})
    datasets = []
    for declared in context.datasets:
        schema, _, table = declared.name.partition(".")
        if schema == layer and table in built:
            columns = tuple(c.model_copy(update={"type": built[table].get(c.name, "")}) for c in declared.columns)
            datasets.append(declared.model_copy(update={"columns": columns}))
    compiled = compiled_models(DbtProject(context.settings, layer).manifest(), layer) if datasets else {}
    edges = {
        name: model_edges(sql, warehouse.name, catalog, name)
        for name, sql in compiled.items()
        if name.split(".")[1] in built
    }
    known = personal_columns([*context.datasets, *datasets], [e for found in edges.values() for e in found])
    return [inherit(d, edges.get(d.name, ()), known) for d in datasets], edges


def bronze_lineage(context: Context, load: StreamLoad, manifests: Sequence[Manifest]) -> list[LineageEdge]:
    """From the source's columns to bronze's."""
    columns = {c.name: c.called for m in manifests for c in m.schema}
    return source_edges(context.sources[load.source].kind, load.source, load.stream.name, columns, load.stream.table)
