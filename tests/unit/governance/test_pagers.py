"""One contract for every pager, over real HTTP to servers that refuse what the services refuse."""

from __future__ import annotations

from governance.model import Event
from governance.transports.base import PermanentError
from governance.transports.pages import incident_of, key_of
from tests.pagers import pagerduty
from tests.pagers.pagerduty import PagerDutyServer
from tests.unit.governance.paging import JsmCase, PagerCase, PagerDutyCase, Scene, assert_delivered, incident

ONE = incident(1)


class PagerContract(PagerCase):
    """Which changes of an incident call somebody, and which do not."""

    def test_fifty_failures_are_one_page_and_a_pass_ends_it(self, scene: Scene) -> None:
        scene.tell(ONE, "opened")
        for n in range(2, 51):
            scene.tell(ONE, "repeated", count=n)
        scene.tell(ONE, "resolved", "it passed", state="resolved")
        assert scene.log() == [("triggered", "hallmark"), ("resolved", "hallmark")]
        assert scene.server.alerts[0].key == f"hallmark-{ONE.fingerprint}-{ONE.id}"

    def test_an_acknowledgement_moves_the_page(self, scene: Scene) -> None:
        scene.tell(ONE, "opened")
        scene.tell(ONE, "acknowledged", "Ada is on it", state="acknowledged")
        scene.tell(ONE, "assigned", assignee="bob")
        assert scene.log() == [("triggered", "hallmark"), ("acknowledged", "hallmark")]

    def test_a_reopened_episode_calls_again_by_the_same_key(self, scene: Scene) -> None:
        scene.tell(ONE, "opened")
        scene.tell(ONE, "resolved", state="resolved")
        scene.tell(ONE, "reopened", state="open")
        assert scene.server.states() == [(ONE.title, "resolved"), (ONE.title, "triggered")]
        assert len({a.key for a in scene.server.alerts}) == 1

    def test_reopened_before_the_end_was_told_calls_whoever_had_acknowledged(self, scene: Scene) -> None:
        scene.tell(ONE, "opened")
        scene.tell(ONE, "acknowledged", state="acknowledged")
        ended = scene.change(ONE, "resolved", state="resolved")
        assert_delivered(scene.deliver(ended, scene.change(ONE, "reopened", state="open")))
        assert scene.server.states() == [(ONE.title, "resolved"), (ONE.title, "triggered")]

    def test_what_ended_before_it_was_paged_calls_nobody(self, scene: Scene) -> None:
        opened = scene.change(ONE, "opened")
        ended = scene.change(ONE, "resolved", state="resolved")
        assert_delivered(scene.deliver(opened, ended))
        assert_delivered(scene.deliver(opened))
        assert scene.server.alerts == []

    def test_what_somebody_has_in_hand_calls_nobody(self, scene: Scene) -> None:
        scene.tell(ONE, "opened", state="acknowledged")
        assert scene.server.alerts == []

    def test_while_it_is_muted_nothing_is_sent(self, scene: Scene) -> None:
        scene.tell(ONE, "muted", state="muted")
        assert scene.server.alerts == []
        scene.tell(ONE, "unmuted", state="open")
        scene.tell(ONE, "muted", state="muted")
        scene.tell(ONE, "worsened", state="muted")
        scene.tell(ONE, "escalated", state="muted", escalations=1)
        assert scene.log() == [("triggered", "hallmark")]
        scene.tell(ONE, "resolved", state="resolved")
        assert scene.server.states() == [(ONE.title, "resolved")]

    def test_what_follows_from_another_is_not_paged_and_a_page_of_it_ends(self, scene: Scene) -> None:
        scene.tell(incident(2), "opened", root=ONE.id)
        assert scene.server.alerts == []
        scene.tell(ONE, "opened")
        scene.tell(ONE, "attached", "bronze broke first", root="00000000ff")
        alert = scene.server.alerts[0]
        assert alert.status == "resolved"
        assert alert.log[-1].said == "it follows from incident 00000000ff. bronze broke first"

    def test_worse_than_it_was_calls_again(self, scene: Scene) -> None:
        scene.tell(incident(1, severity="warning"), "opened")
        scene.tell(ONE, "worsened", severity="critical")
        assert [a.status for a in scene.server.alerts] == ["resolved", "triggered"]
        assert [a.severity for a in scene.server.alerts] == list(self.severities)

    def test_an_escalation_calls_others_and_its_own_team_only_where_told(self, scene: Scene) -> None:
        scene.tell(ONE, "opened")
        escalated = scene.change(ONE, "escalated", escalations=1)
        assert_delivered(scene.deliver(escalated))
        assert len(scene.server.alerts) == 1
        assert_delivered(scene.deliver(escalated, destination=f"{self.name}:leads"))
        assert scene.log() == [("triggered", "hallmark")] * 2  # one key: the second line of the alert
        assert_delivered(scene.deliver(escalated, repeats=True))
        assert [a.status for a in scene.server.alerts] == ["resolved", "triggered"]

    def test_an_event_of_an_incident_that_the_desk_does_not_know_is_taken_as_it_is(self, scene: Scene) -> None:
        assert_delivered(scene.deliver(scene.event(ONE, "opened")))
        newer = ONE.model_copy(update={"state": "resolved", "revision": 3})
        assert_delivered(scene.deliver(scene.event(newer, "resolved"), scene.event(ONE, "opened")))
        assert scene.server.states() == [(ONE.title, "triggered")]  # the last word is an old one: nothing is undone
        assert_delivered(scene.deliver(scene.event(newer, "resolved")))
        assert_delivered(scene.deliver(scene.event(ONE, "opened")))
        assert scene.server.states() == [(ONE.title, "resolved")]

    def test_an_event_without_an_incident_is_refused_and_the_others_go_on(self, scene: Scene) -> None:
        bad = Event.of("hallmark.incident.opened.v1", "ffff", "x", scene.clock(), incident={"id": "ffff"})
        empty = Event.of("hallmark.incident.opened.v1", "eeee", "x", scene.clock())
        other = Event.of("hallmark.load.published.v1", "crm.x", "x", scene.clock())
        outcomes = scene.deliver(bad, empty, other, scene.change(ONE, "opened"))
        assert [type(o.error) for o in outcomes] == [PermanentError, PermanentError, type(None), type(None)]
        assert len(scene.server.alerts) == 1


