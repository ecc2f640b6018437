"""How long a waiver and a hold hold, and which incidents an action is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from blocks.warehouses.ledger import Act
from expectations import gate
from flows.holds import HOLD, RELEASE, holds
from flows.incidents import is_about
from flows.waivers import REVOKE, WAIVE, Waiver, waivers
from governance.incidents.signals import signals
from governance.model import CheckResult, Event

SLOT = datetime(2026, 11, 22, 6, tzinfo=UTC)
NOW = SLOT + timedelta(hours=3)
LATER = timedelta(hours=6)


class Acts:
    """A ledger of these actions."""

    def __init__(self, *acts: tuple[str, str, datetime | None]) -> None:
        self.rows = [
            Act(NOW + timedelta(seconds=n), "ann", action, target, f"reason {n}", until)
            for n, (action, target, until) in enumerate(acts)
        ]

    def acts(self, *kinds: str) -> list[Act]:
        return [a for a in self.rows if a.action in kinds]


def check(name: str, severity: str = "critical", success: bool = False) -> CheckResult:
    return CheckResult(check_id=name, layer="gold", dataset="gold.g", type="unique", severity=severity,
                       success=success, failed_rows=3)  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize(
    ("slot", "now", "until", "expected"),
    [
        (SLOT, NOW, None, True),
        (SLOT, NOW + 100 * LATER, None, True),
        (SLOT + LATER, NOW, None, False),
        (SLOT - LATER, NOW, None, False),
        (SLOT, NOW, NOW + LATER, True),
        (SLOT + LATER, NOW, NOW + LATER, True),
        (SLOT - LATER, NOW, NOW + LATER, False),
        (SLOT, NOW + LATER, NOW + LATER, False),
    ],
)
def test_a_waiver_is_of_its_slot_or_until_its_end(
    slot: datetime, now: datetime, until: datetime | None, expected: bool
) -> None:
    assert Waiver("c", SLOT, "ann", "why", until, NOW).holds(slot, now) is expected


def test_a_waiver_given_again_replaces_the_one_before_and_a_revoked_one_is_gone() -> None:
    given = Acts(
        (WAIVE, "a in slot b in slot 2026-11-22T06:00:00Z", None),  # a name may say anything
        (WAIVE, "x in slot 2026-11-22T06:00:00Z", None),
        (WAIVE, "x in slot 2026-11-22T06:00:00Z", NOW),
        (WAIVE, "y in slot 2026-11-22T06:00:00Z", None),
        (REVOKE, "y", None),
    )
    assert [(w.check_id, w.slot, w.reason) for w in waivers(given)] == [  # type: ignore[arg-type]
        ("x", SLOT, "reason 2"), ("a in slot b", SLOT, "reason 0"),
    ]  # fmt: skip


def test_a_hold_ends_when_it_is_released_replaced_or_over() -> None:
    given = Acts(
        (HOLD, "a.a", NOW + LATER), (HOLD, "a.b", NOW + LATER), (HOLD, "a.c", NOW), (HOLD, "a.d", NOW + LATER),
        (RELEASE, "a.b", None), (HOLD, "a.d", NOW + 2 * LATER),
    )  # fmt: skip
    found = holds(given, NOW)  # type: ignore[arg-type]
    assert {name: h.until for name, h in found.items()} == {"a.a": NOW + LATER, "a.d": NOW + 2 * LATER}


def test_a_gate_waives_what_would_block_and_nothing_else() -> None:
    found = gate.waive(
        [check("a"), check("b"), check("w", "warning"), check("p", success=True)], dict.fromkeys("awp", "by ann")
    )
    assert [(c.check_id, c.success, c.waived) for c in found] == [
        ("a", False, "by ann"), ("b", False, None), ("w", False, None), ("p", True, None),
    ]  # fmt: skip
    assert [c.check_id for c in gate.blocked(found)] == ["b"]


def test_a_waived_failure_is_told_and_wakes_nobody() -> None:
    waived = check("a").model_copy(update={"waived": "by ann: known"})
    event = Event.of("hallmark.gate.failed.v1", "gold.g", "run", NOW, checks=[waived.model_dump(mode="json")])
    [signal] = signals(event)
    assert (signal.failed, signal.severity, signal.evidence.waived) == (True, "warning", "by ann: known")
    assert signal.title == "gold.g: unique, 3 rows (waived)"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bronze.drops__invoices", {"bronze.drops__invoices", "bronze.drops__invoices__line"}),
        ("bronze.drops", {"bronze.drops__invoices", "bronze.drops__invoices__line", "bronze.drops__invoices_old"}),
        ("gold", {"gold.g"}),
        ("gold.g.id.unique", {"gold.g"}),
        ("gol", set()),
    ],
)
def test_an_action_is_about_a_check_a_dataset_with_its_children_or_a_layer(name: str, expected: set[str]) -> None:
    from governance.incidents.episodes import Policy, judge

    datasets = ("bronze.drops__invoices", "bronze.drops__invoices__line", "bronze.drops__invoices_old", "gold.g")
    opened = []
    for dataset in datasets:
        one = check(f"{dataset}.id.unique").model_copy(update={"dataset": dataset})
        event = Event.of("hallmark.gate.failed.v1", dataset, "run", NOW, checks=[one.model_dump(mode="json")])
        change = judge(None, *signals(event), "team", Policy())
        assert change
        opened.append(change.incident)
    assert {i.dataset for i in opened if is_about(i, [name])} == expected
