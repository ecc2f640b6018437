"""What an event says of checks and flows: which failed, and which passed. Pure.

To have another type of event open incidents, add a function to `READ`. A watch of one's own needs none: told as a
gate, its results are checks like any other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from governance.incidents.model import Evidence, Kind
from governance.model import CheckResult, Event, Frozen, Severity

ALL = "*"
"""As a signal's check: all of its kind that the flow has."""
DEADLINE = "deadline"
OBSERVED = "hallmark.incident.observed.v1"
"""What a program that is no gate and no load noticed, or noticed no more; subject: what it is about. Its data:
{check, failed, kind, severity, title, error, remedy, owner}."""
QUARANTINE_SHARE, FROM_ROWS = 0.05, 100
"""From this share of a load on, of so many rows at least, its quarantine is an incident; a replay is a load too."""
TITLE_LIMIT, TEXT_LIMIT = 200, 2_000
_OF_ONE_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d[T ][\d:.+Z]*|\b\d{3,}\b")
KINDS: Mapping[str, Kind] = {
    "freshness": "freshness", "schema": "schema",
    **dict.fromkeys(("volume", "null_rate", "distinct", "mean", "quantile", "file_count", "file_size"), "volume"),
}  # fmt: skip
"""By the type of a check; any other is a gate's."""