class TestPagerDuty(PagerDutyCase, PagerContract):
    def test_a_deployment_is_a_change_and_no_alert(self, scene: Scene) -> None:
        told = Event.of(
            "hallmark.publish.deployed.v1", "gold", "run-1", scene.clock(), fingerprint="b2f1", previous="a0c9",
            run_id="run-1", url="https://prefect.example.com/runs/1",
        )  # fmt: skip
        assert_delivered(scene.deliver(told))
        assert isinstance(scene.server, PagerDutyServer) and scene.server.alerts == []
        assert scene.server.changes == [
            {
                "routing_key": pagerduty.KEY,
                "payload": {
                    "summary": "gold deployed: a0c9 → b2f1", "source": "gold", "timestamp": "2026-11-22T06:00:00.000Z",
                    "custom_details": {"fingerprint": "b2f1", "previous": "a0c9", "run_id": "run-1"},
                },
                "links": [{"href": "https://prefect.example.com/runs/1", "text": "what was deployed"}],
            }
        ]  # fmt: skip


class TestJsm(JsmCase, PagerContract):
    def test_a_deployment_is_no_matter_of_it(self, scene: Scene) -> None:
        told = Event.of("hallmark.publish.deployed.v1", "gold", "run-1", scene.clock(), fingerprint="b2f1")
        assert_delivered(scene.deliver(told))
        assert scene.server.requests == []


def test_the_key_is_of_the_episode() -> None:
    assert incident_of(key_of(ONE)) == ONE.id
    assert [incident_of(k) for k in ("hallmark-storm-00ff", "other-1-2", "hallmark", "", "hallmark--x")] == [None] * 5
