"""What people do in the pagers comes back: by asking, and by webhooks whose signature is right."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from governance.inbound.heard import Heard, open_pages, reports
from governance.inbound.jsm import JsmReader
from governance.inbound.pagerduty import PagerDutyReader, parse_pagerduty
from governance.inbound.receiver import BODY_LIMIT, Receiver
from governance.inbound.signatures import fresh, verify_openmetadata, verify_pagerduty
from governance.incidents.model import Reported
from governance.transports.base import Outage, TransientError
from tests.pagers import jsm, pagerduty
from tests.pagers.pagerduty import SECRET, PagerDutyServer
from tests.unit.governance.http_peer import refusing
from tests.unit.governance.paging import NOW, Clock, JsmCase, PagerCase, PagerDutyCase, Scene, incident

OLD = "the-secret-before"


class WayBack(PagerCase):
    """What a person did is reported, what we did is not."""

    def poll(self, scene: Scene, token: str = "", url: str = "") -> list[Reported]:
        raise NotImplementedError

    def test_a_person_acknowledges_and_resolves(self, scene: Scene) -> None:
        one, other = incident(1), incident(2)
        scene.tell(one, "opened")
        scene.tell(other, "opened")
        assert self.poll(scene) == []
        scene.clock.forward(seconds=40)
        scene.server.acknowledge(scene.server.alerts[0].key)
        scene.server.resolve(scene.server.alerts[1].key, "Bob\n<b>")
        at = scene.clock.now
        assert self.poll(scene) == [
            Reported(incident=one.id, verb="acknowledged", actor="Ada Person", at=at),
            Reported(incident=other.id, verb="resolved", actor="Bob <b>", at=at),
        ]

    def test_what_we_did_is_not_reported(self, scene: Scene) -> None:
        scene.tell(incident(1), "opened")
        scene.tell(incident(1), "acknowledged", state="acknowledged")
        scene.tell(incident(2), "opened")
        pages = open_pages(scene.desk, [f"{self.name}:x"])
        scene.tell(incident(2), "resolved", state="resolved")
        assert len(pages) == 2 and self.poll(scene) == []

    def test_a_storm_that_somebody_acknowledges_is_all_of_its_incidents(self, scene: Scene) -> None:
        scene.options["cap"] = 1
        for n in range(3):
            scene.tell(incident(n), "opened")
        scene.server.acknowledge(scene.server.alerts[1].key)
        assert {r.incident for r in self.poll(scene)} == {incident(1).id, incident(2).id}

    def test_without_open_pages_nobody_is_asked(self, scene: Scene) -> None:
        assert self.poll(scene, url="http://127.0.0.1:1") == []

    def test_who_does_not_answer_or_refuses_the_token(self, scene: Scene) -> None:
        scene.tell(incident(1), "opened")
        with refusing() as url, pytest.raises(Outage):
            self.poll(scene, url=url)
        with pytest.raises(Outage, match="401") as caught:
            self.poll(scene, token="wr0ng-token")
        assert "wr0ng" not in str(caught.value)
        scene.server.fail(429)
        with pytest.raises(TransientError) as late:
            self.poll(scene)
        assert late.value.retry_after == 30


class TestPagerDuty(PagerDutyCase, WayBack):
    def poll(self, scene: Scene, token: str = pagerduty.TOKEN, url: str = "") -> list[Reported]:
        reader = PagerDutyReader(lambda: token, url or scene.server.url)
        try:
            return reader.poll(open_pages(scene.desk, ["pagerduty:x"]))
        finally:
            reader.close()

    @pytest.mark.parametrize("fault", [400, 404, 500])
    def test_a_page_that_cannot_be_asked_for_does_not_keep_the_others(self, scene: Scene, fault: int) -> None:
        for n in (1, 2):
            scene.tell(incident(n), "opened")
            scene.server.acknowledge(scene.server.alerts[n - 1].key)
        scene.server.fail(fault)
        assert [r.incident for r in self.poll(scene)] == [incident(2).id]
        scene.server.fail(fault, times=2)
        if fault == 500:
            with pytest.raises(TransientError):
                self.poll(scene)
        else:
            assert self.poll(scene) == []
        scene.server.refusals.clear()  # as they were told to be

    def test_a_pause_that_is_asked_for_keeps_what_was_found(self, scene: Scene) -> None:
        for n in (1, 2):
            scene.tell(incident(n), "opened")
            scene.server.acknowledge(scene.server.alerts[n - 1].key)
        scene.server.after(1, 429)
        assert [r.incident for r in self.poll(scene)] == [incident(1).id]


class TestJsm(JsmCase, WayBack):
    def poll(self, scene: Scene, token: str = jsm.TOKEN, url: str = "") -> list[Reported]:
        reader = JsmReader(lambda: token, jsm.USER, (url or scene.server.url) + jsm.API, clock=scene.clock)
        try:
            found = reader.poll(open_pages(scene.desk, ["jsm:x"]))
            return sorted(found, key=lambda r: r.incident)
        finally:
            reader.close()


def signed(body: bytes, *secrets: str, prefix: str = "v1=") -> str:
    return ",".join(prefix + hmac.new(s.encode(), body, hashlib.sha256).hexdigest() for s in secrets)


def test_a_signature_of_one_secret_is_enough() -> None:
    body = '{"event": "ü"}'.encode()
    assert verify_pagerduty([SECRET], body, signed(body, OLD, SECRET))
    assert verify_pagerduty([OLD, SECRET], body, signed(body, SECRET))
    assert verify_pagerduty([SECRET], body, signed(body, SECRET).replace("v1=", " v1="))
    assert verify_openmetadata([SECRET], body, signed(body, SECRET, prefix="sha256="))


@pytest.mark.parametrize("verify", [verify_pagerduty, verify_openmetadata])
def test_no_other_signature_is(verify: Callable[..., bool]) -> None:
    body = b"{}"
    right = signed(body, SECRET, prefix="v1=" if verify is verify_pagerduty else "sha256=")
    bare = right.partition("=")[2]
    for header in ("", "v1=", "sha256=", bare, f"v0={bare}", right[:-1], right + "0", "v1=ü,sha256=ü"):
        assert not verify([SECRET], body, header)
    assert not verify([SECRET], b"{ }", right) and not verify([OLD], body, right)
    assert not verify([], body, right) and not verify([""], body, signed(body, ""))


def test_a_message_is_fresh_for_ten_minutes() -> None:
    at = NOW - timedelta(minutes=10)
    assert fresh(at, NOW) and not fresh(at - timedelta(seconds=1), NOW) and not fresh(NOW + timedelta(hours=1), NOW)


@pytest.fixture
def server() -> Iterator[PagerDutyServer]:
    with PagerDutyServer(clock=Clock()) as opened:
        opened.triggered("hallmark-00ff-0000000001", "broken", "critical", {})
        yield opened


def test_what_a_webhook_says(server: PagerDutyServer) -> None:
    alert = server.alerts[0]
    assert parse_pagerduty(server.webhook(alert, "incident.triggered")[0]) is None
    assert parse_pagerduty(server.webhook(alert, "incident.resolved")[0]) is None  # by the service
    server.acknowledge(alert.key)
    heard = parse_pagerduty(server.webhook(alert, "incident.acknowledged")[0])
    assert heard == Heard(key=alert.key, verb="acknowledged", actor="Ada Person", at=NOW)
    assert [r.incident for r in reports(heard, {})] == ["0000000001"]
    assert reports(heard.model_copy(update={"key": "hallmark-storm-00"}), {}) == []
    assert reports(heard.model_copy(update={"key": "somebody-else"}), {}) == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"\xff", b'{"event": 1}', b'{"event": {"id": 1}}', b"[" * 100_000,
             b'{"event": {"id": "1", "occurred_at": "soon", "event_type": "incident.resolved"}}',
             b'{"event": {"id": "1", "occurred_at": "2026-11-22T06:00:00Z", "event_type": "incident.resolved",'
             b' "agent": "x", "data": {"incident_key": "k"}}}']
)  # fmt: skip
def test_what_is_no_webhook(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_pagerduty(body)


class Ears:
    """What a receiver called."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.nudges = 0
        self.broken = False

    def hear(self, told: Heard) -> None:
        if self.broken:
            raise RuntimeError("the state database does not answer")
        self.heard.append(told)

    def nudge(self) -> None:
        self.nudges += 1


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def receiver(ears: Ears) -> Iterator[Receiver]:
    secrets = {"pagerduty": [OLD, SECRET], "openmetadata": [SECRET]}
    with Receiver("127.0.0.1", 0, heard=ears.hear, nudged=ears.nudge, clock=lambda: NOW, **secrets) as opened:
        yield opened


