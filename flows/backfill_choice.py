"""Which landed loads, or which range of a table, a backfill loads again; nothing is loaded or written here."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from blocks.sources import reader_for
from blocks.sources.base import Planned
from blocks.sources.postgres_range import PostgresRange, check_range
from blocks.sources.spec import SourceSpec, StreamSpec
from blocks.warehouses import open_warehouse
from blocks.warehouses.bronze_again import History, Published, history
from blocks.warehouses.ledger_loads import BACKFILL
from flows import slots
from flows.context import Context, select_streams
from governance.errors import ConfigurationError

SLOT = re.compile(r"\d{4}-\d\d-\d\dT(00|06|12|18):00:00Z")
"""What is written so is a slot, anything else a value of the cursor."""
ID_LENGTH = 36
"""Of a load's id; after a shorter one more may come."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    streams: Sequence[str]
    lower: str | None = None
    upper: str | None = None
    loads: Sequence[str] = ()

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(self.loads)

    @cached_property
    def _beginnings(self) -> tuple[str, ...]:
        return tuple(w for w in self.loads if len(w) < ID_LENGTH)

    def names(self, load_id: str) -> bool:
        """Whether a load was asked for, by its id or by what that begins with."""
        return load_id in self._ids or load_id.startswith(self._beginnings)

    @property
    def range(self) -> bool:
        """Whether the bounds are values of a cursor. Raises ConfigurationError for one of each kind."""
        kinds = {bool(SLOT.fullmatch(b)) for b in (self.lower, self.upper) if b is not None}
        if len(kinds) > 1:
            raise ConfigurationError("--from and --to", "one is a slot, the other is not", "give two of one kind")
        if kinds and self.loads:
            raise ConfigurationError("--loads", "--from or --to is given too", "give either loads or bounds")
        if self.lower and self.upper and is_reversed(self.lower, self.upper):
            cause = f"--from {self.lower} is later than --to {self.upper}"
            raise ConfigurationError("--from and --to", cause, "give the earlier one first")
        return kinds == {False}


def is_reversed(lower: str, upper: str) -> bool:
    """Whether two bounds are the wrong way round, as far as that can be told: of numbers, and of times."""
    kinds: tuple[Callable[[str], Any], ...] = (Decimal, datetime.fromisoformat)
    for kind in kinds:
        try:
            return bool(kind(lower) > kind(upper))
        except (ValueError, ArithmeticError, TypeError):  # of another kind, or one of them without a zone
            continue
    return False


@dataclass(frozen=True)
class Chosen:
    """What is loaded again of one stream."""

    source: str
    stream: str
    history: History
    originals: Sequence[Published] = ()
    """Landed loads, in their order; none for a range."""
    planned: Sequence[Planned] = ()
    also: Sequence[str] = ()
    """Loads that were not asked for, but whose rows were replayed together with rows of one that was."""
    gone: int = 0
    """Loads whose parts are no longer in the landing zone."""
    rows: int = 0
    bytes: int = 0
    what: str = ""

    def shown(self) -> dict[str, Any]:
        """As the plan has it."""
        found = [p.load_id for p in self.originals] or [p.load_id for p in self.planned]
        return {
            "stream": f"{self.source}.{self.stream}", "loads": len(found), "rows": self.rows, "bytes": self.bytes,
            "what": self.what, "load_ids": found, "also": list(self.also), "gone": self.gone,
        }  # fmt: skip


def choose(wanted: Wanted, context: Context) -> list[Chosen]:
    """What is to be loaded again, stream by stream. Raises ConfigurationError for what cannot be."""
    context.landing.check()
    # A listing only: to ask for a manifest may bring its parts here.
    landed = set() if wanted.range else {x.load_id for x in context.landing.loads() if x.whole}
    found = []
    for name in wanted.streams:
        for source, streams in select_streams(context.sources, name).items():
            for stream in streams:
                found.append(_choose(wanted, context.sources[source], stream, context, landed))
    ids = [i for c in found for i in c.history.loads]
    begun = [w for w in wanted.loads if w not in set(ids)]
    if unknown := [w for w in begun if sum(i.startswith(w) for i in ids) != 1]:
        cause = "no published load of these streams has this id"
        raise ConfigurationError(f"load {unknown[0]}", cause, "see `select load_id, slot, path from ops.loads`")
    return [c for c in found if c.planned]


