"""One SELECT of a statement: its sources, what decides its rows, and the origins of its columns.

Other kinds of query are in `column_walk.py`; what counts as direct is said in `column_lineage.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from governance.column_names import COLUMN_FIRST
from governance.column_origins import Relation, Relations, Value, union

if TYPE_CHECKING:
    from governance.column_walk import Walk

OWN_COALESCE = "written"
"""Key in a node's meta: this COALESCE is the author's, not the one that a JOIN … USING became."""
_ROW_CLAUSES = ("where", "group", "having", "qualify", "order", "limit", "offset", "connect")
_SORTED_VALUE = (exp.PercentileCont, exp.PercentileDisc, exp.Mode)


class Select:
    """One SELECT: what its names mean, its rows and its columns."""

    def __init__(self, walk: Walk, node: exp.Select, ctes: Relations, outer: Relations) -> None:
        self.walk, self.node, self.ctes = walk, node, ctes
        self.names: dict[str, Relation] = dict(outer)
        self.own: dict[str, Relation] = {}
        self.sides: list[tuple[str, str]] = []
        """(alias, LEFT, RIGHT, FULL or empty) of each source in order."""
        self.outputs: dict[str, Value] = {}
        self.windows = {w.this.name: w for w in node.args.get("windows") or ()}
        self.rows: dict[str, str] = {}

    def relation(self) -> Relation:
        """The SELECT as a relation."""
        if source := self.node.args.get("from_"):
            self.add(source.this)
        for join in self.node.args.get("joins") or ():
            self.join(join)
        for lateral in self.node.args.get("laterals") or ():
            self.add(lateral)
        columns = []
        for projection in self.node.expressions:
            columns += self.outputs_of(projection)
        self.outputs = dict(columns)
        for clause in _ROW_CLAUSES:
            if found := self.node.args.get(clause):
                self.decided_by(found)
                if clause == "group" and found.args.get("all"):
                    keys = [p for p in self.node.expressions if not p.find(exp.AggFunc)]
                    self.decided_by(*keys, text="GROUP BY ALL")
                if clause == "order" and any(isinstance(o.this, exp.Var) for o in found.expressions):
                    self.decided_by(*self.node.expressions, text="ORDER BY ALL")
        distinct = self.node.args.get("distinct")
        if distinct and (on := distinct.args.get("on")):
            self.decided_by(on, text=self.walk.text(distinct))
        return Relation(tuple(columns), self.rows)

    def decided_by(self, *nodes: exp.Expression, text: str | None = None) -> None:
        """Put every column that the nodes read among those that decide the rows."""
        for node in nodes:
            leaves = self.value(node).all
            if leaves:
                said = self.walk.text(node).strip() if text is None else text
                self.rows.update({leaf: said for leaf in leaves if leaf not in self.rows})

    # --- sources -------------------------------------------------------------------------------

    def join(self, join: exp.Join) -> None:
        """One JOIN: its source, and the condition."""
        self.add(join.this, join.side.upper())
        for condition in (join.args.get("on"), join.args.get("match_condition")):
            if condition is not None:
                self.decided_by(condition, text=f"JOIN ON {self.walk.text(condition)}")
        for column in join.args.get("using") or ():
            name = column.name
            for relation in self.own.values():
                if value := relation.get(name):
                    self.rows.update(dict.fromkeys(value.all, f"JOIN USING ({name})"))

    def add(self, node: exp.Expression, side: str = "") -> None:
        """A source of FROM or JOIN; brackets around joins open up."""
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table) and not node.alias:
            self.add(node.this, side)
        else:
            relation = self.source(node)
            alias = node.alias_or_name
            for pivot in node.args.get("pivots") or ():
                relation = self.pivoted(relation, pivot, alias)
                alias = pivot.alias or alias
            self.rows.update({k: v for k, v in relation.rows.items() if k not in self.rows})
            self.own[alias] = self.names[alias] = relation
            self.sides.append((alias, side))
        for join in node.args.get("joins") or ():
            self.join(join)

    def source(self, node: exp.Expression) -> Relation:
        """The relation of a table, CTE, subquery, VALUES or table function."""
        alias = node.args.get("alias")
        names = [c.name for c in alias.columns] if isinstance(alias, exp.TableAlias) else []
        if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            return self.source(node.this).renamed(names)
        if isinstance(node, exp.Query):
            return self.walk.query(node, self.ctes, self.names).renamed(names)
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            if not node.args.get("db") and node.name in self.ctes:
                return self.ctes[node.name].renamed(names)
            table = ".".join(p.name for p in (node.args.get("db"), node.this) if p).lower()
            return self.walk.stored_table(table).renamed(names)
        if isinstance(node, exp.Values):
            return self.walk.query(node, self.ctes, self.names)
        inner = node.this if isinstance(node, exp.Table | exp.Lateral) else node
        value = self.values(inner.args.values()) if inner is not None else Value()
        return Relation(default=replace(value, expression=self.walk.text(inner))).renamed(names)

    def pivoted(self, relation: Relation, pivot: exp.Pivot, alias: str) -> Relation:
        """PIVOT: the aggregates' arguments are direct, the rest decides the rows; UNPIVOT: the listed columns."""
        inner = Select(self.walk, exp.Select(), self.ctes, {})
        inner.own = inner.names = {alias: relation}
        fields = [f for f in pivot.args.get("fields") or () if isinstance(f, exp.In)]
        used = {c.name for c in pivot.find_all(exp.Column)}
        kept = tuple((n, v) for n, v in relation.columns if n not in used)
        text = self.walk.text(pivot).strip()
        if pivot.args.get("unpivot"):
            listed = union((inner.values(f.expressions) for f in fields), text)
            new = [(e.name, listed) for e in pivot.expressions] + [(f.this.name, Value()) for f in fields]
            return replace(relation, columns=(*kept, *new), table="")
        by = inner.values([f.this for f in fields])
        rows = dict.fromkeys((*by.all, *(leaf for _, v in kept for leaf in v.all)), text)
        aggregates = [replace(inner.value(e), expression=self.walk.text(e)) for e in pivot.expressions]
        names = [c.name for c in pivot.args.get("columns") or ()]
        new = [(n, aggregates[i % len(aggregates)]) for i, n in enumerate(names)]
        return Relation((*kept, *new), {**rows, **relation.rows})

    # --- values --------------------------------------------------------------------------------

    def outputs_of(self, projection: exp.Expression) -> list[tuple[str, Value]]:
        """(name, origins) of one projection; a star that stayed gives the columns that are known."""
        if _is_star(projection):
            table = projection.table if isinstance(projection, exp.Column) else ""
            return [c for a, r in self.own.items() if table in ("", a) for c in r.columns]
        inner = projection.this if isinstance(projection, exp.Alias) else projection
        value = self.value(inner)
        if not (isinstance(inner, exp.Column) and value.expression):
            value = replace(value, expression=self.walk.text(inner))
        return [(projection.alias_or_name, value)]

    def values(self, nodes: object) -> Value:
        """The origins of all nodes in a (nested) collection together."""
        flat: list[Value] = []

        def collect(item: object) -> None:
            if isinstance(item, exp.Expression):
                flat.append(self.value(item))
            elif not isinstance(item, str | bytes) and hasattr(item, "__iter__"):
                for one in item:
                    collect(one)

        collect(nodes)
        return union(flat)

    def value(self, node: exp.Expression) -> Value:
        """The origins of an expression."""
        if isinstance(node, exp.Column):
            return self.column(node)
        if isinstance(node, exp.Window):
            seen = [v for k, v in node.args.items() if k != "this"] + [self.windows.get(node.alias)]
            return self.split([] if isinstance(node.this, exp.Identifier) else node.this, seen, node)
        if isinstance(node, exp.Filter):
            return self.split(node.this, node.expression, node.expression)
        if isinstance(node, exp.WithinGroup) and not isinstance(node.this, _SORTED_VALUE):
            return self.split(node.this, node.expression, node.expression)
        if isinstance(node, exp.Order) and node.this is not None:
            return self.split(node.this, node.expressions, node)
        if isinstance(node, exp.Exists):
            found = self.walk.query(node.this, self.ctes, self.names)
            return Value(indirect=dict.fromkeys(found.rows, self.walk.text(node)))
        if isinstance(node, exp.Subquery | exp.Select | exp.SetOperation | exp.Values):
            found = self.walk.query(node, self.ctes, self.names)
            inside = union(v for _, v in found.columns)
            return union([inside, Value(indirect=found.rows)])
        if isinstance(node, exp.Coalesce) and not node.meta.get(OWN_COALESCE):
            return self.using(node)
        if isinstance(node, exp.Count) and _is_star(node.this):
            return Value()
        return self.values(node.args.values())

    def split(self, direct: object, indirect: object, clause: exp.Expression) -> Value:
        """`direct` decides the value, `indirect` the rows that it sees."""
        text = self.walk.text(clause).strip()
        return union([self.values(direct), Value(indirect=dict.fromkeys(self.values(indirect).all, text))])

    def using(self, node: exp.Coalesce) -> Value:
        """The column of a JOIN … USING: the side that gives the value (both only in a FULL join)."""
        parts = {c.table: self.column(c) for c in node.find_all(exp.Column)}
        chosen: list[Value] = []
        for alias, side in self.sides:
            if alias in parts:
                if not chosen or side == "RIGHT":
                    chosen = [parts[alias]]
                elif side == "FULL":
                    chosen.append(parts[alias])
        return union(chosen or parts.values())

    def column(self, node: exp.Column) -> Value:
        """The origins of a column reference; nothing where it cannot be resolved."""
        table, name = node.table, node.name
        if isinstance(node.this, exp.Star):
            return union(v for _, v in self.names[table].columns) if table in self.names else Value()
        if table:
            relation = self.names.get(table)
            return (relation.get(name) if relation else None) or Value()
        found = [v for r in self.own.values() if (v := dict(r.columns).get(name))]
        if name in self.outputs and not (found and node.meta.get(COLUMN_FIRST)):
            return self.outputs[name]
        if name in self.own:  # a whole row, as in `select t from t`
            return union(v for _, v in self.own[name].columns)
        if not found and len(self.own) == 1:
            return next(iter(self.own.values())).get(name) or Value()
        return found[0] if len(found) == 1 else Value()


def _is_star(node: exp.Expression | None) -> bool:
    return isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star))