def test_webhooks_arrive_once_and_only_with_a_signature(
    receiver: Receiver, ears: Ears, server: PagerDutyServer
) -> None:
    alert, url = server.alerts[0], f"{receiver.url}/pagerduty"
    server.resolve(alert.key)
    body, headers = server.webhook(alert, "incident.resolved", (SECRET, "another"))
    assert httpx.post(url, content=body, headers={**headers, "X-PagerDuty-Signature": "v1=00"}).status_code == 401
    assert httpx.post(url, content=body).status_code == 401
    assert httpx.post(url, content=body + b" ", headers=headers).status_code == 401
    assert ears.heard == []
    ears.broken = True
    assert httpx.post(url, content=body, headers=headers).status_code == 500
    ears.broken = False
    assert [httpx.post(url, content=body, headers=headers).status_code for _ in range(3)] == [202] * 3
    assert [(h.key, h.verb, h.actor) for h in ears.heard] == [(alert.key, "resolved", "Ada Person")]


def test_an_old_webhook_does_nothing(receiver: Receiver, ears: Ears, server: PagerDutyServer) -> None:
    alert = server.alerts[0]
    server.acknowledge(alert.key)
    alert.changed = NOW - timedelta(hours=1)
    body, headers = server.webhook(alert, "incident.acknowledged")
    assert httpx.post(f"{receiver.url}/pagerduty", content=body, headers=headers).status_code == 202
    assert ears.heard == []


