"""One batch as one self-contained HTML page: `render` a `ReportData`. No network, no fonts, no files beside it.

What is shown is decided here, how it looks in the templates `report*.j2`. Autoescape is on for all of them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from governance.lineage_picture import SIGNS, WORDS, Node, cut, draw
from governance.model import CheckResult, Dataset, LineageEdge, Severity
from governance.report_data import (
    CheckReport,
    DatasetReport,
    EventCounts,
    LayerReport,
    PastCheck,
    QuarantineCount,
    ReportData,
    Status,
    StepTime,
    StreamReport,
)  # fmt: skip

__all__ = ["CheckReport", "DatasetReport", "EventCounts", "LayerReport", "PastCheck", "QuarantineCount", "ReportData",
           "StepTime", "StreamReport", "render"]  # fmt: skip

SECTIONS = (("bronze", "Bronze"), ("silver", "Silver"), ("gold", "Gold"), ("exposure", "Exposures"))
_OF_STREAM: Mapping[str, Status] = {"failed": "failed", "held": "stale"}
_SEVERITY = {"critical": 0, "warning": 1, "info": 2}


def render(data: ReportData) -> str:
    """The page. Every text is escaped and cut to a limit."""
    statuses = {d.dataset.name: dataset_status(d) for d in data.datasets}
    upstream = _upstream(data)
    for report in data.datasets:
        if report.dataset.kind == "exposure":
            fed = {statuses.get(name, "none") for name in upstream.get(report.dataset.name, ())}
            statuses[report.dataset.name] = "stale" if fed & {"failed", "stale"} else "ok"
    view = {
        "data": data,
        "picture": draw(_nodes(data, statuses), _edges(data)),
        "statuses": statuses,
        "words": WORDS,
        "signs": SIGNS,
        "totals": _totals(data),
        "attention": _attention(data, statuses),
        "groups": [(key, title, [d for d in data.datasets if _section(d.dataset) == key]) for key, title in SECTIONS],
        "made_from": _made_from(data.column_edges),
        "decided_by": _decided_by(data.column_edges),
        "column_map": _column_map(data),
        "steps": _gantt(data),
        "columns": {f"{d.dataset.name}.{c.name}" for d in data.datasets for c in d.dataset.columns},
    }
    return _environment().get_template("report.html.j2").render(view)


def dataset_status(report: DatasetReport) -> Status:
    """One word for a dataset: the worst of its gate, its checks and its age."""
    failed = {_counts_as(c.result) for c in report.checks if not c.result.success}
    if report.status == "blocked" or "critical" in failed:
        return "failed"
    if report.stale:
        return "stale"
    if "warning" in failed:
        return "warning"
    return "ok" if report.status != "skipped" and (report.rows_after is not None or report.status) else "none"


def _counts_as(check: CheckResult) -> Severity:
    """How a failed check is shown: one that is waived as a warning, with its severity and who waived it in words."""
    return "warning" if check.waived else check.severity


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters.update(cut=cut, num=_number, size=_bytes, time=_time, duration=_duration, anchor=_anchor)
    return environment


def _anchor(name: str) -> str:
    """A name as a fragment: any character outside of [a-z0-9_.-] by its code."""
    return "d-" + re.sub(r"[^a-z0-9_.-]", lambda m: f"~{ord(m[0]):x}", name)


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}".replace(",", "\u202f")


def _bytes(value: int) -> str:
    size = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _time(value: datetime | None) -> str:
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M:%S}Z"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def _section(dataset: Dataset) -> str:
    return "exposure" if dataset.kind == "exposure" else dataset.layer


def _upstream(data: ReportData) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in data.table_edges:
        found.setdefault(edge.target, []).append(edge.source)
    return found


def _nodes(data: ReportData, statuses: Mapping[str, Status]) -> list[Node]:
    nodes = [
        Node(
            f"source {s.name}", "source", s.name, f"{_number(s.read)} rows read",
            _OF_STREAM.get(s.status, "ok"), "streams",
        )
        for s in data.streams
    ]  # fmt: skip
    for report in data.datasets:
        dataset = report.dataset
        if dataset.kind == "exposure":
            note = dataset.owner
        else:
            note = f"{_number(report.rows_after)} rows" if report.rows_after is not None else dataset.owner
        label = dataset.name.split(".", 1)[-1]
        nodes.append(Node(dataset.name, _section(dataset), label, note, statuses[dataset.name], _anchor(dataset.name)))
    return nodes


def _edges(data: ReportData) -> list[tuple[str, str]]:
    landed = [(f"source {s.name}", f"bronze.{s.source}__{s.stream}") for s in data.streams]
    return landed + [(e.source, e.target) for e in data.table_edges]


def _totals(data: ReportData) -> dict[str, int]:
    checks = [c.result for d in data.datasets for c in d.checks]
    return {
        "read": sum(s.read for s in data.streams),
        "published": sum(s.published for s in data.streams),
        "unchanged": sum(s.unchanged for s in data.streams),
        "quarantined": sum(s.quarantined for s in data.streams),
        # The gates of this batch, which also look at rows set apart; without layers, what is known of the datasets.
        "checks": sum(x.checks for x in data.layers) or len(checks),
        "failed": sum(x.failed for x in data.layers) if data.layers else sum(not c.success for c in checks),
        "datasets": len(data.datasets),
        "stale": sum(d.stale for d in data.datasets),
        "most": max((q.rows for q in data.quarantine), default=0) or 1,
    }


def _attention(data: ReportData, statuses: Mapping[str, Status]) -> list[dict[str, str]]:
    """What somebody should look at, the worst first."""
    found: list[dict[str, str]] = []

    def add(status: str, what: str, detail: str, link: str) -> None:
        found.append({"status": status, "what": what, "detail": detail, "link": link})

    for s in data.streams:
        if s.status == "failed":
            add("failed", f"Stream {s.name} failed", s.error, "streams")
        if s.status == "held":
            add("stale", f"Stream {s.name} is not read", s.warning, "streams")
    for x in data.layers:
        if x.status in ("blocked", "skipped"):
            add("failed", f"Layer {x.layer} {x.status}", "readers keep what was published before", "datasets")
    failed = [(d, c.result) for d in data.datasets for c in d.checks if not c.result.success]
    for d, c in sorted(failed, key=lambda pair: (_SEVERITY[pair[1].severity], pair[1].check_id)):
        status = {"critical": "failed", "warning": "warning"}.get(_counts_as(c), "none")
        said = f"{c.severity}{f', waived {c.waived}' if c.waived else ''}: {_number(c.failed_rows)} rows, {c.observed}"
        add(status, c.check_id, said, _anchor(d.dataset.name))
    stale = [d for d in data.datasets if d.stale]
    for slot in sorted({d.data_as_of or "an earlier slot" for d in stale}):
        names = [d.dataset.name for d in stale if (d.data_as_of or "an earlier slot") == slot]
        number = "1 dataset is" if len(names) == 1 else f"{len(names)} datasets are"
        add("stale", f"{number} stale, with data of {slot}", ", ".join(names), _anchor(names[0]))
    if data.events.buried:
        number = "1 event" if data.events.buried == 1 else f"{_number(data.events.buried)} events"
        add("warning", f"{number} could not be delivered", "see hallmark outbox list", "events")
    return found


def _made_from(edges: tuple[LineageEdge, ...]) -> dict[str, list[LineageEdge]]:
    """column → its direct edges."""
    found: dict[str, list[LineageEdge]] = {}
    for edge in edges:
        if edge.kind == "direct":
            found.setdefault(edge.target, []).append(edge)
    return found


def _decided_by(edges: tuple[LineageEdge, ...]) -> dict[str, list[str]]:
    """dataset → columns that decide which rows it has, as those of its columns share them."""
    found: dict[str, dict[str, None]] = {}
    for edge in edges:
        if edge.kind == "indirect":
            found.setdefault(edge.target.rpartition(".")[0], {})[edge.source] = None
    return {name: sorted(columns) for name, columns in found.items()}


def _column_map(data: ReportData) -> list[tuple[str, str, str]]:
    """[source, target, expression] of the direct edges, for the picture of a dataset's columns."""
    return [
        (cut(e.source, 200), cut(e.target, 200), cut(e.expression, 200))
        for e in data.column_edges
        if e.kind == "direct"
    ]


def _gantt(data: ReportData) -> list[dict[str, Any]]:
    if not data.steps:
        return []
    start = min(s.started_at for s in data.steps)
    ends = [(s.started_at - start).total_seconds() + s.seconds for s in data.steps]
    whole = max(*ends, 0.001) if len(ends) > 1 else max(ends[0], 0.001)
    return [
        {
            "step": s,
            "left": round(100 * (s.started_at - start).total_seconds() / whole, 2),
            "width": round(max(100 * s.seconds / whole, 0.4), 2),
        }
        for s in sorted(data.steps, key=lambda s: (s.started_at, s.name))
    ]
