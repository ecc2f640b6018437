"""What is known about the data, as frozen types; what happened to it, as events.

Only data: no I/O, no knowledge of who produces or receives it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Severity = Literal["info", "warning", "critical"]
RunState = Literal["pending", "running", "completed", "failed", "skipped"]
_HALF = re.compile("[\ud800-\udfff]")
EVENT_NAMESPACE = uuid.UUID("6c1c6a34-5a0b-5b8e-9d7e-8f6f5f0c9a11")


class Frozen(BaseModel):
    """Immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(Frozen):
    """A column of a dataset."""

    name: str
    type: str = ""
    """As the warehouse prints it; empty while the dataset was never built."""
    description: str = ""
    tags: tuple[str, ...] = ()
    pii: str | None = None
    """Classification (`email`, `name`, …); None is not personal."""
    pii_declined: str | None = None
    """Why it is not personal though it is made of what is; see `governance/pii.py`."""


class ForeignKey(Frozen):
    """A column whose values are those of another dataset's column."""

    column: str
    dataset: str
    referred: str


class Dataset(Frozen):
    """A table as readers know it: never of an audit or build schema."""

    name: str
    """`<schema>.<table>`, lower case; what a column comes from has its scheme before it, as in `LineageEdge`."""
    label: str = ""
    """What people call it, where that is not its name."""
    url: str = ""
    """Where it can be looked at: of a dashboard."""
    layer: Literal["source", "bronze", "silver", "gold"]
    kind: Literal["table", "view", "container", "endpoint", "exposure"] = "table"
    description: str = ""
    owner: str = ""
    columns: tuple[Column, ...] = ()
    tags: tuple[str, ...] = ()
    tier: str | None = None
    domain: str | None = None
    primary_key: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    """Columns of which each value stands once, beside the key."""
    required: tuple[str, ...] = ()
    """Columns without NULL."""
    foreign_keys: tuple[ForeignKey, ...] = ()


class LineageEdge(Frozen):
    """One column made from another. Names are `<schema>.<table>.<column>`, lower case.

    A source column is `postgres:crm.public.projects.rate` or `file:drops.customers.revenue`.
    """

    source: str
    target: str
    expression: str = ""
    """The SQL that makes the target from its sources."""
    kind: Literal["direct", "indirect"] = "direct"
    """indirect: it decides which rows there are (where, join, group, order), not the value."""
    model: str = ""
    """The model, or `<source>.<stream>`, that makes the target."""


class Sample(Frozen):
    """A few rows as text, cut, and personal columns masked; empty where they could not be taken."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()


class CheckResult(Frozen):
    """One executed expectation."""

    check_id: str
    """Stable over runs, unique in the platform."""
    layer: Literal["bronze", "silver", "gold"]
    dataset: str
    column: str | None = None
    type: str
    """not_null, unique, accepted_values, relationships, … the name of the declared test."""
    severity: Severity
    success: bool
    observed: str = ""
    threshold: str = ""
    failed_rows: int = 0
    rows: int | None = None
    query: str | None = None
    """Of a failed check: SQL that selects the failing rows, where a reader finds them."""
    sample: Sample | None = None
    """Of a failed check: some of these rows."""
    waived: str | None = None
    """Of a failed critical check that blocks nothing this time: who decided so, and why, in a line."""


class TaskRun(Frozen):
    """A coarse task of a run: a stream, a layer."""

    name: str
    state: RunState
    started_at: datetime | None = None
    finished_at: datetime | None = None


class Run(Frozen):
    """A run of a pipeline, as it stands."""

    pipeline: str
    """The deployment: `batch`, `ingest-<source>`, `transform`, …"""
    description: str = ""
    schedule: str = ""
    """The cron expression by which its runs begin; empty where nothing but a request does."""
    state: RunState
    started_at: datetime
    finished_at: datetime | None = None
    tasks: tuple[TaskRun, ...] = ()
    """In the order of the work; all of the pipeline's, also those that have not begun."""
    error: str = ""


class ColumnProfile(Frozen):
    """What a column holds, in numbers. Of texts and personal columns there are counts only."""

    name: str
    nulls: int
    distinct: int | None = None
    """About; None of what cannot be counted so, such as JSON and lists."""
    mean: float | None = None
    """Of a number."""
    quantiles: tuple[str, ...] = ()
    """Of a number: smallest, 25 %, 50 %, 75 % (about), largest."""
    min: str | None = None
    """Of a number or time, exact, as the warehouse prints it."""
    max: str | None = None


class Profile(Frozen):
    """What a table holds, in numbers."""

    rows: int
    columns: tuple[ColumnProfile, ...] = ()


class Event(Frozen):
    """A CloudEvents 1.0 event. Made by `Event.of`, so that telling a thing twice gives one id."""

    id: str
    type: str
    """`hallmark.<noun>.<verb>.v1`; nouns: load, gate, publish, schema, dataset, lineage, run, incident."""
    subject: str
    """What it is about: `<source>.<stream>`, a dataset, a layer, a run."""
    time: datetime
    data: dict[str, Any] = Field(default_factory=dict)
    """JSON: slot, run_id, owner and what the type adds."""

    @field_validator("subject", "data", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        """A half of a character, as names of files and keys of JSON may have it, is no text that can be sent."""
        if isinstance(value, str):
            return _HALF.sub("\ufffd", value)
        if isinstance(value, Mapping):
            return {cls._text(k): cls._text(v) for k, v in value.items()}
        return [cls._text(v) for v in value] if isinstance(value, list | tuple) else value

    @classmethod
    def of(cls, type: str, subject: str, cause: str, time: datetime, **data: Any) -> Event:
        """An event whose id is uuid5 of (type, subject, cause); the cause is a load id or a run id."""
        identity = uuid.uuid5(EVENT_NAMESPACE, _HALF.sub("\ufffd", "\x1f".join((type, subject, cause))))
        return cls(id=str(identity), type=type, subject=subject, time=time, data=data)

    def cloudevent(self) -> dict[str, Any]:
        """The JSON form of CloudEvents 1.0."""
        return {
            "specversion": "1.0", "id": self.id, "source": "hallmark", "type": self.type, "subject": self.subject,
            "time": self.time.isoformat().replace("+00:00", "Z"), "datacontenttype": "application/json",
            "data": self.data,
        }  # fmt: skip
