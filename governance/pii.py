"""Personal data along column edges: what a column is made of makes it as personal, unless its declaration says why not.

The rule: a column that reads a personal column directly (`LineageEdge.kind`) is personal of the same kind. What only
decides which rows there are does not count. It holds for every expression, since none of them is harmless for all
data: a hash can be guessed, a count of one is a person, `'x' || email` is the e-mail. One exception follows from the
type: a BOOLEAN holds no name, address, number or text, so those kinds (`WORDED`) end in it; of `health`, `demographic`
and other kinds the one bit may be all there is to know, so they do not.

A column ends it by `meta: {pii_declined: <why>}` in dbt's YAML; `meta: {pii: <kind>}` names a kind of its own. Both
hold for what is made of it too. Pure: declarations and edges are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from governance.model import Column, Dataset, Frozen, LineageEdge

PERSONAL = "personal"
"""Of no kind, or of several."""
WORDED = frozenset({"name", "email", "phone", "address", "free_text"})
"""Kinds that are words or numbers of more than one bit."""
WORDS_OF_A_REASON = 3
Known = Mapping[str, str]
"""`<schema>.<table>.<column>` → kind, of the personal ones."""


class Finding(Frozen):
    """A column whose declaration does not fit what it is made of."""

    column: str
    problem: Literal["undeclared", "unreasoned", "needless", "contradictory"]
    kind: str = ""
    """What it inherits."""
    inherits_from: tuple[str, ...] = ()
    """The nearest columns that declare it."""
    path: tuple[str, ...] = ()
    """From the first of these to the column."""
    expression: str = ""
    remedy: str

    def __str__(self) -> str:
        """One line for a person."""
        how = f" by {' → '.join(self.path)} ({' '.join(self.expression.split())[:120]})" if self.path else ""
        return f"{self.column}: {self.problem}{f', {self.kind}' if self.kind else ''}{how}. Remedy: {self.remedy}"


def findings(datasets: Iterable[Dataset], edges: Iterable[LineageEdge]) -> list[Finding]:
    """Every column that inherits and says nothing, or declines without a reason or without need; by name."""
    columns = {f"{d.name}.{c.name}": c for d in datasets for c in d.columns}
    graph = _Graph(columns, edges)
    found = []
    for name, column in sorted(columns.items()):
        kinds = graph.inherited(name)
        if column.pii_declined is not None:
            if problem := _problem_of_decline(name, column, kinds):
                found.append(problem)
        elif kinds and not column.pii:
            found.append(graph.finding(name, kinds))
    return found


def personal_columns(datasets: Iterable[Dataset], edges: Iterable[LineageEdge]) -> dict[str, str]:
    """`<dataset>.<column>` → kind of every personal column, declared or inherited over any number of edges."""
    columns = {f"{d.name}.{c.name}": c for d in datasets for c in d.columns}
    graph = _Graph(columns, edges)
    return {name: kind for name in columns if (kind := _one(graph.kinds(name)))}


def inherit(dataset: Dataset, edges: Iterable[LineageEdge], known: Known) -> Dataset:
    """The dataset with `pii` on each column that inherits it and declares nothing.

    `edges` are those into the dataset, `known` the personal columns of what it reads (`personal_columns`).
    """
    made_of: dict[str, set[str]] = {}
    for edge in edges:
        table, _, name = edge.target.rpartition(".")
        if table == dataset.name and edge.kind == "direct" and (kind := _known(known, edge.source)):
            made_of.setdefault(name, set()).add(kind)
    columns = []
    for column in dataset.columns:
        kinds = {k for k in made_of.get(column.name, ()) if _fits(k, column)}
        inherits = kinds and not column.pii and column.pii_declined is None
        columns.append(column.model_copy(update={"pii": _one(kinds)}) if inherits else column)
    return dataset.model_copy(update={"columns": tuple(columns)})


class _Graph:
    """The direct edges, and what each column is by them."""

    def __init__(self, columns: Mapping[str, Column], edges: Iterable[LineageEdge]) -> None:
        self.columns = columns
        self.above: dict[str, list[LineageEdge]] = {}
        self.memory: dict[str, frozenset[str]] = {}
        for edge in edges:
            if edge.kind == "direct":
                self.above.setdefault(edge.target, []).append(edge)

    def kinds(self, name: str) -> frozenset[str]:
        """What a column is: as declared, else as inherited."""
        column = self.columns.get(name)
        if column is not None and (column.pii or column.pii_declined is not None):
            return frozenset({column.pii} if column.pii else ())
        if name not in self.memory:
            self.memory[name] = frozenset()  # a model that reads itself
            self.memory[name] = self.inherited(name)
        return self.memory[name]

    def inherited(self, name: str) -> frozenset[str]:
        """What it is by its edges alone."""
        column = self.columns.get(name, Column(name=name))
        made_of = {k for edge in self.above.get(name, ()) for k in self.kinds(self._declared(edge.source))}
        return frozenset(kind for kind in made_of if _fits(kind, column))

    def finding(self, name: str, kinds: frozenset[str]) -> Finding:
        """Where an undeclared column has it from: breadth first, so that the path is a shortest one."""
        paths: list[tuple[str, ...]] = []
        front: list[tuple[str, ...]] = [(name,)]
        seen = {name}
        while front and not paths:
            front = [
                (source, *path)
                for path in front
                for edge in sorted(self.above.get(path[0], ()), key=lambda e: e.source)
                if (source := self._declared(edge.source)) not in seen and self.kinds(source) & kinds
            ]
            seen |= {path[0] for path in front}
            paths = [path for path in front if (c := self.columns.get(path[0])) and c.pii]
        kind = _one(kinds) or PERSONAL
        edges = [e for e in self.above[name] if not paths or self._declared(e.source) == paths[0][-2]]
        remedy = f"declare `meta: {{pii: {kind}}}` in dbt's YAML, or say why not by `meta: {{pii_declined: <why>}}`"
        return Finding(
            column=name,
            problem="undeclared",
            kind=kind,
            inherits_from=tuple(dict.fromkeys(path[0] for path in paths)),
            path=paths[0] if paths else (),
            expression=edges[0].expression if edges else "",
            remedy=remedy,
        )

    def _declared(self, source: str) -> str:
        """`email` for `email__varchar`, which holds what `email` could not."""
        table, _, name = source.rpartition(".")
        short = f"{table}.{name.partition('__')[0]}"
        return short if source not in self.columns and short in self.columns else source


def _problem_of_decline(name: str, column: Column, kinds: frozenset[str]) -> Finding | None:
    if column.pii:
        return Finding(column=name, problem="contradictory", kind=column.pii, remedy="keep pii or pii_declined")
    if len((column.pii_declined or "").split()) < WORDS_OF_A_REASON:
        return Finding(column=name, problem="unreasoned", remedy="say in pii_declined why it is not personal")
    if not kinds:
        return Finding(column=name, problem="needless", remedy="take pii_declined out: it is made of nothing personal")
    return None


def _known(known: Known, source: str) -> str | None:
    table, _, name = source.rpartition(".")
    return known.get(source) or known.get(f"{table}.{name.partition('__')[0]}")


def _fits(kind: str, column: Column) -> bool:
    """Whether a column can hold this: a BOOLEAN holds no words."""
    return kind not in WORDED or column.type.strip().lower() not in ("boolean", "bool")


def _one(kinds: Iterable[str]) -> str | None:
    found = sorted(set(kinds))
    return found[0] if len(found) == 1 else PERSONAL if found else None