class Signal(Frozen):
    """One check or flow that failed or passed."""

    dataset: str
    check_id: str
    failed: bool
    kind: Kind
    severity: Severity = "critical"
    owner: str = ""
    """As it was told; the team is found by whoever acts on it."""
    title: str = ""
    evidence: Evidence
    unpublished: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The same for each episode."""
        return fingerprint(self.dataset, self.check_id)


def fingerprint(dataset: str, check_id: str) -> str:
    """32 hex digits of what fails."""
    return hashlib.sha256(f"{dataset}\x1f{check_id}".encode("utf-8", "replace")).hexdigest()[:32]


def signals(event: Event) -> list[Signal]:
    """What an event says; of most types nothing.

    Raises ValueError (pydantic's among them), KeyError or TypeError for one that is not of its type's form.
    """
    read = READ.get(event.type)
    return list(read(event)) if read else []


def _gate(event: Event) -> Iterator[Signal]:
    unpublished = tuple(map(str, event.data.get("unpublished") or ()))
    for check in map(CheckResult.model_validate, event.data.get("checks") or ()):
        if check.severity == "info":
            continue
        what = f"{check.type} of {check.column}" if check.column else check.type
        said = f"{check.failed_rows} rows" if check.failed_rows else check.observed or "failed"
        said += " (waived)" if check.waived else ""
        yield Signal(
            dataset=check.dataset, check_id=check.check_id, failed=not check.success,
            # Who waived it knows of it: it opens no incident that wakes somebody, and closes none.
            kind=KINDS.get(check.type, "gate"), severity="warning" if check.waived else check.severity,
            owner=_owner(event),
            title=_line(f"{check.dataset}: {what}, {said}"),
            unpublished=unpublished if check.severity == "critical" else (),
            evidence=_evidence(
                event, type=check.type, column=check.column, observed=check.observed[:TEXT_LIMIT],
                threshold=check.threshold[:TEXT_LIMIT], failed_rows=check.failed_rows, rows=check.rows,
                query=check.query, sample=check.sample, waived=check.waived or "",
            ),
        )  # fmt: skip


def _load_failed(event: Event) -> Iterator[Signal]:
    error, reason = _error(event), str(event.data.get("reason") or "")
    if reason == "gate":  # its checks tell
        return
    kind: Kind = "schema" if reason == "schema" else "quarantine" if reason == "quarantine" else "load"
    table = bronze(event.subject)
    yield Signal(
        dataset=table, check_id=f"{table}.load", failed=True, kind=kind, owner=_owner(event),
        title=_line(f"{event.subject} could not be loaded: {error['cause']}"), unpublished=(table,),
        evidence=_evidence(event, type=reason or "load", **_told(error)),
    )  # fmt: skip


def _load_published(event: Event) -> Iterator[Signal]:
    table = bronze(event.subject)
    loaded = {"failed": False, "kind": "load", "owner": _owner(event), "evidence": _evidence(event, type="load")}
    yield Signal(dataset=table, check_id=f"{table}.load", **loaded)
    read, kept = int(event.data.get("read") or 0), int(event.data.get("quarantined") or 0)
    if not read or (read < FROM_ROWS and kept / read >= QUARANTINE_SHARE):  # too few rows to say that it fails
        return
    share = f"{kept} of {read} rows ({kept / read:.1%}) went to quarantine"
    yield Signal(
        dataset=table, check_id=f"{table}.quarantine_rate", failed=kept / read >= QUARANTINE_SHARE, kind="quarantine",
        severity="warning", owner=_owner(event), title=_line(f"{event.subject}: {share}"),
        evidence=_evidence(
            event, type="quarantine_rate", observed=share, threshold=f"less than {QUARANTINE_SHARE:.0%}",
            failed_rows=kept, rows=read,
        ),
    )  # fmt: skip


def _run_failed(event: Event) -> Iterator[Signal]:
    if not event.data.get("error"):  # it came to its end: what failed within it tells so itself
        yield _ended(event)
        return
    error, flow = _error(event), flow_of(event)
    yield Signal(
        dataset=flow, check_id=_cause_of(error), failed=True, kind="flow", owner=_owner(event),
        title=_line(f"flow {flow} failed: {error['cause']}"), evidence=_evidence(event, type="flow", **_told(error)),
    )  # fmt: skip


def _run_completed(event: Event) -> Iterator[Signal]:
    yield _ended(event)
    passed = _evidence(event, type="deadline")
    yield Signal(dataset=flow_of(event), check_id=DEADLINE, failed=False, kind="deadline", evidence=passed)


def _ended(event: Event) -> Signal:
    """The flow came to its end: whatever stopped it before does so no more."""
    passed = _evidence(event, type="flow")
    return Signal(dataset=flow_of(event), check_id=ALL, failed=False, kind="flow", evidence=passed)


def _run_overdue(event: Event) -> Iterator[Signal]:
    slot, severity = str(event.data.get("slot") or ""), event.data.get("severity") or "critical"
    yield Signal(
        dataset=flow_of(event), check_id=DEADLINE, failed=True, kind="deadline", severity=severity,
        owner=_owner(event), title=_line(f"flow {flow_of(event)} has not completed slot {slot}, past its deadline"),
        evidence=_evidence(event, type="deadline", error=str(event.data.get("detail") or "")[:TEXT_LIMIT]),
    )  # fmt: skip


def _observed(event: Event) -> Iterator[Signal]:
    data = event.data
    yield Signal(
        dataset=event.subject, check_id=str(data["check"]), failed=bool(data["failed"]), kind=data["kind"],
        severity=data.get("severity") or "critical", owner=_owner(event), title=_line(str(data.get("title") or "")),
        evidence=_evidence(event, type=str(data["check"]), **_told(data)),
    )  # fmt: skip


READ: Mapping[str, Callable[[Event], Iterator[Signal]]] = {
    "hallmark.gate.passed.v1": _gate,
    "hallmark.gate.failed.v1": _gate,
    "hallmark.load.failed.v1": _load_failed,
    "hallmark.load.held.v1": _load_failed,
    "hallmark.load.published.v1": _load_published,
    "hallmark.run.failed.v1": _run_failed,
    "hallmark.run.completed.v1": _run_completed,
    "hallmark.run.overdue.v1": _run_overdue,
    OBSERVED: _observed,
}


def bronze(stream: str) -> str:
    """The table of a stream `<source>.<stream>`."""
    return f"bronze.{stream.replace('.', '__', 1)}"


def flow_of(event: Event) -> str:
    """The deployment; a transform's layer is a flow of its own."""
    layer = event.data.get("layer")
    return f"{event.subject}-{layer}" if layer else event.subject


def _evidence(event: Event, **found: Any) -> Evidence:
    known = {k: str(event.data.get(k) or "") for k in ("slot", "run_id")}
    return Evidence(at=event.time, **known, **found)


def _error(event: Event) -> Mapping[str, Any]:
    error = event.data.get("error")
    if not isinstance(error, Mapping):
        error = {"cause": str(error or "")}
    return {"what": event.subject, "cause": "no cause was told", "remedy": "", **error}


def _cause_of(error: Mapping[str, Any]) -> str:
    """What failed, without what is of one run alone: ids, times, numbers."""
    return _OF_ONE_RUN.sub("*", str(error["what"]))[:TITLE_LIMIT]


def _told(error: Mapping[str, Any]) -> dict[str, str]:
    cause = error.get("cause") or error.get("error") or ""
    return {"error": str(cause)[:TEXT_LIMIT], "remedy": str(error.get("remedy") or "")[:TEXT_LIMIT]}


def _owner(event: Event) -> str:
    return str(event.data.get("owner") or "")


def _line(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= TITLE_LIMIT else one[: TITLE_LIMIT - 1] + "…"
