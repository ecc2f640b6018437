"""What every kind of source gives: loads that are planned, landed as immutable parts, and read by DuckDB.

A reader plans (names what it will load), lands (parts and a manifest), and extracts (SQL over the landed parts).
It never touches the warehouse.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from blocks.sources.tables import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from blocks.landing import Landing
    from blocks.sources.extracts import Extract
    from blocks.sources.spec import StreamSpec

LOAD_NAMESPACE = uuid.UUID("0d6f6a52-9d6b-5a3e-8f0a-3c8e2b1d7f10")
Known = Mapping[str, Sequence["ColumnSpec"]]
"""The columns that bronze has of a stream (under `""`) and of its child tables (under their names)."""
WHOLE = "\ud800"
"""Origin of the one column of JSON records that are no objects; no key that is read can be one."""
_encode = json.JSONEncoder(default=vars).encode
RESERVED = ("_load_id", "_source_position", "_extracted_at", "_row_hash", "_deleted_at")


@dataclass(frozen=True)
class ColumnSpec:
    """A column as bronze will hold it; the type is a DuckDB type name."""

    name: str
    type: str
    origin: str = ""
    """What the source calls it."""

    @property
    def called(self) -> str:
        """What the source calls it, or bronze where the source has no name for it."""
        return self.name if self.origin in ("", WHOLE) else self.origin


CHILD = (ColumnSpec("_parent_id", "VARCHAR"), ColumnSpec("_parent_load_id", "VARCHAR"), ColumnSpec("_index", "BIGINT"))
"""Of a child table: `_source_position` and `_load_id` of the row it belongs to, and its place there, from 0."""


@dataclass(frozen=True)
class Part:
    """One immutable landed file."""

    path: str
    """Name inside the load's folder."""
    bytes: int
    sha256: str
    position: str
    """Where its rows come from: the path of the file in its source, or the table."""
    rows: int | None = None
    """None until it was read, for raw text."""
    schema: tuple[ColumnSpec, ...] | None = None
    """Where the parts of a load have different columns: those of this one."""

    @property
    def holds_keys(self) -> bool:
        """Whether it has the keys of the source, by which deletes are found, and no rows."""
        return self.path.startswith("keys")


@dataclass(frozen=True)
class Planned:
    """A load that is named, and not read yet."""

    identity: str
    """`<source>.<stream>:sha256:…` for a file (`…@2` when it says again what another had replaced),
    `<source>.<stream>:range:lower..upper` for a table."""
    lower: str | None = None
    upper: str | None = None
    path: str | None = None
    size: int | None = None
    mtime_ns: int | None = None
    landed: bool = False
    """Its parts are in the landing zone already: the source is not asked again."""
    copy: Path | None = None
    """Of a file: the copy that was made to name it, which becomes the landed one."""
    digest: str = ""
    """sha256 of the copy."""
    columns: tuple[str, ...] = ()
    """Names of the columns that bronze has of the stream; how a file is written is told by them."""

    @cached_property
    def load_id(self) -> str:
        """Deterministic: the same thing planned twice has one id."""
        return str(uuid.uuid5(LOAD_NAMESPACE, self.identity))


def content_of(identity: str) -> str:
    """Of the identity of a file's load: what it is without its version, or its other path."""
    return identity.split("@")[0]


@dataclass(frozen=True)
class Staging:
    """What the ledger says of a load beside its account, so that it can be made again from the landing zone."""

    run_id: str
    attempt: int
    slot: str
    at: str
    """When the run staged it: the order of the loads of a stream."""
    size: int | None = None
    mtime_ns: int | None = None
    """Of the file, as it was found in its source."""


