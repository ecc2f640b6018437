"""Where the columns of bronze come from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from blocks.sources.base import CHILD, ColumnSpec
from flows.lineage import bronze_facts

ITEMS = (ColumnSpec("_index", "VARCHAR", "_index"), ColumnSpec("price", "VARCHAR", "Price"))


def origins(*columns: ColumnSpec) -> dict[str, str]:
    """The source's name of each column of bronze that has one there."""
    stream = SimpleNamespace(name="hits", table=None, primary_key=())
    load = SimpleNamespace(source="search", stream=stream, table="search__hits")
    manifest, staged = SimpleNamespace(schema=columns), SimpleNamespace(columns=columns)
    sources = {"search": SimpleNamespace(kind="files", connector=None)}
    context = SimpleNamespace(sources=sources, datasets=(), owner=lambda source: "data-platform")
    ready = SimpleNamespace(load=load, manifests=[manifest], staged=staged)
    facts = bronze_facts(cast(Any, context), cast(Any, ready), cast(Any, SimpleNamespace(type=str)))
    assert facts.origin and {c.name for c in facts.origin.columns} == {e.expression for e in facts.edges}
    return {e.target.rpartition(".")[2]: e.expression for e in facts.edges}


def test_what_ties_a_child_to_its_record_comes_from_nowhere_and_a_column_called_so_does() -> None:
    assert origins(*ITEMS) == {"_index": "_index", "price": "Price"}
    assert origins(*CHILD, ITEMS[1]) == {"price": "Price"}