def test_the_catalog_nudges(receiver: Receiver, ears: Ears) -> None:
    body = json.dumps({"eventType": "entityUpdated", "entityType": "testCase"}).encode()
    headers = {"X-OM-Signature": signed(body, SECRET, prefix="sha256=")}
    assert httpx.put(f"{receiver.url}/openmetadata", content=body, headers=headers).status_code == 202
    assert httpx.post(f"{receiver.url}/openmetadata", content=b"{}", headers=headers).status_code == 401
    assert ears.nudges == 1


def test_the_catalog_nudges_once_in_some_seconds_however_often_it_is_replayed(ears: Ears) -> None:
    clock, headers = Clock(), {"X-OM-Signature": signed(b"{}", SECRET, prefix="sha256=")}
    with Receiver("127.0.0.1", 0, heard=ears.hear, nudged=ears.nudge, clock=clock, openmetadata=[SECRET]) as opened:
        url = f"{opened.url}/openmetadata"
        assert [httpx.post(url, content=b"{}", headers=headers).status_code for _ in range(5)] == [202] * 5
        assert ears.nudges == 1
        clock.forward(seconds=6)
        assert httpx.post(url, content=b"{}", headers=headers).status_code == 202 and ears.nudges == 2


def test_a_sender_that_goes_away_is_not_heard_as_an_empty_body(ears: Ears) -> None:
    bare = Receiver("127.0.0.1", 0, heard=ears.hear, nudged=ears.nudge, openmetadata=[SECRET])
    parts = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(parts)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"x-om-signature", signed(b"", SECRET, prefix="sha256=").encode())]
    asyncio.run(bare({"type": "http", "path": "/openmetadata", "method": "POST", "headers": headers}, receive, send))
    assert sent[0]["status"] == 400 and ears.nudges == 0


def test_what_is_refused(receiver: Receiver, ears: Ears) -> None:
    url = f"{receiver.url}/pagerduty"
    assert httpx.get(url).status_code == 405 and httpx.post(f"{receiver.url}/").status_code == 404
    body = b"not json"
    assert httpx.post(url, content=body, headers={"X-PagerDuty-Signature": signed(body, SECRET)}).status_code == 400
    large = b"x" * (BODY_LIMIT + 1)
    assert httpx.post(url, content=large, headers={"X-PagerDuty-Signature": signed(large, SECRET)}).status_code == 413
    chunks = iter([b"x" * 65_536] * 9)
    assert httpx.post(url, content=chunks).status_code == 413
    with socket.create_connection(("127.0.0.1", int(receiver.url.rpartition(":")[2])), 5) as raw:
        raw.sendall(b"NONSENSE\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    assert ears.heard == []


def test_a_sender_without_a_secret_is_not_there(ears: Ears) -> None:
    with Receiver("127.0.0.1", 0, heard=ears.hear) as bare:
        assert httpx.post(f"{bare.url}/pagerduty", content=b"{}").status_code == 404
        with pytest.raises(OSError), Receiver("127.0.0.1", int(bare.url.rpartition(":")[2]), heard=ears.hear):
            pass
