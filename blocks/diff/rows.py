"""The rows of the ranges that differ: their keys and checksums side by side in a DuckDB, then the values of a few.

Only keys and checksums are fetched of a range, and they go beyond memory onto disk. Personal values are masked by the
SQL that fetches them; whether they differ is told by their md5.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blocks.diff.match import Match, Pair
from blocks.diff.ranges import Ranges, at_once
from blocks.diff.values import FREE, joined, shown
from blocks.sources.naming import literal
from governance.errors import ConfigurationError
from governance.masks import MASK, checked, masked_sql

if TYPE_CHECKING:
    import duckdb

LOG = logging.getLogger("hallmark")
PORTION = 500
"""Keys that a statement names."""
KINDS = ("only_a", "only_b", "changed")
Key = tuple[str, ...]


class Differences:
    """The differing rows of a match. It has a database of its own, which goes with it."""

    def __init__(self, matched: Match) -> None:
        self.matched = matched
        self.conditions = ("", "")
        self.names = [f"k{n}" for n in range(len(matched.key))]

    def __enter__(self) -> Differences:
        import duckdb

        self._folder = tempfile.TemporaryDirectory(prefix="hallmark-diff-")
        self.engine: duckdb.DuckDBPyConnection = duckdb.connect()
        self.engine.execute(f"SET memory_limit = '1GB'; SET temp_directory = {literal(self._folder.name)}")
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()
        self._folder.cleanup()

    def look(self, parts: Ranges) -> tuple[int, int, int]:
        """Rows only in A, only in B, and changed. Raises ConfigurationError for a key that is there twice."""
        keys = ", ".join(self.names)
        columns = ", ".join(f"{n} VARCHAR" for n in self.names)
        for table in "ab":
            self.engine.execute(f"CREATE TABLE {table} ({columns}, mark HUGEINT)")
        if parts.found:
            self.conditions = parts.conditions(self.matched)
            LOG.info("looking at the rows of %d ranges", len(parts.found))
            at_once(lambda side: self._fetch(side, self.conditions[side]))
        for side, table in enumerate("ab"):
            self._check_unique(side, table)
        here = ", ".join(f"coalesce(a.{n}, b.{n}) AS {n}" for n in self.names)
        order = ", ".join(
            f"TRY_CAST({n} AS HUGEINT)" if p.kind.name == "integer" else n
            for n, p in zip(self.names, self.matched.key, strict=True)
        )
        self.engine.execute(
            f"CREATE TABLE found AS SELECT {here}, CASE WHEN b.mark IS NULL THEN 'only_a' WHEN a.mark IS NULL "
            f"THEN 'only_b' ELSE 'changed' END AS kind FROM a FULL JOIN b USING ({keys}) "
            "WHERE a.mark IS DISTINCT FROM b.mark"
        )
        self.order = order
        counted = dict(self.engine.execute("SELECT kind, count(*) FROM found GROUP BY 1").fetchall())
        return counted.get("only_a", 0), counted.get("only_b", 0), counted.get("changed", 0)

    def cells(self, limit: int, personal: Mapping[str, str]) -> tuple[int, list[dict[str, object]]]:
        """The first differing rows by their key, as many as `limit`, and what differs in each."""
        listed = f"SELECT kind, {', '.join(self.names)} FROM found ORDER BY {self.order} LIMIT {int(limit)}"
        found = [(kind, key) for kind, *key in self.engine.execute(listed).fetchall()]
        changed = [tuple(key) for kind, key in found if kind == "changed"]
        values: tuple[dict[Key, Sequence[Any]], dict[Key, Sequence[Any]]] = ({}, {})

        def fetch(side: int) -> None:
            for begin in range(0, len(changed), PORTION):
                values[side].update(self._values(side, changed[begin : begin + PORTION], personal))

        at_once(fetch)
        cells: list[dict[str, object]] = []
        for kind, key in found:
            row: dict[str, object] = {"key": self._key(key, personal), "kind": kind}
            if kind != "changed":
                cells.append({**row, "column": None, "a": None, "b": None})
                continue
            a, b = (side.get(tuple(key)) for side in values)  # None: it changed since, where there is no snapshot
            for n, pair in enumerate(self.matched.pairs):
                if a and b and a[2 * n] != b[2 * n]:
                    said = (self._said(v[2 * n + 1], pair, personal) for v in (a, b))
                    cells.append({**row, "column": pair.name, **dict(zip("ab", said, strict=True))})
        return len(found), cells

    def _fetch(self, side: int, condition: str) -> None:
        matched, cursor = self.matched, self.engine.cursor()
        keys = [f"{matched.text(side, p)} AS {n}" for n, p in zip(self.names, matched.key, strict=True)]
        mark = f"{matched.checksum(side, [*matched.key, *matched.pairs])} AS mark"
        sql = f"SELECT {', '.join(keys)}, {mark} FROM {matched.source(side, condition)}"
        for batch in matched.sides[side].batches(sql):
            cursor.register("batch", batch)
            cursor.execute(f"INSERT INTO {'ab'[side]} SELECT * FROM batch")
            cursor.unregister("batch")

    def _check_unique(self, side: int, table: str) -> None:
        keys = ", ".join(self.names)
        twice = f"SELECT {keys}, count(*) FROM {table} GROUP BY {keys} HAVING count(*) > 1"
        [(number,)] = self.engine.execute(f"SELECT count(*) FROM ({twice})").fetchall()
        if number:
            named = ", ".join(p.name for p in self.matched.key)
            cause = f"{number} of its values are in several rows of {self.matched.sides[side].label}, where rows differ"
            raise ConfigurationError(f"key {named}", cause, "give a --key that only one row has, such as more columns")

    def _values(self, side: int, keys: Sequence[Key], personal: Mapping[str, str]) -> dict[Key, Sequence[Any]]:
        """key → of each column what tells it from others, and what is shown of it."""
        matched, language = self.matched, self.matched.sides[side].language
        texts = [matched.text(side, p) for p in matched.key]
        cells = []
        for pair in matched.pairs:
            text, kind = matched.text(side, pair), personal.get(pair.name)
            cells += [f"md5({text})", masked_sql(text, kind)] if kind else [text, text]
        if len(texts) == 1 and matched.key[0].is_whole:
            condition = f"{matched.key[0].columns[side].sql} IN ({', '.join(k[0] for k in keys)})"
        else:  # one text of a key, which both engines and `_joined` make alike
            own = joined(language, [(p.columns[side], p.kind) for p in matched.key])
            condition = f"{own} IN ({', '.join(language.literal(self._joined(k)) for k in keys)})"
        sql = f"SELECT {', '.join([*texts, *cells])} FROM {matched.source(side, self.conditions[side], condition)}"
        return {tuple(map(str, row[: len(texts)])): row[len(texts) :] for row in matched.sides[side].rows(sql)}

    def _joined(self, key: Key) -> str:
        free = [p.kind.name in FREE for p in self.matched.key]
        return ";".join(f"{len(v)}:{v}" if is_free else v for v, is_free in zip(key, free, strict=True))

    def _said(self, value: str | None, pair: Pair, personal: Mapping[str, str]) -> object:
        return checked(value, personal[pair.name]) if pair.name in personal else shown(value, pair.kind)

    def _key(self, key: Sequence[str], personal: Mapping[str, str]) -> object:
        """One value, or a list of them."""
        said = []
        for value, pair in zip(key, self.matched.key, strict=True):
            kind = personal.get(pair.name)
            if kind is None:
                said.append(shown(value, pair.kind))
            else:
                said.append(checked(f"{MASK}@{value.rpartition('@')[2]}" if kind == "email" else MASK, kind))
        return said[0] if len(said) == 1 else said
