"""The watch over a real home: what is late, odd or of another shape becomes a failed check, told once in each slot."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows import slots
from tests.homes import SLOT1, Home

BRONZE = {
    "bronze.crm__people", "bronze.crm__projects", "bronze.crm__teams", "bronze.crm__time_entries",
    "bronze.drops__customers", "bronze.drops__events", "bronze.drops__invoices", "bronze.mailroom__mail",
}  # fmt: skip
CONNECTORS = {"bronze.ads__purchases", "bronze.ads__users"}  # which this home does not ingest
HISTORY = 8 * 28


@pytest.fixture
def home(first: Home, new_home: Callable[..., Home], prefect_server: str) -> Home:
    return new_home(first)


def watch(home: Home, at: datetime) -> dict[str, dict[str, Any]]:
    """check_id → finding, by that clock."""
    from flows.watch import watch as flow

    with home.environment(HALLMARK_NOW=at.isoformat()):
        return {f["check_id"]: f for f in flow(sources=str(home.sources) if home.sources else None)}


def ages(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    """dataset → verdict on its age."""
    return {f["dataset"]: f["verdict"] for f in found.values() if f["type"] == "freshness"}


def told(home: Home, check_id: str) -> list[tuple[str, bool, str]]:
    """(event, success, severity) of what was told of a check, oldest first."""
    rows = home.rows("SELECT type, data FROM ops.events WHERE type LIKE 'hallmark.gate.%' ORDER BY time, id")
    checks = [(kind, c) for kind, data in rows for c in json.loads(data)["checks"] if c["check_id"] == check_id]
    return [(kind, c["success"], c["severity"]) for kind, c in checks]


def loaded(home: Home) -> datetime:
    """When the first load of the batch was published."""
    found: datetime = home.value("SELECT min(finished_at) FROM ops.loads WHERE status = 'published'")
    return found.astimezone(UTC)


def test_an_age_is_told_once_a_slot_and_its_end_once(home: Home) -> None:
    began, check = loaded(home), "bronze.crm__projects.freshness"
    found = ages(watch(home, began + timedelta(minutes=5)))
    fresh = {name for name, verdict in found.items() if verdict == "fresh"}
    assert fresh >= BRONZE and {name: found[name] for name in found.keys() - fresh} == dict.fromkeys(
        CONNECTORS, "never"
    )
    passed = ("hallmark.gate.passed.v1", True, "warning")
    assert [x[1:] for x in told(home, check)] == [passed[1:]], "a first pass makes the test case"
    assert not told(home, "bronze.ads__users.freshness"), "what never came has no table in the catalog"
    late = slots.floor(began + timedelta(hours=13)) + timedelta(hours=6)  # some time in a slot, more than 12 h later
    assert {k for k, v in ages(watch(home, late)).items() if v == "late"} >= BRONZE
    watch(home, late + timedelta(minutes=15))
    assert [x[1:] for x in told(home, check)] == [(True, "warning"), (False, "warning")], "once in a slot"
    assert {k for k, v in ages(watch(home, late + timedelta(hours=12))).items() if v == "overdue"} >= BRONZE
    assert [ok for _, ok, _ in told(home, check)] == [True, False, False]
    home.rows("UPDATE ops.loads SET finished_at = ? WHERE source = 'crm'", late + timedelta(hours=12))
    watch(home, late + timedelta(hours=12, minutes=15))
    watch(home, late + timedelta(hours=12, minutes=30))
    assert [ok for _, ok, _ in told(home, check)] == [True, False, False, True], "a pass ends it, once"


def test_a_missed_slot_is_one_page(home: Home) -> None:
    def pages() -> list[tuple[str, str]]:
        return home.rows(
            "SELECT subject, data ->> 'slot' FROM ops.events WHERE type = 'hallmark.run.overdue.v1' ORDER BY 2"
        )

    first = slots.parse(SLOT1)
    watch(home, first + timedelta(hours=15) - timedelta(minutes=1))
    assert pages() == [], "a batch has three hours after the end of its slot"
    for minutes in (1, 16, 31):
        watch(home, first + timedelta(hours=15, minutes=minutes))
    missed = slots.show(first + timedelta(hours=6))
    assert pages() == [("batch", missed)]
    data = json.loads(home.value("SELECT data FROM ops.events WHERE type = 'hallmark.run.overdue.v1'"))
    assert (data["owner"], data["severity"], data["due"]) == ("data-platform", "critical", "2026-11-22T15:00:00Z")
    watch(home, first + timedelta(hours=21, minutes=1))
    assert pages() == [("batch", missed), ("batch", slots.show(first + timedelta(hours=12)))]
    home.rows(
        "INSERT INTO ops.batches (slot, run_id, state, started_at, finished_at) VALUES (?, 'r', 'completed', ?, now())",
        *[first + timedelta(hours=6)] * 2,
    )
    watch(home, first + timedelta(hours=21, minutes=16))
    assert len(pages()) == 2, "the older slot is done, and the newer one is overdue as it was"


def test_an_anomaly_of_each_measure_is_found_in_its_slot(home: Home) -> None:
    newest = slots.parse(SLOT1)
    with_history(home, newest)
    found = watch(home, newest + timedelta(hours=6, minutes=15))
    odd = {i: f["observed"] for i, f in found.items() if f["verdict"] == "unusual"}
    customers = "bronze.drops__customers"
    assert {f"{customers}.volume", f"{customers}.file_size", f"{customers}.customer_id.null_rate"} <= set(odd)
    assert "low" in odd[f"{customers}.volume"] and found[f"{customers}.file_count"]["success"]
    assert found[f"{customers}.volume"]["severity"] == "warning"
    watch(home, newest + timedelta(hours=6, minutes=30))
    assert [ok for _, ok, _ in told(home, f"{customers}.volume")] == [False], "a slot is told once"


def with_history(home: Home, newest: datetime) -> None:
    """Eight weeks in which customers came in one file of 20,000 rows of 100 bytes each; the newest has a few."""
    home.rows(
        "INSERT INTO ops.batches (slot, run_id, state, started_at, finished_at) "
        "SELECT s, 'h', 'completed', s, s FROM (SELECT CAST(? AS TIMESTAMPTZ) "
        "- n * INTERVAL 6 HOUR AS s FROM range(1, ?) t(n))", newest, HISTORY,
    )  # fmt: skip
    home.rows(
        "INSERT INTO ops.loads (load_id, run_id, attempt, slot, source, stream, identity, rows_read, bytes, "
        "started_at, finished_at, status, path) SELECT 'h' || s, 'h', 1, s, 'drops', 'customers', 'h' || s, "
        "20000 + n % 7, 2000000 + n % 5, s, s + INTERVAL 20 MINUTE, 'published', 'f' || n FROM (SELECT n, "
        "CAST(? AS TIMESTAMPTZ) - n * INTERVAL 6 HOUR AS s FROM range(1, ?) t(n))", newest, HISTORY,
    )  # fmt: skip
    home.rows(
        "INSERT INTO ops.profiles SELECT 'bronze.drops__customers', 'customer_id', CAST(? AS TIMESTAMPTZ) "
        "- n * INTERVAL 6 HOUR, 20000, 200 + n % 9, 5000, NULL, NULL FROM range(1, ?) t(n)", newest, HISTORY,
    )  # fmt: skip
    home.rows(
        "UPDATE ops.profiles SET nulls = \"rows\" // 2 WHERE dataset = 'bronze.drops__customers' "
        "AND \"column\" = 'customer_id' AND slot = ?", newest,
    )  # fmt: skip


def test_a_shape_that_differs_is_a_failed_check(home: Home) -> None:
    newest = slots.parse(SLOT1) + timedelta(hours=6, minutes=15)
    found = watch(home, newest)
    assert {f["verdict"] for f in found.values() if f["type"] == "schema"} == {"same"}
    home.rows("ALTER TABLE gold.mrt_customer ADD COLUMN extra INTEGER")
    home.rows("ALTER TABLE gold.mrt_project DROP COLUMN rate")
    found = watch(home, newest + timedelta(minutes=15))
    extra, gone = found["gold.mrt_customer.schema"], found["gold.mrt_project.schema"]
    assert (extra["severity"], extra["observed"]) == ("info", "in the warehouse, not declared: extra")
    assert (gone["severity"], gone["observed"]) == ("warning", "declared, not in the warehouse: rate")
    assert [ok for _, ok, _ in told(home, "gold.mrt_project.schema")] == [True, False]
