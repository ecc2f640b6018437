"""One contract for every pager: storms, and what a service answers that does not take a page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from governance.incidents.model import Alert, Incident
from governance.transports.base import Outage, PermanentError, TransientError
from governance.transports.pace import Pace
from tests.unit.governance.http_peer import refusing
from tests.unit.governance.paging import Clock, JsmCase, PagerCase, PagerDutyCase, Scene, assert_delivered, incident

ONE = incident(1)


class FaultContract(PagerCase):
    """Nothing is lost, nobody is called twice for one thing, and no key is named."""

    def test_a_storm_is_one_page_that_ends_with_the_last_of_it(self, scene: Scene) -> None:
        many = [incident(n) for n in range(35)]
        assert_delivered(scene.deliver(*[scene.change(one, "opened") for one in many]))
        assert len(scene.server.alerts) == 21
        storm = scene.server.alerts[20]
        assert storm.summary == f"storm: 35 incidents open, the newest: {many[34].title}"
        scene.tell(incident(40), "opened")
        assert len(scene.server.alerts) == 21 and storm.log[-1].said.startswith("storm: 36 incidents open")
        for one in [*many[20:], incident(40)]:
            scene.tell(one, "acknowledged", state="acknowledged")
        assert storm.status == "acknowledged"
        scene.tell(incident(41), "opened")  # it calls again: nobody has that one in hand
        assert storm.status == "resolved"
        anew = scene.server.alerts[21]
        for one in [*many[20:], incident(40)]:
            scene.tell(one, "resolved", state="resolved")
        assert anew.status == "triggered"
        scene.tell(incident(41), "resolved", state="resolved")
        assert anew.status == "resolved" and anew.log[-1].said == "all incidents of the storm are over"
        assert [a.status for a in scene.server.alerts[:20]] == ["triggered"] * 20

    def test_a_storm_is_over_after_an_hour(self, scene: Scene) -> None:
        scene.options["cap"] = 2
        assert_delivered(scene.deliver(*[scene.change(incident(n), "opened") for n in range(3)]))
        scene.clock.forward(minutes=59)
        scene.tell(incident(3), "opened")
        assert len(scene.server.alerts) == 3
        scene.clock.forward(minutes=2)
        scene.tell(incident(4), "opened")
        assert scene.server.alerts[3].summary == incident(4).title

    def test_a_storm_whose_page_was_not_taken_is_sent_again(self, scene: Scene) -> None:
        scene.options["cap"] = 0
        events = [scene.change(incident(n), "opened") for n in range(3)]
        scene.server.fail(503)
        assert [str(o.error)[-12:] for o in scene.deliver(*events)] == ["o answer 503"] * 3
        assert_delivered(scene.deliver(*events))
        assert [a.summary[:23] for a in scene.server.alerts] == ["storm: 3 incidents open"]

    @pytest.mark.parametrize("asked", ["1e9", "1e300", "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_nobody_may_silence_it_for_more_than_an_hour(self, scene: Scene, asked: str) -> None:
        scene.options["pace"] = Pace(None, clock=scene.clock)
        events = [scene.change(incident(n), "opened") for n in range(2)]
        scene.server.retry_after = asked
        scene.server.fail(429)
        for outcome in scene.deliver(*events):
            assert isinstance(outcome.error, TransientError) and outcome.error.reason == "throttled"
            assert outcome.error.retry_after == pytest.approx(3600, abs=1)
        scene.clock.forward(hours=1, seconds=1)
        assert_delivered(scene.deliver(*events))

    def test_one_that_cannot_be_shown_does_not_keep_the_others(self, scene: Scene) -> None:
        def describe(one: Incident) -> Alert:
            if one.id == ONE.id:
                raise OverflowError("a number of it, which is nobody's business")
            return Alert(incident=one)

        bad, good = scene.change(ONE, "opened"), scene.change(incident(2), "opened")
        outcomes = scene.deliver(bad, good, describe=describe)
        assert isinstance(outcomes[0].error, PermanentError) and str(outcomes[0].error).endswith("v1: OverflowError")
        assert outcomes[1].error is None and scene.server.states() == [(incident(2).title, "triggered")]

    def test_an_answer_that_never_came_is_asked_for_again_and_calls_once(self, scene: Scene) -> None:
        opened = scene.change(ONE, "opened")
        scene.server.fail("die")
        (outcome,) = scene.deliver(opened)
        assert isinstance(outcome.error, TransientError) and outcome.error.reason == "connection"
        assert_delivered(scene.deliver(opened))
        assert len(scene.server.alerts) == 1

    def test_a_broken_connection_and_an_error_of_the_server_are_tried_again(self, scene: Scene) -> None:
        events = [scene.change(incident(n), "opened") for n in range(3)]
        scene.server.retry_after = "90"
        scene.server.fail("reset")
        scene.server.fail(503)
        first, second, third = scene.deliver(*events)
        assert isinstance(first.error, TransientError) and first.error.reason == "connection"
        assert isinstance(second.error, TransientError) and second.error.reason == "server"
        assert second.error.retry_after == 90 and third.error is None

    def test_one_that_does_not_answer_in_time_keeps_the_others_from_waiting(self, scene: Scene) -> None:
        scene.server.fail("slow", 2)
        outcomes = scene.deliver(*[scene.change(incident(n), "opened") for n in range(2)], timeout=0.3)
        assert isinstance(outcomes[0].error, TransientError) and outcomes[0].error.reason == "timeout"
        assert isinstance(outcomes[1].error, Outage)

    def test_nobody_there_is_an_outage_of_all(self, scene: Scene) -> None:
        events = [scene.change(incident(n), "opened") for n in range(2)]
        with refusing() as url:
            outcomes = scene.deliver(*events, url=url)
        assert [type(o.error) for o in outcomes] == [Outage] * 2
        assert "no URL" in str(scene.deliver(*events, url="http://127.0.0.1:port")[0].error)

    def test_a_pause_that_is_asked_for_is_kept_by_all(self, scene: Scene) -> None:
        pace = Pace(120, clock=scene.clock)
        events = [scene.change(incident(n), "opened") for n in range(3)]
        scene.server.retry_after = "45"
        scene.server.fail(429)
        outcomes = scene.deliver(*events, pace=pace)
        waits = [o.error.retry_after for o in outcomes if isinstance(o.error, TransientError)]
        assert waits == [45, 45, 45] and scene.server.requests == []
        scene.clock.forward(seconds=44)
        assert scene.deliver(events[0], pace=pace)[0].error is not None and scene.server.requests == []
        scene.clock.forward(seconds=1)
        assert_delivered(scene.deliver(*events, pace=pace))

    def test_a_key_that_is_none_is_an_outage_and_is_named_nowhere(
        self, scene: Scene, caplog: pytest.LogCaptureFixture
    ) -> None:
        secret, opened = "S3cret-" + "x" * 25, scene.change(ONE, "opened")
        for key in (secret, f"{secret}\n{secret}", ""):
            (outcome,) = scene.deliver(opened, key=key)
            assert isinstance(outcome.error, Outage) and outcome.error.reason == "auth"
            assert "S3cret" not in str(outcome.error) + caplog.text
        scene.server.refusals.clear()

    def test_hostile_texts_arrive_cut_and_on_one_line(self, scene: Scene) -> None:
        title = "<!channel> <script>alert(1)</script>\x1b[2J\n\u2028& " + "ü" * 3000
        scene.tell(incident(1, title=title, dataset="gold.\x00t" + "d" * 2000, check_id="x" * 900), "opened")
        summary = scene.server.alerts[0].summary
        assert summary.isprintable() and len(summary) <= 1024


class TestPagerDuty(PagerDutyCase, FaultContract):
    def test_120_events_a_minute_of_a_key_are_kept(self, scene: Scene) -> None:
        pace, options = Pace(120, clock=scene.clock), {"cap": 10_000}
        events = [scene.change(incident(n), "opened") for n in range(150)]
        outcomes = scene.deliver(*events, pace=pace, **options)
        late = [o for o in outcomes if o.error]
        assert len(late) == 30 and all(isinstance(o.error, TransientError) and o.error.retry_after == 60 for o in late)
        assert len(scene.server.alerts) == 120 and scene.server.refusals == []
        scene.clock.forward(seconds=60)
        assert_delivered(scene.deliver(*events, pace=pace, **options))
        assert len(scene.server.alerts) == 150 and scene.server.refusals == []


class TestJsm(JsmCase, FaultContract):
    def test_an_alert_that_is_gone_needs_no_close(self, scene: Scene) -> None:
        scene.tell(ONE, "opened")
        scene.server.fail(404)
        scene.tell(ONE, "resolved", state="resolved")
        assert scene.desk.reference(ONE.id, "jsm:x")["state"] == "resolved"
        scene.server.refusals.clear()


def test_a_pace_looks_back_from_now() -> None:
    clock = Clock()
    pace = Pace(2, clock=clock)
    pace.take()
    clock.forward(seconds=30)
    pace.take()
    with pytest.raises(TransientError) as caught:
        pace.take()
    assert caught.value.retry_after == 30
    clock.now += timedelta(seconds=30)
    pace.take()
