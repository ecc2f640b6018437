"""What follows from one break is one alert: along the lineage, whatever is told first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.governance.incidents.support import World, check


@pytest.fixture
def storm(world: World) -> World:
    """A table of bronze, forty of silver that are made of it, one of gold, and a dashboard."""
    world.made_of("bronze.crm__projects", "postgres:crm.public.projects", owner="growth")
    for n in range(40):
        world.made_of(f"silver.t{n:02}", "bronze.crm__projects")
    world.made_of("gold.mart", *(f"silver.t{n:02}" for n in range(40)))
    world.made_of("exposure.revenue", "gold.mart", kind="exposure", owner="finance")
    return world


def test_a_break_of_bronze_is_one_alert_with_what_follows_attached(storm: World) -> None:
    storm.fails("bronze.crm__projects", owner="growth")
    for n in range(39):
        storm.fails(f"silver.t{n:02}")
    [root] = [i for i in storm.open if i.root is None]
    assert root.dataset == "bronze.crm__projects" and len(root.attached) == 39
    assert len(root.blast.datasets) == 41 and root.blast.dashboards == ("revenue",)
    assert set(root.blast.owners) == {"growth", "platform", "finance"}
    attached = [storm.store.incident(i) for i in root.attached]
    assert all(i and i.root == root.id for i in attached)


def test_what_is_downstream_may_be_told_first(storm: World) -> None:
    storm.fails("silver.t00")
    storm.fails("silver.t01")
    storm.fails("gold.mart")
    storm.fails("bronze.crm__projects", severity="warning")
    [root] = [i for i in storm.open if i.root is None]
    assert root.dataset == "bronze.crm__projects" and len(root.attached) == 3
    assert root.severity == "critical"  # as bad as the worst that follows from it
    assert all(i.root == root.id for i in storm.open if i.id != root.id)


def test_what_was_long_there_does_not_follow(storm: World) -> None:
    storm.fails("silver.t00")
    storm.pass_(hours=7)
    storm.fails("bronze.crm__projects", slot="2026-11-24T12:00:00Z")
    assert [i.root for i in storm.open] == [None, None]


def test_a_root_that_is_only_a_warning_pages_for_what_follows(storm: World) -> None:
    storm.fails("bronze.crm__projects", severity="warning")
    assert storm.told("pagerduty:platform") == []
    storm.fails("silver.t00")
    [root] = [i for i in storm.open if i.root is None]
    assert root.severity == "critical" and "worsened" in storm.told("pagerduty:platform")


def test_a_warning_that_has_long_been_open_hides_nothing_worse(storm: World) -> None:
    storm.fails("bronze.crm__projects", severity="warning")
    storm.pass_(hours=6)
    storm.fails("silver.t00", slot="2026-11-24T12:00:00Z")
    storm.fails("silver.t01", slot="2026-11-24T12:00:00Z", severity="warning")
    found = {i.dataset: i for i in storm.open}
    assert found["silver.t00"].root is None and found["bronze.crm__projects"].severity == "warning"
    assert found["silver.t01"].root == found["bronze.crm__projects"].id
    assert storm.told("pagerduty:platform") == ["opened"]


def test_checks_of_one_event_see_what_those_before_them_changed(storm: World) -> None:
    b, a = check("silver.t00", "b"), check("silver.t00", "a")
    storm.hear(storm.gate("silver.t00", b))
    storm.pass_(minutes=1)
    storm.hear(storm.gate("silver.t00", a, b))
    found = {i.check_id: i for i in storm.open}
    assert found["a"].root == found["b"].id and found["b"].attached == (found["a"].id,)
    assert found["b"].count == 2


def test_what_still_fails_when_its_root_is_over_stands_alone(storm: World) -> None:
    storm.fails("bronze.crm__projects")
    storm.fails("silver.t00")
    storm.passes("bronze.crm__projects")
    [left] = storm.open
    assert left.root is not None  # its gate has not run since
    storm.fails("silver.t00")
    [left] = storm.open
    assert (left.dataset, left.root) == ("silver.t00", None)
    assert "is over; it still fails" in storm.whats(left.id)[-1]


def test_what_was_not_published_is_named(storm: World) -> None:
    event = storm.gate("silver.t00", check("silver.t00"), unpublished=["silver.t00", "silver.t01"])
    storm.hear(event)
    assert storm.one().blast.unpublished == ("silver.t00", "silver.t01")


def test_flows_and_deliveries_follow_from_no_data(storm: World) -> None:
    storm.fails("bronze.crm__projects")
    storm.hear(storm.event("run.failed", "batch", error={"what": "batch", "cause": "it crashed", "remedy": ""}))
    assert [i.root for i in storm.open] == [None, None]


def test_what_moves_to_another_root_leaves_the_one_before(storm: World) -> None:
    storm.fails("bronze.crm__projects")
    storm.fails("silver.t00")
    storm.passes("bronze.crm__projects")
    storm.fails("silver.t01", severity="warning")
    storm.fails("silver.t00")
    storm.fails("gold.mart")
    for child in storm.store.rows():
        assert [r.id for r in storm.store.rows() if child.id in r.attached] == ([child.root] if child.root else [])
    assert [i.attached for i in storm.store.rows() if i.dataset == "bronze.crm__projects"] == [()]


def test_what_is_muted_hides_nothing_that_begins_later(storm: World) -> None:
    storm.fails("bronze.crm__projects", slot="2026-11-20T06:00:00Z")
    [muted] = storm.open
    storm.desk.mute(muted.id, "ada", storm.now + timedelta(days=7))
    storm.pass_(days=4)
    storm.fails("silver.t00", slot="2026-11-24T06:00:00Z")
    [new] = [i for i in storm.open if i.dataset == "silver.t00"]
    assert new.root is None


def test_what_followed_stands_alone_when_its_root_has_been_over_for_a_slot(storm: World) -> None:
    storm.fails("bronze.crm__projects")
    storm.fails("silver.t00")
    storm.passes("bronze.crm__projects")
    storm.desk.tick()
    [child] = storm.open
    assert child.root
    storm.pass_(hours=7)
    assert storm.desk.tick() == 1
    [child] = storm.open
    assert child.root is None and storm.told("pagerduty:platform")[-1] == "noted"
