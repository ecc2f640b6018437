"""dbt's manifest.json as what it declares: datasets, owners, tests, edges between tables, and what a layer builds.

Names lose `__audit`. A `<model>__rejected` model belongs to its model and a seed is an input without readers: neither
is a dataset, and an edge through one joins its ends. So does one through an ephemeral model.
Not here: column edges (`column_lineage.py`) and what the warehouse found (column types, rows).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from governance.declared_tests import DeclaredTest, declared_tests
from governance.model import Column, Dataset, Frozen

__all__ = ["DeclaredTest", "LayerModels", "TableEdge", "compiled_models", "datasets", "declared_columns",
           "declared_tests", "layer_models", "table_edges"]  # fmt: skip

AUDIT = "__audit"
REJECTED = "__rejected"
EXPOSURES = "exposure"
LAYERS = ("bronze", "silver", "gold")
Manifest = Mapping[str, Any]
Node = Mapping[str, Any]


class TableEdge(Frozen):
    """A dataset made from another; an exposure is `exposure.<name>`."""

    source: str
    target: str


@dataclass(frozen=True)
class LayerModels:
    """What a layer builds of what is there."""

    keys: Mapping[str, str | None]
    """model → unique key of an incremental one, None for one that is replaced."""
    rejected: tuple[str, ...]
    """Its `…__rejected` models."""
    select: tuple[str, ...]
    """All of them, in dbt's selection syntax."""
    seeds: tuple[str, ...]
    """The seeds that they read."""
    skipped: tuple[str, ...]
    """Models that read, through others perhaps, a source that is not there."""


def dataset_name(node: Node) -> str:
    """`<schema>.<table>` as readers know it, lower case."""
    if node["resource_type"] == "exposure":
        return f"{EXPOSURES}.{node['name']}".lower()
    table = node.get("alias") or node.get("identifier") or node["name"]
    return f"{str(node['schema']).lower().removesuffix(AUDIT)}.{str(table).lower()}"


def datasets(
    manifest: Manifest, owners: Mapping[str, str] | None = None, rejected: bool = False
) -> tuple[Dataset, ...]:
    """Bronze tables, models and exposures, in the order of the layers; each with exactly what is declared of it.

    With the tables of `…__rejected` models if these are asked for. `owners` names those of bronze
    (`bronze.crm__projects` → team), which sources.yml declares; a model's is its group. A child table has the owner of
    its records.
    """
    order = (*LAYERS, EXPOSURES)
    found = [_dataset(node, owners or {}) for node in _nodes(manifest).values() if _is_dataset(node, rejected)]
    return tuple(sorted(found, key=lambda d: (order.index(d.name.split(".")[0]), d.name)))


def owner_of(dataset: str, owners: Mapping[str, str]) -> str | None:
    """The owner of a bronze table; a child table (`<table>__<child>`) is whose its records are."""
    while dataset and dataset not in owners:
        dataset = dataset.rpartition("__")[0]
    return owners.get(dataset)


def table_edges(manifest: Manifest) -> tuple[TableEdge, ...]:
    """Which dataset is made from which."""
    nodes = _nodes(manifest)
    edges = {
        (dataset_name(parent), dataset_name(node))
        for node in nodes.values()
        if _is_dataset(node)
        for parent in _parents(node, nodes, set())
    }
    return tuple(TableEdge(source=s, target=t) for s, t in sorted(edges) if s != t)


def compiled_models(manifest: Manifest, layer: str, rejected: bool = False) -> dict[str, str]:
    """dataset → compiled SQL, of the layer's models that the last invocation compiled; as in `datasets`."""
    return {
        dataset_name(node): str(node["compiled_code"])
        for node in _nodes(manifest).values()
        if node["resource_type"] == "model"
        and _is_dataset(node, rejected)
        and _layer(node) == layer
        and node.get("compiled_code")
    }


