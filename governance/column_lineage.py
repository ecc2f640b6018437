"""SQL to column edges: which columns decide each output column's value, and which decide what rows there are.

The statement is qualified once by sqlglot; then one walk over its tree gives every column's origins. What counts:

- **direct**: the value is computed from it. Arguments of functions, aggregates and window functions, operands,
  and the conditions of CASE (`CASE WHEN a = b …` says what `a = b` says).
- **indirect**: it decides which rows there are, or which of them a window sees. WHERE, JOIN … ON and USING, GROUP BY,
  HAVING, QUALIFY, DISTINCT ON, ORDER BY, FILTER, PARTITION BY, EXISTS, both sides of EXCEPT and INTERSECT.
- neither: constants, `count(*)`, DISTINCT, and what cannot be resolved (a star over an unknown table): no edge is made
  up. A column that is both is direct.

Names fold to lower case whatever the quotes, as `governance.model.LineageEdge` says. Not here: graphs (`lineage.py`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from governance.column_names import prepare, restore
from governance.column_origins import Relation
from governance.column_select import OWN_COALESCE
from governance.column_walk import Walk
from governance.errors import HallmarkError
from governance.model import LineageEdge

AUDIT = "__audit"
ADDED = ("_load_id", "_source_position", "_extracted_at", "_row_hash", "_deleted_at")
"""Columns of bronze that a load adds; no source's column is ever called so there."""
_PLAIN = re.compile(r"^[a-z_][a-z0-9_]*$")
Schema = Mapping[str, Any]


def column_edges(sql: str, dialect: str = "duckdb", schema: Schema | None = None) -> list[LineageEdge]:
    """The edges of one SELECT (or CREATE … AS SELECT, INSERT … SELECT), one per (source, target).

    `schema` is sqlglot's nested mapping: `{table: {column: type}}`, `{schema: {table: …}}` or with the database
    outside; a key may be dotted. Sources are `[<schema>.]<table>.<column>`, audit schemas by their published name,
    targets the output column's name, with the table before it when the statement names one.
    Raises HallmarkError when the SQL cannot be parsed.
    """
    tree = _parse(sql, dialect)
    prefix, renamed, tree = _target(tree)
    known = _two_levels(schema or {})
    stored = _flat(known)
    prepare(tree, dialect, stored)
    tree = _qualified(tree, dialect, known)
    relation = Walk(dialect, stored).query(tree, {}, {})
    return _edges(relation, prefix, renamed)


def model_edges(
    sql: str, dialect: str, schema: Schema, target: str, hidden: tuple[str, ...] = ("ops",)
) -> list[LineageEdge]:
    """The edges of the model `target` (`<schema>.<table>`) with full names and `model` set.

    Left out: what a model reads of itself (incremental models) and of the `hidden` schemas (the ledger).
    """
    kept = []
    for edge in column_edges(sql, dialect, schema):
        table = edge.source.rpartition(".")[0]
        if table != target and table.partition(".")[0] not in hidden:
            name = edge.target.rpartition(".")[2]
            kept.append(edge.model_copy(update={"target": f"{target}.{name}", "model": target}))
    return kept


def source_edges(
    kind: str, source: str, stream: str, columns: Mapping[str, str], table: str | None = None
) -> list[LineageEdge]:
    """The edges from outside into bronze: `columns` is bronze's column → the source's name of it.

    A table gives `postgres:crm.public.projects.rate` (`public` where `table` names no schema), everything else
    `file:drops.customers.revenue` by its stream. Columns that the load adds (`ADDED`) have no origin.
    """
    place = stream
    if kind == "postgres" and table is not None:
        place = table if "." in table else f"public.{table}"
    scheme = {"files": "file", "documents": "document"}.get(kind, kind)
    return [
        LineageEdge(
            source=f"{scheme}:{source}.{place}.{origin}".lower(),
            target=f"bronze.{source}__{stream}.{name}".lower(),
            expression=origin,
            model=f"{source}.{stream}",
        )
        for name, origin in columns.items()
        if name not in ADDED
    ]


def _parse(sql: str, dialect: str) -> exp.Expression:
    try:
        return sqlglot.parse_one(sql, dialect=dialect)
    except SqlglotError as error:
        cause = " ".join(re.sub(r"\x1b\[\d*m", "", str(error)).split())[:300]
        raise HallmarkError(
            "column lineage", f"the SQL cannot be parsed: {cause}", "correct it, or its dialect"
        ) from None


