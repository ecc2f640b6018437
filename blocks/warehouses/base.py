"""The protocol of a warehouse: load, publish, ledger, query; the same guarantees on every one.

Only types and what they promise. `sql.py` has what both warehouses do alike, `duckdb.py` and `snowflake.py` the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from blocks.sources.base import ColumnSpec, Manifest, Planned
from blocks.sources.extracts import Extract
from blocks.sources.spec import StreamSpec
from governance.model import CheckResult, Event, Profile
from governance.protection import OPEN, Protection

if TYPE_CHECKING:
    from blocks.warehouses.ledger import Ledger

Row = dict[str, Any]


def now() -> datetime:
    """The time of a ledger row."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Account:
    """Where the rows of one load went: read = published + unchanged + quarantined, each counted on its own."""

    read: int = 0
    published: int = 0
    unchanged: int = 0
    quarantined: int = 0
    deleted: int = 0

    def __add__(self, other: Account) -> Account:
        return Account(
            self.read + other.read, self.published + other.published, self.unchanged + other.unchanged,
            self.quarantined + other.quarantined, self.deleted + other.deleted,
        )  # fmt: skip

    @property
    def balanced(self) -> bool:
        """Whether no row is lost."""
        return self.read == self.published + self.unchanged + self.quarantined


@dataclass(frozen=True)
class Batch:
    """Which run of which slot."""

    run_id: str
    slot: datetime
    attempt: int = 1


@dataclass(frozen=True)
class StreamLoad:
    """Everything that one run publishes of one stream."""

    source: str
    stream: StreamSpec
    batch: Batch
    planned: Sequence[Planned]
    duplicates: Sequence[Planned] = ()
    """Files whose content is in bronze already."""
    replays: Sequence[str] = ()
    """Ids of the quarantined rows that it reads again."""
    rules: str = ""
    """Fingerprint of the stream's rules, for a replay."""
    parent: StreamLoad | None = None
    """Of a child table: the load of its records."""

    @property
    def table(self) -> str:
        """Its name in bronze."""
        return f"{self.source}__{self.stream.name}"


@dataclass(frozen=True)
class Staged:
    """What a load put beside bronze, for the gate."""

    read: Mapping[str, int]
    """load_id → rows that the reader gave or rejected."""
    rejects: int
    columns: Sequence[ColumnSpec]
    added: Sequence[ColumnSpec] = ()
    """Columns that bronze has not had before."""
    changes: Sequence[str] = ()
    """Changes of the shape, for people."""


@dataclass(frozen=True)
class LayerPublish:
    """A layer that passed its gate."""

    layer: str
    batch: Batch
    models: Mapping[str, str | None]
    """model → unique key of an incremental one, None for one that is replaced."""
    rejected: Sequence[str] = ()
    """`…__rejected` models."""
    loads_upto: int = 0
    fingerprint: str = ""
    full: bool = False
    protected: Mapping[str, Protection] = field(default_factory=dict)
    """dataset → who may see what of it."""
    stale: Mapping[str, str] = field(default_factory=dict)
    """dataset → slot of its data, for those downstream of a failed stream."""
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    """dataset → what it holds."""


@dataclass(frozen=True)
class Ready:
    """A stream's loads, or those of a child table, that passed their gate."""

    load: StreamLoad
    staged: Staged
    manifests: Sequence[Manifest] = ()
    checks: Sequence[CheckResult] = ()
    profile: Profile | None = None
    """Of the staged rows."""


Accounts = Mapping[str, Account]
"""Load id → where its rows went."""
TellLoads = Callable[[Ready, Accounts], list[Event]]
"""What was published → the events that go into the publishing transaction."""
TellLayer = Callable[[Mapping[str, int]], list[Event]]
"""Rows by dataset → the events that go into the publishing transaction."""


class Warehouse(Protocol):
    """A warehouse that is open. Identifiers are folded and quoted by it; values are bound."""

    name: str
    ledger: Ledger

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of a statement as tuples."""
        ...

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Rows of a SELECT."""
        ...

    def peek(self, sql: str, seconds: float) -> list[tuple[Any, ...]]:
        """Rows of a SELECT that may take so long; raises HallmarkError for one that takes longer, or fails."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Commit at the end, roll back on an error."""
        ...

    def publishing(self, source: str, streams: Sequence[str], run_id: str) -> AbstractContextManager[None]:
        """A transaction that has streams of a source, or a layer, to itself.

        Raises LockedError for a run that another one found over.
        """
        ...

    def columns(self, schema: str, table: str) -> dict[str, str]:
        """Column → type of a table or view, in order; empty if it is not there."""
        ...

    def tables(self, schema: str, views: bool = False) -> list[str]:
        """Tables of a schema, or its views."""
        ...

    def catalog(self) -> dict[str, dict[str, dict[str, str]]]:
        """schema → table → column → type, of everything."""
        ...

    def load(self, load: StreamLoad, extract: Extract, manifests: Sequence[Manifest]) -> Staged:
        """Put the rows beside bronze, where no reader sees them. Doing it twice changes nothing."""
        ...

    def publish(self, ready: Sequence[Ready], tell: TellLoads) -> list[Accounts]:
        """Make the staged rows visible in one transaction with ledger, cursor, quarantine and events.

        A stream and its child tables are published together, the stream first.
        """
        ...

    def show(self, load: StreamLoad, declared: Protection = OPEN) -> None:
        """After a publish, or a kill in the midst of one: let bronze show what is published, and clear staging.

        Personal columns are never shown without their masks.
        """
        ...

    def prepare_layer(self, layer: str, incremental: Sequence[str], full: bool) -> None:
        """Make the audit schema ready: incremental models start from what is published."""
        ...

    def publish_layer(self, publish: LayerPublish, checks: Sequence[CheckResult], tell: TellLayer) -> Mapping[str, int]:
        """Replace the layer by its audited build in one transaction; rows of each dataset afterwards."""
        ...

    def profile(
        self, schema: str, table: str, columns: Mapping[str, str], declared: Protection = OPEN
    ) -> Profile | None:
        """What these columns (name → type) of a table or view hold; None where that cannot be told."""
        ...

    def check_kept(self, layer: str, slot: datetime) -> None:
        """Raises ConfigurationError for a slot that `rollback` cannot go back to: of a layer the last four are kept."""
        ...

    def rollback(
        self, layer: str, batch: Batch, tell: TellLayer, protected: Mapping[str, Protection] | None = None
    ) -> Mapping[str, int]:
        """Put a layer back to what the slot of this batch published, in one transaction; rows of each dataset.

        Raises what `check_kept` does.
        """
        ...