def declared_columns(manifest: Manifest) -> dict[str, dict[str, dict[str, str]]]:
    """schema → table → column → type, of every table that a model may read: what column lineage resolves names by."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for node in _nodes(manifest).values():
        if node["resource_type"] in ("model", "source", "seed", "snapshot"):
            schema, _, table = dataset_name(node).partition(".")
            columns = {str(c["name"]).lower(): str(c.get("data_type") or "") for c in node["columns"].values()}
            found.setdefault(schema, {})[table] = columns
    return found


def layer_models(manifest: Manifest, layer: str, present: Iterable[str]) -> LayerModels:
    """What to build of a layer when `present` (`bronze.<table>`) are the bronze tables that exist.

    A model is skipped with what it reads, but not with what its `meta: {optional: [name]}` names. Models that read no
    bronze table, such as the platform's cost, come along with others only.
    """
    there, nodes = set(present), _nodes(manifest)
    missing: dict[str, bool] = {}

    def lacks(unique_id: str) -> bool:
        node = nodes.get(unique_id)
        if node is None:
            return False
        if unique_id not in missing:
            missing[unique_id] = False  # dbt has no cycles; this ends a self-reference
            if node["resource_type"] == "source":
                missing[unique_id] = _layer(node) == "bronze" and dataset_name(node) not in there
            else:
                spared = meta_of(node).get("optional") or ()
                needed = [p for p in _depends_on(node) if nodes.get(p, {}).get("name") not in spared]
                missing[unique_id] = any(lacks(p) for p in needed)
        return missing[unique_id]

    mine = {
        key: node
        for key, node in nodes.items()
        if node["resource_type"] == "model"
        and _layer(node) == layer
        and _config(node).get("materialized") != "ephemeral"
    }
    built = {key: node for key, node in mine.items() if not lacks(key)}
    if not any(_reads_bronze(node, nodes) for node in built.values()):
        built = {}
    seeds = {nodes[p]["name"] for node in built.values() for p in _inputs(node, nodes, "seed", set())}
    return LayerModels(
        keys={n["name"]: _unique_key(n) for n in built.values() if not n["name"].endswith(REJECTED)},
        rejected=tuple(sorted(n["name"] for n in built.values() if n["name"].endswith(REJECTED))),
        select=tuple(sorted(n["name"] for n in built.values())),
        seeds=tuple(sorted(seeds)),
        skipped=tuple(sorted(n["name"] for key, n in mine.items() if key not in built)),
    )


def _nodes(manifest: Manifest) -> dict[str, Node]:
    return {**manifest.get("sources", {}), **manifest.get("nodes", {}), **manifest.get("exposures", {})}


def _config(node: Node) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], node.get("config") or {})


def meta_of(node: Node) -> dict[str, Any]:
    """`meta` stands beside `config` or within it, by dbt's release."""
    return {**(node.get("meta") or {}), **(_config(node).get("meta") or {})}


def _layer(node: Node) -> str:
    return dataset_name(node).split(".", 1)[0]


def _is_dataset(node: Node, rejected: bool = False) -> bool:
    if node["resource_type"] == "exposure":
        return True
    if node["resource_type"] not in ("model", "source") or (node["name"].endswith(REJECTED) and not rejected):
        return False
    return _layer(node) in LAYERS and _config(node).get("materialized") != "ephemeral"


def _depends_on(node: Node) -> list[str]:
    return list((node.get("depends_on") or {}).get("nodes") or ())


def _parents(node: Node, nodes: Mapping[str, Node], seen: set[str]) -> Iterator[Node]:
    """The nearest datasets upstream."""
    for key in _depends_on(node):
        parent = nodes.get(key)
        if parent is None or key in seen:
            continue
        seen.add(key)
        if _is_dataset(parent):
            yield parent
        else:
            yield from _parents(parent, nodes, seen)


def _reads_bronze(node: Node, nodes: Mapping[str, Node]) -> bool:
    """Whether a model reads a bronze table, by itself or through others."""
    below = [nodes[key] for key in _depends_on(node) if key in nodes]
    return any((n["resource_type"] == "source" and _layer(n) == "bronze") or _reads_bronze(n, nodes) for n in below)


def _inputs(node: Node, nodes: Mapping[str, Node], kind: str, seen: set[str]) -> Iterator[str]:
    for key in _depends_on(node):
        if key in seen or key not in nodes:
            continue
        seen.add(key)
        if nodes[key]["resource_type"] == kind:
            yield key
        elif _config(nodes[key]).get("materialized") == "ephemeral":
            yield from _inputs(nodes[key], nodes, kind, seen)


def _unique_key(node: Node) -> str | None:
    config = _config(node)
    if config.get("materialized") != "incremental":
        return None
    key = config.get("unique_key")
    return str(key[0] if isinstance(key, list) else key) if key else None


def _dataset(node: Node, owners: Mapping[str, str]) -> Dataset:
    name, meta = dataset_name(node), meta_of(node)
    exposure = node["resource_type"] == "exposure"
    owner = owner_of(name, owners) or node.get("group") or _config(node).get("group") or meta.get("owner") or ""
    if exposure and not owner:
        owner = (node.get("owner") or {}).get("name") or ""
    return Dataset(
        name=name,
        layer="gold" if exposure else cast(Any, _layer(node)),
        kind="exposure" if exposure else "view" if _config(node).get("materialized") == "view" else "table",
        label=str(node.get("label") or "") if exposure else "",
        url=str(node.get("url") or "") if exposure else "",
        description=str(node.get("description") or "").strip(),
        owner=str(owner),
        columns=tuple(_column(c) for c in (node.get("columns") or {}).values()),
        tags=tuple(node.get("tags") or _config(node).get("tags") or ()),
        tier=str(meta["tier"]) if meta.get("tier") is not None else None,
        domain=meta.get("domain"),
    )


def _column(column: Node) -> Column:
    meta = meta_of(column)
    pii, declined = meta.get("pii"), meta.get("pii_declined")
    return Column(
        name=str(column["name"]).lower(),
        type=str(column.get("data_type") or ""),
        description=str(column.get("description") or "").strip(),
        tags=tuple(column.get("tags") or _config(column).get("tags") or ()),
        pii=("personal" if pii is True else str(pii)) if pii else None,
        pii_declined=None if declined is None else str(declined).strip(),
    )