def _target(tree: exp.Expression) -> tuple[str, list[str], exp.Expression]:
    """(table before the column names, their new names, the query) of a statement."""
    if not isinstance(tree, exp.Create | exp.Insert):
        return "", [], tree
    into, names = tree.this, []
    if isinstance(into, exp.Schema):
        names = [c.name.lower() for c in into.expressions]
        into = into.this
    query = tree.expression
    if not isinstance(query, exp.Query):
        raise HallmarkError("column lineage", "the statement has no query", "give a SELECT")
    if tree.args.get("with_"):
        query.set("with_", tree.args["with_"])
    return f"{_table_name(into)}.", names, query


def _qualified(tree: exp.Expression, dialect: str, known: Schema) -> exp.Expression:
    for node in tree.walk():
        if isinstance(node, exp.Coalesce):
            node.meta[OWN_COALESCE] = True  # USING becomes a COALESCE too: see Walk
        elif isinstance(node, exp.Table) and (db := node.args.get("db")) and db.name.lower().endswith(AUDIT):
            db.set("this", db.name[: -len(AUDIT)])
    # Names fold the same way on every warehouse here, so that "Rate" finds RATE.
    folding = f"{dialect}, normalization_strategy=case_insensitive"
    mapping = MappingSchema(dict(known), dialect=folding, normalize=False)
    try:
        tree = qualify(
            tree, dialect=folding, schema=mapping, infer_schema=True, validate_qualify_columns=False,
            quote_identifiers=False, identify=False,
        )  # fmt: skip
    except SqlglotError as error:
        raise HallmarkError("column lineage", str(error)[:300], "correct the SQL, or the schema given") from None
    restore(tree)
    # sqlglot 29 reads `u.c` within a correlated lateral `v` as the field c of a column v.u.
    for lateral in tree.find_all(exp.Lateral):
        for dot in list(lateral.find_all(exp.Dot)):
            if isinstance(dot.this, exp.Column) and dot.this.table == lateral.alias:
                dot.replace(exp.Column(this=dot.expression, table=dot.this.this))
    reserved = _keywords(dialect)
    for name in tree.find_all(exp.Identifier):
        if name.args.get("quoted") and _PLAIN.match(name.name) and name.name.upper() not in reserved:
            name.set("quoted", False)
    return tree


@functools.cache
def _keywords(dialect: str) -> frozenset[str]:
    return frozenset(sqlglot.Dialect.get_or_raise(dialect).tokenizer_class.KEYWORDS)


def _two_levels(schema: Schema) -> dict[str, Any]:
    """`{schema: {table: {column: type}}}`, or one level less when no schema is named at all."""
    flat: dict[tuple[str, ...], dict[str, str]] = {}

    def walk(path: tuple[str, ...], node: Mapping[str, Any]) -> None:
        if node and all(isinstance(v, Mapping) for v in node.values()):
            for key, value in node.items():
                walk((*path, *key.lower().split(".")), value)
        elif path:
            parts = (path[-2].removesuffix(AUDIT), path[-1]) if len(path) > 1 else path
            # The types are not used, and a type of another dialect would not parse.
            flat[parts] = {column.lower(): "unknown" for column in node}

    walk((), schema)
    deep = any(len(path) > 1 for path in flat)
    result: dict[str, Any] = {}
    for path, columns in flat.items():
        if deep:
            result.setdefault(path[0] if len(path) > 1 else "", {})[path[-1]] = columns
        else:
            result[path[0]] = columns
    return result


def _flat(known: Schema) -> dict[str, tuple[str, ...]]:
    flat: dict[str, tuple[str, ...]] = {}
    for key, value in known.items():
        if any(isinstance(v, dict) for v in value.values()):
            flat.update({f"{key}.{table}".lstrip("."): tuple(columns) for table, columns in value.items()})
        else:
            flat[key] = tuple(value)
    return flat


def _table_name(node: exp.Expression) -> str:
    return ".".join(p.name for p in (node.args.get("db"), node.this) if p).lower()


def _edges(relation: Relation, prefix: str, renamed: list[str]) -> list[LineageEdge]:
    edges: dict[tuple[str, str], LineageEdge] = {}
    for position, (name, value) in enumerate(relation.columns):
        target = prefix + (renamed[position] if position < len(renamed) else name)
        for source in value.direct:
            edges[source, target] = LineageEdge(
                source=source, target=target, expression=value.expression, kind="direct"
            )
        for source, clause in {**relation.rows, **value.indirect}.items():
            edge = LineageEdge(source=source, target=target, expression=clause, kind="indirect")
            edges.setdefault((source, target), edge)
    return list(edges.values())
