"""Freshness: what grew old is found by the clock and told once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.homes import Home

BRONZE = {
    "bronze.crm__people", "bronze.crm__projects", "bronze.crm__teams", "bronze.crm__time_entries",
    "bronze.drops__customers", "bronze.drops__events", "bronze.drops__invoices", "bronze.mailroom__mail",
}  # fmt: skip
CONNECTORS = {"bronze.ads__purchases", "bronze.ads__users"}  # which this home does not ingest


def watch(home: Home, after: timedelta) -> dict[str, str]:
    """dataset → verdict, so long after now."""
    from flows.watch import watch as flow

    with home.environment(HALLMARK_NOW=(datetime.now(UTC) + after).isoformat()):
        return {f["dataset"]: f["verdict"] for f in flow()}


def told(home: Home) -> list[tuple[str, str]]:
    """(type, subject) of what was told of ages."""
    return home.rows(
        "SELECT type, subject FROM ops.events "
        "WHERE type IN ('hallmark.dataset.late.v1', 'hallmark.dataset.overdue.v1') ORDER BY ALL"
    )


def test_ages_are_told_once(first: Home, new_home: Callable[..., Home], prefect_server: str) -> None:
    home = new_home(first)
    found = watch(home, timedelta(minutes=5))
    fresh = {name for name, verdict in found.items() if verdict == "fresh"}
    assert fresh >= BRONZE and told(home) == []
    assert {name: found[name] for name in found.keys() - fresh} == dict.fromkeys(CONNECTORS, "never")
    assert {k for k, v in watch(home, timedelta(hours=13)).items() if v == "late"} >= BRONZE
    late = told(home)
    assert {("hallmark.dataset.late.v1", name) for name in BRONZE} <= set(late)
    watch(home, timedelta(hours=14))
    assert told(home) == late, "the same age is told once"
    assert {k for k, v in watch(home, timedelta(hours=30)).items() if v == "overdue"} >= BRONZE
    assert len(told(home)) > len(late)
    assert watch(home, timedelta(minutes=5)) == found
