"""A large stream in parts: each is loaded into a table of its own by one process, and all are gathered by another.

A part knows the files of its own alone. What it loaded is taken as it is where the whole has the same types and hashes;
elsewhere the parts are read again together, so that the result is that of one process in any case.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blocks.sources.base import ColumnSpec, Manifest, Reject
from blocks.sources.extracts import Extract
from blocks.sources.naming import quote
from blocks.sources.union import in_common
from blocks.warehouses.base import StreamLoad
from blocks.warehouses.bronze_stage import REJECTS, fill, shape_of, write_rejects
from blocks.warehouses.bronze_tables import PART, create, meta_of
from blocks.warehouses.ledger_shards import Shard

if TYPE_CHECKING:
    import duckdb

    from blocks.warehouses.sql import SqlWarehouse

Facts = dict[str, Any]


def part_table(load: StreamLoad, one_try: str, of: str = "rows") -> str:
    """The table of what one try of a part loaded, or of what it could not read."""
    return f"bronze__staging.{quote(f'{load.table}{PART}{one_try}_{of}')}"


def load_part(
    warehouse: SqlWarehouse, load: StreamLoad, extract: Extract, manifests: Sequence[Manifest], number: int
) -> Facts:
    """Load a part of a stream, or of a child table, beside the others; what the gatherer must know of it.

    Each try has tables of its own: one that was taken for lost may go on beside the next. Raises what `stage` does for
    a shape that the stream's policy does not take.
    """
    where = f"stream {load.source}.{load.stream.name}"
    shape = shape_of(warehouse, load, extract, manifests, where)
    one_try = f"{number}_{uuid.uuid4().hex[:12]}"
    rows, rejects = part_table(load, one_try), part_table(load, one_try, "rejects")
    columns = (*shape.columns, *meta_of(load))
    create(warehouse, rows, columns)
    fill(warehouse, load, shape, extract, rows, columns, where)
    write_rejects(warehouse, rejects, extract.rejects(warehouse.engine))
    return {
        "try": one_try,
        "incoming": [[c.name, c.type, c.origin] for c in extract.columns],
        "columns": [[c.name, c.type] for c in shape.columns],
        "source_of": list(shape.source_of.items()),
        "optional": extract.optional,
        "content": extract.content,
        "children": sorted(extract.children),
    }


def gather(
    warehouse: SqlWarehouse, load: StreamLoad, manifests: Sequence[Manifest], shards: Sequence[Shard], child: str = ""
) -> Gathered | None:
    """What all parts loaded of a stream, or of its child table, as one extract; None where they are not alike."""
    parts = {s.number: s.facts[child] for s in shards if s.facts and child in s.facts}
    incoming = in_common([[ColumnSpec(*c) for c in facts["incoming"]] for facts in parts.values()])
    found = Gathered(warehouse, load, incoming, parts)
    shape = shape_of(warehouse, load, found, manifests, f"stream {load.source}.{load.stream.name}")
    if shape.extra and load.stream.schema_policy == "freeze":  # whose rows go to quarantine is seen in the files
        return None
    if len({(facts["content"], *facts["children"]) for facts in parts.values()}) > 1:
        return None
    columns = {(c.name, c.type) for c in shape.columns}
    order = [list(pair) for pair in shape.source_of.items()]  # in which a row's values are hashed
    alike = all(
        {tuple(c) for c in facts["columns"]} <= columns and _is_subsequence(facts["source_of"], order)
        for facts in parts.values()
    )
    return found if alike else None


class Gathered:
    """The tables of the parts as an extract: there is nothing left to read but what they could not."""

    content: str | None = None
    keys_sql: str | None = None
    sql = ""
    selects: Sequence[str] = ()

    def __init__(
        self, warehouse: SqlWarehouse, load: StreamLoad, columns: Sequence[ColumnSpec], parts: Mapping[int, Facts]
    ) -> None:
        self.warehouse, self.load, self.columns, self.parts = warehouse, load, columns, parts
        self.children: Mapping[str, Extract] = {}
        """Gathered each, by name."""

    @property
    def optional(self) -> bool:
        """Whether any of them has columns that may be absent."""
        return any(facts["optional"] for facts in self.parts.values())

    @property
    def tables(self) -> Mapping[str, Sequence[str]]:
        """Table → its columns."""
        meta = [c.name for c in meta_of(self.load)]
        return {
            part_table(self.load, facts["try"]): [*(name for name, _ in facts["columns"]), *meta]
            for facts in self.parts.values()
        }

    def rejects(self, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
        """Those of all parts."""
        return [Reject(*row) for facts in self.parts.values() for row in self._rejects(facts["try"])]

    def _rejects(self, one_try: str) -> Iterator[tuple[Any, ...]]:
        columns = ", ".join(quote(c.name) for c in REJECTS)
        yield from self.warehouse.execute(f"SELECT {columns} FROM {part_table(self.load, one_try, 'rejects')}")


def _is_subsequence(part: Sequence[object], whole: Sequence[object]) -> bool:
    rest = iter(whole)
    return all(item in rest for item in part)
