"""One episode for each check: opened once, kept open by what follows, ended by a pass, and never told twice."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from governance.outbox import Outbox
from tests.unit.governance.incidents.support import NOW, World, check

A = "silver.orders"


def test_fifty_failures_of_a_check_are_one_incident(world: World) -> None:
    for _ in range(50):
        world.fails(A)
    one = world.one()
    assert (one.state, one.count, one.severity, one.owner) == ("open", 50, "critical", "platform")
    assert one.opened_at == NOW and one.last_seen == NOW + timedelta(minutes=49)
    assert world.told("slack:#platform") == ["opened"] + ["repeated"] * 49
    assert world.told("pagerduty:platform")[0] == "opened"


def test_a_pass_ends_it(world: World) -> None:
    world.fails(A)
    world.passes(A)
    one = world.one()
    assert (one.state, one.resolved_at) == ("resolved", NOW + timedelta(minutes=1))
    assert world.told("slack:#platform") == ["opened", "resolved"]
    world.passes(A)
    assert world.one() == one


def test_two_checks_of_a_dataset_are_two_incidents_and_one_alert(world: World) -> None:
    world.fails(A, "one")
    world.fails(A, "two")
    root, other = sorted(world.open, key=lambda i: i.opened_at)
    assert (root.root, other.root, root.attached) == (None, root.id, (other.id,))


def test_a_failure_within_a_day_of_a_pass_opens_the_same_episode(world: World) -> None:
    world.fails(A)
    world.passes(A)
    first = world.one().id
    world.pass_(hours=23)
    world.fails(A)
    assert (world.one().id, world.one().state, world.one().count) == (first, "open", 2)
    assert world.told("slack:#platform")[-1] == "reopened"
    world.passes(A)
    world.pass_(hours=25)
    world.fails(A)
    assert len(world.store.rows()) == 2 and [i.id != first for i in world.open] == [True]


def test_what_comes_and_goes_is_held_open_until_it_is_quiet(world: World) -> None:
    for _ in range(4):
        world.fails(A)
        world.passes(A)
    one = world.one()
    assert one.state == "open" and one.passing_since
    assert "it passes, and is held open: 6 changes within 24 h" in world.whats(one.id)
    told = len(world.told("slack:#platform"))
    world.fails(A)
    world.passes(A)
    assert world.told("slack:#platform")[told:] == ["repeated", "noted"]
    world.pass_(hours=23)
    assert world.desk.tick() == 0
    world.pass_(hours=2)
    assert world.desk.tick() == 1
    assert world.one().state == "resolved"


def test_a_warning_that_becomes_critical_pages(world: World) -> None:
    world.fails(A, severity="warning")
    assert world.told("pagerduty:platform") == []
    world.fails(A)
    assert world.told("pagerduty:platform") == ["worsened"]
    assert world.one().severity == "critical"


def test_what_only_informs_is_no_incident(world: World) -> None:
    world.fails(A, severity="info")
    assert world.store.rows() == []


def test_an_event_is_applied_once(world: World) -> None:
    event = world.fails(A)
    world.hear(event, event)
    world.hear(event)
    assert world.one().count == 1
    assert world.told("slack:#platform") == ["opened"]


def test_a_kill_between_the_incident_and_its_alert_leaves_neither(world: World) -> None:
    event = world.gate(A, check(A))

    def fail(_: object) -> list[object]:
        raise KeyboardInterrupt

    killed = type(world.engine)(world.store, world.ownership, fail)  # type: ignore[arg-type]
    with suppress(KeyboardInterrupt):
        killed.deliver([event])
    assert world.store.rows() == []
    world.hear(event)
    assert world.one().count == 1 and world.told("slack:#platform") == ["opened"]


def test_a_pass_that_comes_late_ends_nothing(world: World) -> None:
    late = world.gate(A, check(A, success=True))
    world.pass_(minutes=5)
    world.fails(A)
    world.hear(late)
    assert world.one().state == "open"


def test_an_event_that_cannot_be_read_is_said_and_holds_nobody_back(world: World) -> None:
    bad = world.event("gate.failed", A, checks=[{"check_id": 1}])
    good = world.gate(A, check(A))
    outcomes = world.engine.deliver([bad, good])
    assert "not of the form" in str(outcomes[0].error) and outcomes[1].error is None
    assert world.one().count == 1


def test_a_load_that_fails_and_one_that_is_published(world: World) -> None:
    error = {"what": "stream crm.projects", "cause": "column rate vanished", "remedy": "restore it"}
    world.hear(world.event("load.failed", "crm.projects", error=error, reason="schema", owner="growth"))
    one = world.one()
    assert (one.kind, one.dataset, one.owner) == ("schema", "bronze.crm__projects", "growth")
    assert one.blast.unpublished == ("bronze.crm__projects",) and one.latest.remedy == "restore it"
    world.pass_(hours=6)
    world.hear(world.event("load.published", "crm.projects", read=10, quarantined=0))
    assert world.one().state == "resolved"


def test_a_load_whose_gate_failed_is_told_by_its_checks(world: World) -> None:
    world.hear(world.event("load.failed", "crm.projects", error={"cause": "its gate failed"}, reason="gate"))
    assert world.store.rows() == []


def test_the_share_of_the_quarantine_is_watched(world: World) -> None:
    world.hear(world.event("load.published", "drops.customers", read=1000, quarantined=49))
    assert world.store.rows() == []
    world.hear(world.event("load.published", "drops.customers", read=1000, quarantined=50))
    assert (world.one().kind, world.one().severity) == ("quarantine", "warning")
    assert "50 of 1000 rows (5.0%)" in world.one().title
    world.pass_(hours=6)
    world.hear(world.event("load.published", "drops.customers", read=99, quarantined=50))
    assert (world.one().state, world.one().count) == ("open", 1)  # too few to say
    world.hear(world.event("load.published", "drops.customers", read=50, quarantined=0))  # they were replayed
    assert world.one().state == "resolved"


def test_a_flow_that_crashes_and_one_that_only_has_failures(world: World) -> None:
    world.hear(world.event("run.failed", "batch", error=None))
    assert world.store.rows() == []
    world.hear(world.event("run.failed", "batch", error={"what": "batch", "cause": "its process ended", "remedy": ""}))
    assert (world.one().kind, world.one().dataset) == ("flow", "batch")
    world.pass_(hours=1)
    world.hear(world.event("run.completed", "deliver"))
    assert world.one().state == "open"
    world.hear(world.event("run.failed", "batch", error=None))
    assert world.one().state == "resolved", "it came to its end; what failed in it tells so itself"


def test_a_batch_past_its_deadline_is_over_once_one_completes(world: World) -> None:
    overdue = {"slot": "2026-11-24T06:00:00Z", "owner": "platform", "severity": "critical"}
    world.hear(world.event("run.overdue", "batch", **overdue))
    assert (world.one().kind, world.one().check_id) == ("deadline", "deadline")
    assert world.told("pagerduty:platform") == ["opened"]
    world.pass_(minutes=20)
    world.hear(world.event("run.failed", "batch", error=None))
    assert world.one().state == "open"
    world.hear(world.event("run.completed", "batch", slot="2026-11-24T00:00:00Z"))
    assert world.one().state == "open", "an older slot says nothing of this one"
    world.hear(world.event("run.completed", "batch", slot=overdue["slot"]))
    assert world.one().state == "resolved"


def test_what_stops_a_flow_is_one_incident_whatever_names_one_run(world: World) -> None:
    for run, slot, pid in (("0a" * 4, "06", 4711), ("0b" * 4, "12", 815)):
        what = f"load {run}-1111-2222-3333-{run}abcd of slot 2026-11-24T{slot}:00:00Z, process {pid}"
        world.hear(world.event("run.failed", "batch", error={"what": what, "cause": "x", "remedy": "y"}))
    assert (world.one().check_id, world.one().count) == ("load * of slot *, process *", 2)


def test_an_event_of_which_one_check_cannot_be_read_changes_nothing(world: World) -> None:
    good, bad = check(A, "one", success=False).model_dump(mode="json"), {"dataset": A, "severity": "unheard of"}
    [outcome] = world.engine.deliver([world.event("gate.failed", A, checks=[good, bad])])
    assert outcome.error is not None and not world.store.rows()


def test_another_program_can_report(world: World) -> None:
    data = {"check": "buried", "kind": "delivery", "severity": "warning", "title": "2 events are buried"}
    world.hear(world.event("incident.observed", "openmetadata", failed=True, **data))
    assert (world.one().kind, world.one().title) == ("delivery", "2 events are buried")
    world.pass_(minutes=5)
    world.hear(world.event("incident.observed", "openmetadata", failed=False, **data))
    assert world.one().state == "resolved"


def test_what_is_told_stays_in_its_order(world: World) -> None:
    world.fails(A)
    world.passes(A)
    with Outbox(world.url) as outbox:
        [claim] = outbox.claim("slack:#platform")
        assert claim.event.type == "hallmark.incident.opened.v1"
        assert outbox.claim("slack:#platform") == []
        outbox.ack([claim])
        [claim] = outbox.claim("slack:#platform")
        assert claim.event.data["incident"]["state"] == "resolved"
