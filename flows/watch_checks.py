"""What the watch finds of each dataset, as results of checks. No I/O: `watch_seen.py` has read what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from flows import slots
from flows.watch_seen import Key, State
from governance.anomalies import Verdict, judge
from governance.freshness import Freshness, usual_by
from governance.model import CheckResult, Dataset, Severity
from governance.monitors import OF_COLUMNS, Monitor, Watched
from governance.schema_drift import differences, worst


@dataclass(frozen=True)
class Finding:
    """A check's result on one slot."""

    check: CheckResult
    slot: datetime
    """Of the data that were judged; of an age, of the clock: it is told once in each slot that it lasts."""
    verdict: str
    """fresh, late, overdue, never; usual, unusual, learning; same, differs."""

    @property
    def is_told(self) -> bool:
        """What never came has no table that a result could be of, and what is being learnt is no result yet."""
        return self.verdict not in ("never", "learning")


def freshness(declared: Sequence[Freshness], state: State, now: datetime, is_batch_overdue: bool) -> Iterator[Finding]:
    """The age of each dataset beside its declaration and its habit.

    What came with the newest complete slot is not late by itself while the batch is: its overdue run pages, once, and
    the datasets are warnings beside it.
    """
    for one in declared:
        came = state.arrivals.get(one.dataset, {})
        known = [s for s, is_done in state.slots.items() if is_done == "completed" and came and s >= min(came)]
        due, last = usual_by(came, known), state.last.get(one.dataset)
        verdict = one.judge(last, now, due)
        waits = is_batch_overdue and state.newest in came
        severity: Severity = "critical" if verdict == "overdue" and not waits else "warning"
        limits = {"late after": one.warn_after, "overdue after": one.error_after}
        said = [f"{word} {age.total_seconds() / 3600:g} h" for word, age in limits.items() if age]
        said += ["of business"] if one.hours else []
        said += [f"usually there by {due:%H:%M} UTC"] if due else []
        age = f"{one.age(last, now).total_seconds() / 3600:.1f} h old" if last else "never loaded"
        check = result(
            one.dataset, None, "freshness", severity, verdict == "fresh", f"{verdict}: {age}", ", ".join(said)
        )
        yield Finding(check, slots.floor(now), verdict)


def anomalies(watches: Mapping[str, Watched], state: State) -> Iterator[Finding]:
    """Each measure of the newest complete slot beside those before."""
    by_check: dict[tuple[str, str | None, str], list[Key]] = {}
    for key in sorted(state.series, key=str):
        by_check.setdefault(key[:3], []).append(key)
    for (dataset, column, measure), keys in by_check.items():
        watched = watches.get(dataset)
        monitor = watched and watched.monitors.get(cast(Any, measure))
        if watched and monitor and (column is None or measure in OF_COLUMNS):
            found = [f for key in keys if (f := _anomaly(watched, monitor, key, state))]
            if found:  # of the quartiles, the one that is unusual
                yield next((f for f in found if f.verdict == "unusual"), found[0])


def _anomaly(watched: Watched, monitor: Monitor, key: Key, state: State) -> Finding | None:
    dataset, column, measure, part = key
    seen = state.series[key]
    if not seen or seen[-1].slot != state.newest:
        return None
    now = seen[-1]
    near = watched.hours is not None and watched.hours.near_holiday(now.slot)
    verdict = judge(monitor, measure, seen[:-1], now, near_holiday=near)
    unusual = verdict.state == "unusual"
    said = f"{part} {now.value:.6g}".strip() + (f", {verdict.why}" if verdict.why else "")
    said = f"learning: {said}" if verdict.state == "learning" else said
    said = f"in training: {said}" if unusual and monitor.training else said
    passes = not unusual or monitor.training
    check = result(dataset, column, measure, monitor.severity, passes, said, _range(verdict))
    return Finding(check, now.slot, verdict.state)


def _range(verdict: Verdict) -> str:
    if verdict.high is None:
        return ""
    high = f"{verdict.high:.6g}"
    return f"at most {high}" if verdict.low is None else f"between {verdict.low:.6g} and {high}"


def schemas(
    datasets: Sequence[Dataset], state: State, refused: Mapping[str, str], untaken: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """The columns of each dataset that is there beside its declaration, and its source's beside them."""
    for dataset in datasets:
        schema, _, table = dataset.name.partition(".")
        found = state.columns.get(schema, {}).get(table)
        if found is None or state.newest is None or dataset.kind == "exposure":
            continue
        lines = differences(
            [c.name for c in dataset.columns], found, refused=refused.get(dataset.name, ""),
            untaken=untaken.get(dataset.name, ()),
        )  # fmt: skip
        said = "; ".join(d.what for d in lines)
        bad = [d for d in lines if d.severity != "info"]  # what is no more than news ends what was worse
        check = result(dataset.name, None, "schema", worst(bad or lines), not bad, said, "as declared")
        yield Finding(check, state.newest, "differs" if lines else "same")


def result(
    dataset: str, column: str | None, type_: str, severity: Severity, success: bool, observed: str, threshold: str
) -> CheckResult:
    """A result; its id is `<dataset>[.<column>].<type>`."""
    return CheckResult(
        check_id=".".join(p for p in (dataset, column, type_) if p), layer=cast(Any, dataset.split(".")[0]),
        dataset=dataset, column=column, type=type_, severity=severity, success=success, observed=observed,
        threshold=threshold,
    )  # fmt: skip
