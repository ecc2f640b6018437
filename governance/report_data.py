"""What the report shows of one batch, as frozen types. Where it comes from is the caller's business."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from governance.manifest import TableEdge
from governance.model import CheckResult, Dataset, Frozen, LineageEdge

Status = Literal["ok", "warning", "failed", "stale", "none"]


class StreamReport(Frozen):
    """One stream in this batch."""

    source: str
    stream: str
    status: str
    """published, failed, held."""
    owner: str = ""
    read: int = 0
    published: int = 0
    unchanged: int = 0
    quarantined: int = 0
    deleted: int = 0
    bytes: int = 0
    seconds: float = 0.0
    error: str = ""
    warning: str = ""

    @property
    def name(self) -> str:
        """`<source>.<stream>`."""
        return f"{self.source}.{self.stream}"


class LayerReport(Frozen):
    """One layer in this batch."""

    layer: str
    status: str
    """published, blocked, skipped, partly published."""
    checks: int = 0
    failed: int = 0
    seconds: float | None = None


class PastCheck(Frozen):
    """A check in an earlier (or this) slot."""

    slot: str
    success: bool | None
    """None: it did not run."""


class CheckReport(Frozen):
    """A check of this batch, and how it did before."""

    result: CheckResult
    description: str = ""
    history: tuple[PastCheck, ...] = ()
    """Oldest first, this batch last."""


class DatasetReport(Frozen):
    """A dataset as it stands after this batch."""

    dataset: Dataset
    status: str = ""
    """published, blocked, skipped; empty when this batch had nothing to do with it."""
    rows_before: int | None = None
    rows_after: int | None = None
    published_at: datetime | None = None
    data_as_of: str | None = None
    """Slot of the data."""
    freshness: str = ""
    """What is promised, in words: `within 12 h`."""
    stale: bool = False
    checks: tuple[CheckReport, ...] = ()


class QuarantineCount(Frozen):
    """Rows kept back for one reason, in this batch and still waiting in all."""

    source: str
    stream: str
    reason_code: str
    reason: str = ""
    """One example in words."""
    rows: int
    waiting: int | None = None


class StepTime(Frozen):
    """A step of the batch."""

    name: str
    started_at: datetime
    seconds: float
    state: str = "completed"


class EventCounts(Frozen):
    """How the events fared."""

    delivered: int = 0
    waiting: int = 0
    buried: int = 0


class ReportData(Frozen):
    """The batch as `render` takes it."""

    slot: str
    run_id: str
    state: str
    """completed or failed."""
    generated_at: datetime
    streams: tuple[StreamReport, ...] = ()
    layers: tuple[LayerReport, ...] = ()
    datasets: tuple[DatasetReport, ...] = ()
    quarantine: tuple[QuarantineCount, ...] = ()
    table_edges: tuple[TableEdge, ...] = ()
    """Between datasets; a stream's edge to its bronze table goes without saying."""
    column_edges: tuple[LineageEdge, ...] = ()
    steps: tuple[StepTime, ...] = ()
    events: EventCounts = EventCounts()