def _choose(wanted: Wanted, source: SourceSpec, name: str, context: Context, landed: Collection[str]) -> Chosen:
    with open_warehouse(context.settings) as warehouse:
        known = history(warehouse, source.name, name)
    stream = source.streams[name]
    if wanted.range:
        return _range(wanted, source, stream, known)
    every = [p for p in known.loads.values() if not p.by_itself]
    asked = [p for p in every if _asked(p, wanted)]
    there = [p for p in asked if p.load_id in landed]
    if wanted.loads and len(there) < len(asked):
        lost = next(p for p in asked if p not in there)
        cause, remedy = "its parts are no longer in the landing zone", "choose a younger one, or a range of the table"
        raise ConfigurationError(f"load {lost.load_id}", cause, remedy)
    keyed = bool(stream.primary_key) or source.kind == "airbyte"
    more = [] if keyed else _with_replays(known, {p.load_id for p in there})
    mine = {p.load_id for p in there} | set(more)
    chosen = [p for p in every if p.load_id in mine]
    for p in chosen:
        if p.load_id not in landed:
            cause = "rows of it were replayed together with rows of a chosen load, and its parts are no longer landed"
            raise ConfigurationError(f"load {p.load_id}", cause, "choose other loads")
    words = "by key: what bronze has stays; what reads otherwise today, or is missing, is put in"
    if not stream.primary_key:
        words = "append-only: these rows take the place of those that the loads have in bronze"
    return Chosen(
        source.name, name, known, chosen, tuple(_again(source.name, name, p, known) for p in chosen), more,
        len(asked) - len(there), sum(p.rows for p in chosen), sum(p.bytes for p in chosen), words,
    )  # fmt: skip


def _asked(load: Published, wanted: Wanted) -> bool:
    if wanted.loads:
        return wanted.names(load.load_id)
    lower, upper = (slots.parse(b) if b else None for b in (wanted.lower, wanted.upper))
    return (lower is None or load.slot >= lower) and (upper is None or load.slot <= upper)


def _with_replays(known: History, chosen: set[str]) -> list[str]:
    """Other loads of which rows were replayed together with rows of these: a replay leaves bronze as a whole."""
    every = set(chosen)
    while more := {root for replay in known.replays_of(every) for root in known.roots(replay)} - every:
        every |= more
    return sorted(every - chosen)


def _again(source: str, stream: str, load: Published, known: History) -> Planned:
    """The load of its own: of a killed backfill it is the same again, of one that was published the next."""
    number = len(known.family(load.load_id))
    return Planned(f"{source}.{stream}{BACKFILL}{load.load_id}:{number}")


def _range(wanted: Wanted, source: SourceSpec, stream: StreamSpec, known: History) -> Chosen:
    """A range of a table, both ends inside."""
    name = f"{source.name}.{stream.name}"
    check_range(name, source.kind, stream)
    bounds = f"{wanted.lower or ''}..{wanted.upper or ''}"
    times = sum(f"{BACKFILL}{bounds}:" in p.identity for p in known.loads.values())
    planned = Planned(f"{name}{BACKFILL}{bounds}:{times + 1}", lower=wanted.lower, upper=wanted.upper)
    expected = range_reader(source).estimate(stream, wanted.lower, wanted.upper)
    words = f"reads {stream.cursor} from {wanted.lower or 'the first'} to {wanted.upper or 'the last'} of the table"
    loads = (planned,) if expected.rows else ()
    return Chosen(source.name, stream.name, known, (), loads, rows=expected.rows, bytes=expected.bytes, what=words)


def range_reader(source: SourceSpec) -> PostgresRange:
    """A reader of ranges; a block's address is filled in."""
    return PostgresRange(getattr(reader_for(source), "spec", source))


def as_plan(chosen: Sequence[Chosen]) -> Mapping[str, Any]:
    """The plan that is printed before anything is done."""
    streams = [c.shown() for c in chosen]
    total = {name: sum(s[name] for s in streams) for name in ("loads", "rows", "bytes")}
    return {"streams": streams, **total}