@dataclass(frozen=True)
class Manifest:
    """manifest.json of a landed load (see `contract.md`)."""

    load_id: str
    identity: str
    source: str
    stream: str
    lower: str | None
    upper: str | None
    snapshot: str | None
    schema: tuple[ColumnSpec, ...]
    parts: tuple[Part, ...]
    faults: tuple[Fault, ...] = ()
    """What could not be unpacked; `at` continues the position of the load's file."""
    path: str = ""
    """Of the file in its source."""
    state: str | None = None
    """Where a partner's connector goes on; committed with the load."""
    by_cursor: bool = False
    """The newest value of the stream's cursor column says where the next reading begins."""
    rereads: bool = False
    """The source gives rows again that it gave before: equal ones that bronze has are no news."""
    empty: bool = False
    """Deletes are found in the source, and it has no row at all."""
    again: tuple[str, ...] = ()
    """Loads whose rows it reads again, as a replay or backfill does."""
    staging: Staging | None = None
    """By whom it was staged last; None before that."""

    @property
    def landed_rows(self) -> int | None:
        """What its source gave, as it was counted on landing; None of a file, of which only reading tells."""
        counts = [p.rows for p in self.parts if not p.holds_keys]
        return sum(n for n in counts if n is not None) if self.rereads and None not in counts else None

    def child(self, name: str, schema: Sequence[ColumnSpec] = ()) -> Manifest:
        """The load of a child table: named after this one, with an account of its own."""
        stream = f"{self.stream}__{name}"
        planned = Planned(self.identity.replace(f"{self.source}.{self.stream}", f"{self.source}.{stream}", 1))
        return replace(
            self, load_id=planned.load_id, identity=planned.identity, stream=stream, schema=tuple(schema), faults=()
        )

    def to_json(self) -> str:
        """As it is written beside the parts: a line for each key."""
        lines = (f" {_encode(key)}: {_encode(value)}" for key, value in vars(self).items())
        return "{\n" + ",\n".join(lines) + "\n}"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The reverse of `to_json`."""
        body = json.loads(text)
        faults = tuple(Fault(**f) for f in body.pop("faults", ()))
        parts = tuple(Part(**{**p, "schema": _schema(p.get("schema"))}) for p in body.pop("parts"))
        staging = Staging(**body["staging"]) if body.get("staging") else None
        more = {"schema": _schema(body["schema"]) or (), "again": tuple(body.get("again", ()))}
        return cls(**{**body, **more, "parts": parts, "faults": faults, "staging": staging})

    def units(self) -> list[Manifest]:
        """Each part as a load of one part: what is read by itself."""
        return [replace(self, parts=(p,), schema=self.schema if p.schema is None else p.schema) for p in self.parts]

    def with_rows(self, rows: Mapping[str, int]) -> Manifest:
        """The same with the rows that reading found, by load id, if one part holds them all.

        What was counted on landing stays.
        """
        if len(self.parts) != 1 or self.parts[0].rows is not None:
            return self
        return replace(self, parts=(replace(self.parts[0], rows=rows[self.load_id]),))


def _schema(columns: Sequence[Mapping[str, str]] | None) -> tuple[ColumnSpec, ...] | None:
    return None if columns is None else tuple(ColumnSpec(**c) for c in columns)


@dataclass(frozen=True)
class Reject:
    """One row, or file, that cannot be read as declared."""

    load_id: str
    position: str
    reason_code: str
    reason: str
    raw: str | None
    byte_from: int | None = None
    byte_to: int | None = None

    @classmethod
    def of(cls, fault: Fault, load_id: str, position: str) -> Reject:
        """A fault of the file, or part of one, that has this position."""
        return cls(
            load_id, position + fault.at, fault.reason_code, fault.reason, fault.raw, fault.byte_from, fault.byte_to
        )


@dataclass(frozen=True)
class Since:
    """What is already in bronze of a stream."""

    cursor: str | None
    """Committed cursor, as the source printed it."""
    seen_files: Mapping[str, tuple[int, int]]
    """path → (size, mtime_ns) of files that need no second look."""
    seen_identities: Mapping[str, int]
    """identity → rows_read of published loads."""
    unfinished: Sequence[Planned] = ()
    """Loads that a killed run planned: they are used again as they are."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """path → identity of what the file held when it was last read."""
    columns: tuple[str, ...] = ()
    """Names of the columns that bronze has."""


class Reader(Protocol):
    """One kind of source. Constructors do no I/O; every method may raise SourceError or UnreachableError."""

    def resolve(self, stream: StreamSpec) -> StreamSpec:
        """The stream with what its source itself declares of it, where the sources file does not."""
        ...

    def plan(self, stream: StreamSpec, since: Since, now: datetime, landing: Landing) -> list[Planned]:
        """What is new. An empty list is a success with nothing to do."""
        ...

    def warning(self, stream: StreamSpec) -> str | None:
        """What a person should know though nothing failed, such as a pattern that never matched.

        It is asked after the publish: it tells what `plan` and `land` found, and does no I/O.
        """
        ...

    def land(self, stream: StreamSpec, planned: Planned, landing: Landing) -> Manifest:
        """Write the parts and the manifest; a load that is landed already is returned as it is."""
        ...

    def extract(self, stream: StreamSpec, manifests: Sequence[Manifest], landing: Landing, known: Known) -> Extract:
        """Read the landed parts of several loads as one SELECT."""
        ...
