"""Critical checks that a person lets fail for a while: `waive`, `revoke`, and what a gate makes of it.

A waived check runs, is recorded and is told as failed; it blocks nothing. ops.actions has the waivers and nothing else
keeps them. A gate asks for them only where it would block: one query.
"""

from __future__ import annotations

import difflib
import getpass
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from blocks.settings import Settings
from blocks.warehouses import is_made, open_warehouse
from blocks.warehouses.ledger import Ledger
from blocks.warehouses.sql import SqlWarehouse
from expectations import gate
from flows import slots
from flows.context import Context
from flows.incidents import noted, show_time
from governance.errors import ConfigurationError
from governance.model import CheckResult
from governance.remedies import stream_of

LOG = logging.getLogger("hallmark")
WAIVE, REVOKE = "gate.waive", "gate.revoke"
IN = " in slot "
NEWEST = (
    "SELECT check_id, layer, dataset, column_name, type, severity, success, failed_rows, observed, threshold, "
    'published, waived, slot, "at" FROM ops.gates'
)
ONCE = 'QUALIFY row_number() OVER (PARTITION BY check_id ORDER BY "at" DESC) = 1'


@dataclass(frozen=True)
class Waiver:
    """What a person said of a check."""

    check_id: str
    slot: datetime
    actor: str
    reason: str
    until: datetime | None
    at: datetime

    def holds(self, slot: datetime, now: datetime) -> bool:
        """For runs of its slot alone; with `until` for those of later slots too, and for none from then on."""
        return slot == self.slot if self.until is None else slot >= self.slot and now < self.until

    def __str__(self) -> str:
        """As it is shown beside the check."""
        end = f", until {show_time(self.until)}" if self.until else ""
        return " ".join(f"by {self.actor}{end}: {self.reason}".split())[:300]


def waivers(ledger: Ledger) -> list[Waiver]:
    """All that were not revoked or said anew, the newest first."""
    found: dict[str, dict[str, Waiver]] = {}
    for act in ledger.acts(WAIVE, REVOKE):
        if act.action == REVOKE:
            found.pop(act.target, None)
            continue
        check, _, slot = act.target.rpartition(IN)
        one = Waiver(check, slots.parse(slot), act.actor, act.reason, act.until, act.at)
        found.setdefault(check, {})[slot] = one
    return sorted((w for of in found.values() for w in of.values()), key=lambda w: w.at, reverse=True)


def judged(warehouse: SqlWarehouse, context: Context, checks: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """The results of a gate with the waivers that hold for this run."""
    if not gate.blocked(checks):
        return tuple(checks)
    slot, now = context.batch.slot, context.settings.clock()
    valid = {w.check_id: str(w) for w in reversed(waivers(warehouse.ledger)) if w.holds(slot, now)}
    found = gate.waive(checks, valid)
    for check in found:
        if check.waived:
            LOG.warning("%s: %s", check.check_id, words(check))
    return found


def words(check: CheckResult) -> str:
    """A waived check, as the run says it."""
    return f"failed ({check.failed_rows} rows), and blocks nothing: waived {check.waived}"


def waive(settings: Settings, check: str, slot: str, reason: str, until: datetime | None) -> dict[str, Any]:
    """Let a check fail without blocking.

    Returns the incidents in which it is noted, the slot's waiver that it replaces, and how the slot is run again.

    Raises ConfigurationError for a check that no gate knows or that blocks nothing, for a slot that has no run any
    more, and for a time that has passed.
    """
    at, actor = slots.parse(slot), getpass.getuser()
    if until and until <= settings.clock():
        raise ConfigurationError("--until", f"{show_time(until)} has passed", "give a time that lies ahead")
    with open_gates(settings) as warehouse:
        known = _known(warehouse, check)
        if known["severity"] != "critical":
            cause = f"it blocks nothing: its severity is {known['severity']}"
            raise ConfigurationError(f"check {check}", cause, "waive what `hallmark gate list` shows as critical")
        done = [s for s, state in warehouse.ledger.slots() if state == "completed"]
        newest = max(done, default=None)
        slots.check_not_ahead(at, newest, settings.clock())
        if newest and at < newest:
            cause = "a newer one is complete, and an older slot is not run any more"
            raise ConfigurationError(f"slot {slots.show(at)}", cause, f"use {slots.show(newest)} or the next one")
        target = f"{check}{IN}{slots.show(at)}"
        old = next((str(w) for w in waivers(warehouse.ledger) if (w.check_id, w.slot) == (check, at)), None)
        # A complete slot is run again by what builds a layer, or reads a stream, anew.
        stream = stream_of(known["dataset"])
        again = f" --stream {stream}" if stream else f" --from {known['layer']}"
        run = f"hallmark run --slot {slots.show(at)}{again if at in done else ''}"
        warehouse.ledger.act(actor, WAIVE, target, reason, until)
    incidents = noted(settings, actor, WAIVE, target, [check], reason, until)
    return {"incidents": incidents, "replaces": old, "run": run}


def revoke(settings: Settings, check: str, reason: str) -> list[str]:
    """Let a check block again; the incidents in which it is noted. Raises ConfigurationError for one not waived."""
    actor = getpass.getuser()
    with open_gates(settings) as warehouse:
        there = sorted({w.check_id for w in waivers(warehouse.ledger)})
        if check not in there:
            raise ConfigurationError(f"check {check}", "nobody waived it", _nearest(check, there))
        warehouse.ledger.act(actor, REVOKE, check, reason)
    return noted(settings, actor, REVOKE, check, [check], reason)


def listing(settings: Settings, everything: bool = False) -> dict[str, Any]:
    """The failing checks of the newest slot, and the waivers that may still count, or all that were given."""
    with open_gates(settings) as warehouse:
        of_slot = f"{NEWEST} WHERE slot = (SELECT max(slot) FROM ops.gates) {ONCE}"
        order = "CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, check_id"
        failing = warehouse.query(f"SELECT * FROM ({of_slot}) AS n WHERE NOT success ORDER BY {order}")
        given = waivers(warehouse.ledger)
        known = [slot for slot, _ in warehouse.ledger.slots()]
    now = settings.clock()
    rows = [
        {
            "check_id": w.check_id, "slot": slots.show(w.slot), "until": w.until, "actor": w.actor, "reason": w.reason,
            "at": w.at, "state": "waives" if w.holds(max([*known, w.slot]), now) else "over",
        }
        for w in given
    ]  # fmt: skip
    left = {"success", "slot"}
    return {
        "slot": slots.show(max(known)) if known else None,
        "failing": [{k: v for k, v in row.items() if k not in left} for row in failing],
        "waivers": [r for r in rows if everything or r["state"] == "waives"],
    }


def open_gates(settings: Settings) -> Any:
    """The warehouse. Raises ConfigurationError where no gate has run, so that there is nothing to waive."""
    if not is_made(settings):
        raise ConfigurationError("the gates", "none has run yet", "run `hallmark run` first")
    return open_warehouse(settings)


def _known(warehouse: SqlWarehouse, check: str) -> dict[str, Any]:
    """The newest result of a check."""
    rows = warehouse.query(f"{NEWEST} WHERE check_id = ? {ONCE}", (check,))
    if not rows:
        names = [name for (name,) in warehouse.execute("SELECT DISTINCT check_id FROM ops.gates ORDER BY 1")]
        raise ConfigurationError(f"check {check}", "no gate has run a check of this name", _nearest(check, names))
    return rows[0]


def _nearest(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, 1, 0.5)
    return f"did you mean {near[0]}?" if near else "take one of `hallmark gate list`"
