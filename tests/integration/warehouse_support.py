"""A stream on a warehouse of its own, for the contract that every warehouse keeps."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from blocks.landing import Landing
from blocks.settings import Settings
from blocks.sources import reader_for
from blocks.sources.base import Manifest, Reader
from blocks.sources.spec import SourceSpec
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Account, Batch, Ready, Staged, StreamLoad
from flows.load import check_read, split_duplicates
from governance.errors import HeldError

SLOT = datetime(2026, 11, 22, 6, tzinfo=UTC)


@dataclass
class Stream:
    """One stream on a warehouse of its own; `run` does what the ingest flow does, without Prefect and gates."""

    settings: Settings
    spec: SourceSpec
    slots: int = field(default=0)
    reader: Reader | None = None
    """Another one than its kind of source has."""

    def run(self, publish: bool = True) -> Account:
        (stream,) = self.spec.streams.values()
        reader, landing = self.reader or reader_for(self.spec), Landing(self.settings.home / "landing")
        self.slots += 1
        batch = Batch(f"run-{self.slots}", SLOT + timedelta(hours=6 * self.slots))
        with open_warehouse(self.settings) as warehouse:
            since = warehouse.ledger.since(self.spec.name, stream.name)
            found = reader.plan(stream, since, datetime.now(UTC), landing)
            planned, duplicates = split_duplicates(found, since)
            load = StreamLoad(self.spec.name, stream, batch, planned, duplicates)
            with warehouse.transaction():
                warehouse.ledger.plan(load)
            manifests: list[Manifest] = [reader.land(stream, p, landing) for p in planned]
            staged = Staged({}, 0, ())
            if manifests:
                known = warehouse.ledger.schemas(self.spec.name, stream.name)
                staged = warehouse.load(load, reader.extract(stream, manifests, landing, known), manifests)
                for manifest in manifests:
                    check_read(load, manifest, staged.read[manifest.load_id])
            if not publish:
                warehouse.ledger.fail([p.load_id for p in planned], "stopped by the test")
                return Account()
            try:
                [accounts] = warehouse.publish([Ready(load, staged, manifests)], lambda ready, found: [])
            except HeldError as error:
                warehouse.ledger.hold([p.load_id for p in planned], error.cause)
                raise
            warehouse.show(load)
            return sum(accounts.values(), Account())

    def confirm(self) -> list[str]:
        [name] = self.spec.streams
        with open_warehouse(self.settings) as warehouse:
            return warehouse.ledger.confirm(self.spec.name, name, "somebody", "")

    def table(self, name: str) -> list[dict[str, Any]]:
        with open_warehouse(self.settings) as warehouse:
            return warehouse.query(f"SELECT * FROM {name}")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with open_warehouse(self.settings) as warehouse:
            return warehouse.execute(sql)
