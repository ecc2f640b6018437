"""What of the landing zone may go: parts of loads whose retention is over and that nothing needs any more.

The ledger is read after the landing zone was listed, so that a load that lands meanwhile is none that it lacks.
"""

from __future__ import annotations

import getpass
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from blocks.landing import Landed, Landing, open_landing
from blocks.lock import exclusive
from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Warehouse
from blocks.warehouses.ledger_loads import BACKFILL
from governance.errors import ConfigurationError

UNKNOWN_AFTER = timedelta(days=1)
"""What the ledger does not know and is older was left by a run that is dead."""
CLOSED = ("published", "duplicate", "failed")


@dataclass(frozen=True)
class Verdict:
    """What becomes of a landed load, and why."""

    load: Landed
    removed: bool
    why: str


@dataclass
class Ledger:
    """What the ledger says that bears on the landing zone."""

    loads: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    """Load id → status, and since when."""
    waiting: set[str] = field(default_factory=set)
    """Loads with quarantined rows that can be replayed: their bytes are read from the landed file."""
    backfilled: set[tuple[str, str]] = field(default_factory=set)
    """(source, stream) of a backfill that has not ended."""


@dataclass(frozen=True)
class Survey:
    """The landing zone, judged."""

    verdicts: Sequence[Verdict]
    tidied: dict[str, int]
    """What is no load: working copies of failed runs in bytes, uploads that nobody finished."""

    @property
    def removed(self) -> list[Landed]:
        """The loads that go."""
        return [v.load for v in self.verdicts if v.removed]

    def groups(self, removed: bool) -> list[dict[str, Any]]:
        """source, stream, why → number and bytes of the loads that go, or stay."""
        found: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        for v in self.verdicts:
            if v.removed == removed:
                found[v.load.source, v.load.stream, v.why].update(loads=1, bytes=v.load.bytes)
        names = ("source", "stream", "why")
        return [{**dict(zip(names, key, strict=True)), **counts} for key, counts in sorted(found.items())]


def collect(settings: Settings, dry_run: bool, tell: Callable[[Survey], None]) -> Survey:
    """Judge the landing zone, tell it, then remove what may go; `ops.actions` has it before it is gone.

    Raises LockedError while a batch runs on this home, ConfigurationError where the warehouse cannot be the one
    that landed what is there.
    """
    landing, now = open_landing(settings), settings.clock()
    with exclusive(settings.home / "batch.lock", "the batch"):
        landing.check()
        found = survey(settings, landing, now)
        tell(found)
        if found.removed and not dry_run:
            with open_warehouse(settings) as warehouse, warehouse.transaction():
                for row in found.groups(removed=True):
                    reason = f"{row['loads']} loads, {row['bytes']} bytes: {row['why']}"
                    warehouse.ledger.act(getpass.getuser(), "gc", f"{row['source']}.{row['stream']}", reason)
            landing.remove(found.removed)
        if not dry_run:
            landing.tidy(now - UNKNOWN_AFTER, dry_run=False)
    return found


def survey(settings: Settings, landing: Landing, now: datetime) -> Survey:
    """What becomes of each load that is there."""
    loads = list(landing.loads())
    if settings.profile == "local" and not settings.warehouse_file.exists():
        if loads:
            raise _foreign(settings, "there is no warehouse")
        return Survey((), {})
    with open_warehouse(settings) as warehouse:
        ledger = read(warehouse)
    if any(x.whole for x in loads) and not any(x.load_id in ledger.loads for x in loads):
        raise _foreign(settings, "the ledger knows none of the loads that are landed")
    verdicts = judge(loads, ledger, now, timedelta(days=settings.landing_retention_days))
    return Survey(verdicts, landing.tidy(now - UNKNOWN_AFTER, dry_run=True))


def read(warehouse: Warehouse) -> Ledger:
    """What the ledger says of all loads."""
    loads = warehouse.execute("SELECT load_id, status, coalesce(finished_at, started_at) FROM ops.loads")
    waiting = warehouse.execute(
        "SELECT DISTINCT load_id FROM ops.quarantine WHERE layer = 'bronze' AND replayed_at IS NULL "
        "AND (byte_to > 0 OR reason_code = 'unexpected_column')"  # which a backfill brings
    )
    backfilled = warehouse.execute(
        "SELECT DISTINCT source, stream FROM ops.loads WHERE identity LIKE ? AND status IN ('planned', 'landed')",
        (f"%{BACKFILL}%",),
    )
    return Ledger(
        {load_id: (status, at) for load_id, status, at in loads},
        {load_id for (load_id,) in waiting},
        {(source, stream) for source, stream in backfilled},
    )


def judge(loads: Iterable[Landed], ledger: Ledger, now: datetime, retention: timedelta) -> list[Verdict]:
    """What may go of these loads. Whatever work that is not done may ask for stays, however old it is."""
    return [_verdict(load, ledger, now, retention) for load in loads]


def _verdict(load: Landed, ledger: Ledger, now: datetime, retention: timedelta) -> Verdict:
    if load.load_id not in ledger.loads:
        old = load.at < now - UNKNOWN_AFTER
        return Verdict(load, old, "not in the ledger" + ("" if old else ", and younger than a day"))
    status, since = ledger.loads[load.load_id]
    if status not in CLOSED:
        return Verdict(load, False, f"{status}: not published yet")
    if load.load_id in ledger.waiting:
        return Verdict(load, False, "quarantined rows wait for a replay")
    if (load.source, load.stream) in ledger.backfilled:
        return Verdict(load, False, "a backfill of the stream has not ended")
    old = since < now - retention
    return Verdict(load, old, f"{status}, {'older' if old else 'not older'} than {retention.days} days")


def _foreign(settings: Settings, cause: str) -> ConfigurationError:
    remedy = "is this the home, and the warehouse, that landed them? nothing was removed"
    return ConfigurationError(f"landing zone {settings.landing_root}", cause, remedy)
