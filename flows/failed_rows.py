"""The rows that a failed check is about: the SQL that shows them, and a few of them, for whoever is told of it.

What is not known here stops no gate: a sample that cannot be taken is empty. Personal columns are masked by the SQL
itself; of a table whose rows are for one team each there is no sample. A check that passed costs nothing.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping, Sequence
from itertools import groupby

from blocks.sources.naming import literal, quote
from blocks.warehouses.sql import SqlWarehouse
from expectations import gate
from expectations.sql import QUERIES, Dialect, rows_themselves
from flows.context import Context
from governance.declared_tests import DeclaredTest
from governance.errors import HallmarkError
from governance.masks import checked, masked_sql
from governance.model import CheckResult, Sample

LOG = logging.getLogger("hallmark")
ROWS, CHARACTERS, COLUMNS = 10, 200, 30
"""Of a sample; of a table with more columns those that are tested come first."""
SAMPLES, BYTES = 20, 200_000
"""In the event of a gate, which is of one dataset."""
SAMPLE_BYTES, QUERY_BYTES = 40_000, 10_000
"""A larger sample loses rows, a longer query is left out."""
SECONDS, GATE_SECONDS = 10.0, 60.0
"""For one sample, and for all of a gate."""
NAMED_LOADS = 20
_WORST = {"critical": 0, "warning": 1, "info": 2}
_OURS = {"_row_hash"}


def with_rows(
    warehouse: SqlWarehouse,
    context: Context,
    tests: Sequence[DeclaredTest],
    checks: Sequence[CheckResult],
    place: gate.Place,
    loads: Mapping[str, Sequence[str]] | None = None,
) -> tuple[CheckResult, ...]:
    """The results in their order, those that failed with `query` and `sample`, the worst first as far as an event goes.

    `place` is where the gate read. Rows that are going to be published are shown where readers see them; of an
    append-only stream those of the `loads` of its dataset.
    """
    failed = [c for c in checks if not c.success and c.type in QUERIES]
    if not failed:
        return tuple(checks)
    look = _Look(warehouse, context, place, blocked=bool(gate.blocked(checks)), loads=loads or {})
    asked = {t.check_id: t for t in tests}
    found: dict[str, CheckResult] = {}
    failed.sort(key=lambda c: (c.dataset, _WORST[c.severity], -c.failed_rows, c.check_id))
    for _, of_dataset in groupby(failed, key=lambda c: c.dataset):
        room, samples = BYTES, SAMPLES
        for check in of_dataset:
            test = asked[check.check_id]
            query = look.query(test)
            wanted = check.failed_rows and samples and room > 0 and not look.is_of_teams(test.dataset)
            sample = look.sample(test) if wanted else Sample()
            samples -= bool(sample.rows)
            sample = _within(sample, min(room, SAMPLE_BYTES))
            shown = query if len(query.encode()) <= min(QUERY_BYTES, room) else None
            room -= _size(sample) + len((shown or "").encode())
            found[check.check_id] = check.model_copy(update={"query": shown, "sample": sample})
    return tuple(found.get(c.check_id, c) for c in checks)


class _Look:
    """At the rows of one gate."""

    def __init__(
        self,
        warehouse: SqlWarehouse,
        context: Context,
        place: gate.Place,
        *,
        blocked: bool,
        loads: Mapping[str, Sequence[str]],
    ) -> None:
        self.warehouse, self.context, self.loads = warehouse, context, {} if blocked else loads
        self.there = Dialect(quote, place)
        self.for_readers = self.there if blocked else Dialect(quote, gate.published)
        self.until = time.monotonic() + GATE_SECONDS
        self.columns: dict[str, list[str]] = {}

    def query(self, test: DeclaredTest) -> str:
        """What a reader runs."""
        table = self.for_readers.table(test.dataset)
        if (ids := self.loads.get(test.dataset, ())) and len(ids) <= NAMED_LOADS:
            table = f"(select * from {table} where _load_id in ({', '.join(map(literal, ids))}))"
        return self.warehouse.dialect.fold(rows_themselves(test, self.for_readers, table))

    def is_of_teams(self, dataset: str) -> bool:
        """Whether a row is for the eyes of its own team, while an event is for all."""
        return bool(self.context.declared_protection(dataset).team_column)

    def sample(self, test: DeclaredTest) -> Sample:
        """Some of the rows; empty, and a line in the log, where that takes too long or cannot be."""
        seconds = min(SECONDS, self.until - time.monotonic())
        try:
            if seconds <= 0:
                raise HallmarkError("a look at rows", "the time for samples is used up", "run the query by hand")
            columns = self._columns_of(test)
            personal = self.context.declared_protection(test.dataset).personal_of(columns)
            cells = []
            for name in columns:
                text = f"CAST({quote(name)} AS VARCHAR)"
                cells.append(f"left({masked_sql(text, personal[name]) if name in personal else text}, {CHARACTERS})")
            rows = rows_themselves(test, self.there, self.there.table(test.dataset))
            found = self.warehouse.peek(f"SELECT {', '.join(cells)} FROM ({rows}) AS failing LIMIT {ROWS}", seconds)
        except HallmarkError as error:  # its text may hold values
            why = type(error.__cause__ or error).__name__
            LOG.warning("%s: there is no sample of its failing rows (%s)", test.check_id, why)
            return Sample()
        return Sample(
            columns=tuple(columns),
            rows=tuple(
                tuple(
                    checked(value, personal[name]) if name in personal else value
                    for name, value in zip(columns, row, strict=True)
                )
                for row in found
            ),
        )

    def _columns_of(self, test: DeclaredTest) -> list[str]:
        """Those that the test names, then the others in their order."""
        if test.dataset not in self.columns:
            schema, _, table = self.there.place(test.dataset).partition(".")
            self.columns[test.dataset] = [c for c in self.warehouse.columns(schema, table) if c not in _OURS]
        words = set(re.findall(r"\w+", json.dumps([test.column, test.kwargs], default=str).lower()))
        every = self.columns[test.dataset]
        return sorted(every, key=lambda c: (c != test.column, c not in words))[:COLUMNS]


def _within(sample: Sample, room: int) -> Sample:
    """As many of its rows as there is room for."""
    while sample.rows and _size(sample) > room:
        sample = sample.model_copy(update={"rows": sample.rows[:-1]})
    return sample if sample.rows else Sample()


def _size(sample: Sample) -> int:
    return len(json.dumps(sample.model_dump(mode="json")))
