"""What every warehouse does alike: the protocol of `base.py` over a few primitives that each one has of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from blocks.sources.base import ColumnSpec, Manifest
from blocks.sources.extracts import Extract
from blocks.warehouses import bronze_publish, bronze_stage, layers, profiles
from blocks.warehouses.base import Accounts, Batch, LayerPublish, Ready, Row, Staged, StreamLoad, TellLayer, TellLoads
from blocks.warehouses.dialect import Dialect
from blocks.warehouses.ledger import Ledger
from governance.errors import HallmarkError
from governance.model import CheckResult, Profile
from governance.protection import OPEN, Protection

if TYPE_CHECKING:
    import duckdb

SCHEMAS = ("bronze", "bronze__loads", "bronze__staging", "silver", "gold", "ops")


class SqlWarehouse(ABC):
    """A warehouse that speaks SQL; see `Warehouse` for what each public method promises."""

    name: str
    dialect: Dialect
    engine: duckdb.DuckDBPyConnection
    """Where landed parts are read."""

    def __init__(self) -> None:
        self.ledger = Ledger(self.execute, self.insert)

    # --- of its own in each warehouse ------------------------------------------------------------------------

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of a statement as tuples."""

    @abstractmethod
    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Rows of a SELECT."""

    @abstractmethod
    def peek(self, sql: str, seconds: float) -> list[tuple[Any, ...]]:
        """Rows of a SELECT that may take so long; raises HallmarkError for one that takes longer, or fails."""

    @abstractmethod
    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Put rows into a table, by as few statements as there can be."""

    @abstractmethod
    def columns(self, schema: str, table: str) -> dict[str, str]:
        """Column → type of a table or view, in order; empty if it is not there."""

    @abstractmethod
    def tables(self, schema: str, views: bool = False) -> list[str]:
        """Tables of a schema, or its views."""

    @abstractmethod
    def catalog(self) -> dict[str, dict[str, dict[str, str]]]:
        """schema → table → column → type, of everything."""

    @abstractmethod
    def fill(self, table: str, columns: Sequence[ColumnSpec], sql: str) -> None:
        """Put the rows of a SELECT in the engine into a table that has these columns."""

    @abstractmethod
    def copy_table(self, source: str, target: str) -> None:
        """Make `target`, which is not there, a copy of `source`."""

    @abstractmethod
    def replace_rows(self, source: str, target: str, columns: Sequence[str]) -> None:
        """Let `target` hold just the rows of `source`, as a part of a transaction."""

    @abstractmethod
    def make_anew(self, source: str, target: str, declared: Protection) -> None:
        """Let `target` have the columns and the rows of `source`, in one step, and protected as it is declared."""

    @abstractmethod
    def protect(self, table: str, columns: Collection[str], declared: Protection) -> None:
        """Let a published table that has no row yet, or was protected before, show what is declared of it."""

    @abstractmethod
    def is_hidden(self, view: str, columns: Sequence[str], declared: Protection) -> bool:
        """Whether a view that is there hides what is declared today."""

    @abstractmethod
    def view_columns(self, columns: Sequence[str], declared: Protection) -> str:
        """What stands between a view's name and its SELECT, so that it is never there unprotected."""

    @abstractmethod
    def announce(self, source: str, streams: Sequence[str], run_id: str) -> None:
        """Before a publishing transaction: what is to be done for a publisher that was killed in one."""

    # --- the same in all ---------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end, roll back on an error."""
        self.execute("BEGIN")
        try:
            yield
        except BaseException:
            with suppress(HallmarkError):  # of a session that is lost: the error that is told is the first one
                self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    @contextmanager
    def publishing(self, source: str, streams: Sequence[str], run_id: str) -> Iterator[None]:
        """The transaction of a publisher of streams of a source, or of a layer, which it has to itself.

        Raises LockedError for a run that another one found over.
        """
        self.ledger.touch(source, streams)
        self.announce(source, streams, run_id)
        with self.transaction():
            self.ledger.lock(source, streams, run_id)
            yield

    def load(self, load: StreamLoad, extract: Extract, manifests: Sequence[Manifest]) -> Staged:
        """Stage the rows of a stream's loads."""
        return bronze_stage.stage(self, load, extract, manifests)

    def publish(self, ready: Sequence[Ready], tell: TellLoads) -> list[Accounts]:
        """Publish the staged rows of a stream and its child tables."""
        return bronze_publish.publish(self, ready, tell)

    def show(self, load: StreamLoad, declared: Protection = OPEN) -> None:
        """Let `bronze.x` show what is published, and clear staging."""
        bronze_publish.show(self, load, declared)

    def prepare_layer(self, layer: str, incremental: Sequence[str], full: bool) -> None:
        """An empty audit schema, with a copy of what is published of each incremental model."""
        layers.prepare(self, layer, incremental, full)

    def publish_layer(self, publish: LayerPublish, checks: Sequence[CheckResult], tell: TellLayer) -> Mapping[str, int]:
        """Put the audited build in the place of the published one."""
        return layers.publish(self, publish, checks, tell)

    def profile(
        self, schema: str, table: str, columns: Mapping[str, str], declared: Protection = OPEN
    ) -> Profile | None:
        """What these columns of a table or view hold."""
        return profiles.profile(self, schema, table, columns, declared)

    def check_kept(self, layer: str, slot: datetime) -> None:
        """Raises ConfigurationError for a slot that `rollback` cannot go back to."""
        layers.check_kept(self, layer, slot)

    def rollback(
        self, layer: str, batch: Batch, tell: TellLayer, protected: Mapping[str, Protection] | None = None
    ) -> Mapping[str, int]:
        """Put a layer back to a slot that is kept."""
        return layers.rollback(self, layer, batch, tell, protected or {})
