"""What a name means in a statement where sqlglot's `qualify` reads it otherwise than the warehouses do.

`prepare` goes before `qualify`, `restore` behind it. Tried on DuckDB:

- HAVING, QUALIFY and expressions in ORDER BY read a column before an alias of the same name; a bare ORDER BY reads the
  alias; HAVING reads the column only within an aggregate, or when rows are grouped by it.
- The variable of `[x + 1 for x in xs]` is no column.
- NATURAL JOIN is USING of the names that both sides have.
- VALUES names its columns `col0` (DuckDB), `column1` (Snowflake).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

COLUMN_FIRST = "column first"
"""Key in the meta of a column without a table: a source's column of this name goes before an alias."""
_MARK = "\ue000"
Tables = Mapping[str, tuple[str, ...]]


def prepare(tree: exp.Expression, dialect: str, stored: Tables) -> None:
    """Change the tree in place, so that `qualify` leaves alone what it would misread."""
    for node in list(tree.walk()):
        if isinstance(node, exp.Comprehension):
            _free_variable(node)
        elif isinstance(node, exp.Values):
            _name_values(node, dialect)
        elif isinstance(node, exp.Select):
            for column in _column_first(node):
                column.this.set("this", _MARK + column.name)
            _join_by_names(node, stored)


def restore(tree: exp.Expression) -> None:
    """Give the columns that were hidden their names again."""
    for column in tree.find_all(exp.Column):
        if column.name.startswith(_MARK):
            column.meta[COLUMN_FIRST] = True
            column.this.set("this", column.name[len(_MARK) :])


def _column_first(select: exp.Select) -> Iterator[exp.Column]:
    aliases = {p.alias.lower() for p in select.expressions if isinstance(p, exp.Alias)}
    group = select.args.get("group")
    keys = {k.name.lower() for k in group.expressions if isinstance(k, exp.Column)} if group else set()
    for clause in ("having", "qualify", "order"):
        for column in _own_columns(select, clause):
            name = column.name.lower()
            bare = clause == "order" and isinstance(column.parent, exp.Ordered)
            alone = clause == "having" and name not in keys and not column.find_ancestor(exp.AggFunc)
            if name in aliases and not (bare or alone):
                yield column


def _own_columns(select: exp.Select, clause: str) -> list[exp.Column]:
    """The columns without a table of a clause, and not of a query within it."""
    found = select.args.get(clause)
    columns = found.find_all(exp.Column) if found else ()
    return [c for c in columns if not c.table and c.find_ancestor(exp.Query) is select]


def _free_variable(node: exp.Comprehension) -> None:
    name = node.expression.name.lower()
    for part in (node.this, node.expression, node.args.get("condition")):
        for column in list(part.find_all(exp.Column)) if part else ():
            if not column.table and column.name.lower() == name:
                column.replace(exp.Var(this=column.name))


def _name_values(node: exp.Values, dialect: str) -> None:
    alias = node.args.get("alias")
    if isinstance(alias, exp.TableAlias) and not alias.columns and node.expressions:
        first = node.expressions[0]
        width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
        names = [f"column{i + 1}" if dialect == "snowflake" else f"col{i}" for i in range(width)]
        alias.set("columns", [exp.to_identifier(name) for name in names])


def _join_by_names(select: exp.Select, stored: Tables) -> None:
    source = select.args.get("from_")
    left = _names_of(source.this, select, stored) if source else None
    for join in select.args.get("joins") or ():
        right = _names_of(join.this, select, stored)
        if left and right and join.method.upper() == "NATURAL":
            join.set("method", None)
            join.set("using", [exp.to_identifier(name) for name in left if name in right])
        left = [*left, *(n for n in right if n not in left)] if left and right else None


def _names_of(node: exp.Expression, select: exp.Select, stored: Tables) -> list[str] | None:
    """The columns of a source, or None where they are not known yet."""
    if isinstance(node, exp.Table):
        ctes = {c.alias.lower(): c for q in _around(select) if q.args.get("with_") for c in q.args["with_"].expressions}
        if not node.args.get("db") and node.name.lower() in ctes:
            return _selected(ctes[node.name.lower()].this)
        name = ".".join(p.name for p in (node.args.get("db"), node.this) if p).lower()
        return list(stored.get(name) or stored.get(node.name.lower()) or ()) or None
    return _selected(node.this) if isinstance(node, exp.Subquery) else None


def _around(node: exp.Expression | None) -> Iterator[exp.Expression]:
    while node is not None:
        yield node
        node = node.parent


def _selected(query: exp.Expression) -> list[str] | None:
    if not isinstance(query, exp.Query) or query.is_star:
        return None
    return [name.lower() for name in query.named_selects]
