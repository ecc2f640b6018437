"""The function that tells Prefect of files: what a message is about, whatever its key is, and what of it goes on."""

from __future__ import annotations

import base64
import importlib
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.sources.drops import is_hidden, is_pattern, matcher

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "terraform" / "lambda"))
arrivals, handler = (importlib.import_module(f"file_event.{name}") for name in ("arrivals", "handler"))

STREAMS = [
    {"name": "drops.customers", "bucket": "drops", "prefix": "in/", "path": "customers/*.csv"},
    {"name": "drops.events", "bucket": "drops", "prefix": "in/", "path": "events/*.ndjson"},
    {"name": "mailroom.mail", "bucket": "drops", "prefix": "mail/", "path": "**/*"},
]
HOSTILE = [
    "in/customers/a b+c%2B.csv", "in/customers/ümlaut–日本.csv", "in/customers/{{ 7*7 }}.csv",
    "in/customers/\n\r\0.csv", "in/customers/'; DROP TABLE x;--.csv", "in/customers/<script>.csv",
    "in/customers/\u202egpj.csv", "in/customers/%00.csv",
]  # fmt: skip


@dataclass
class Peer:
    """A Prefect that keeps what it is sent."""

    url: str = ""
    status: int = 204
    events: list[dict[str, Any]] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    found = Peer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.logins.append(self.headers["Authorization"])
            if found.status == 204:
                found.events += body
            self.send_response_only(found.status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}/api"
    monkeypatch.setenv("PREFECT_API_URL", found.url)
    monkeypatch.setenv("STREAMS", json.dumps(STREAMS))
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def message(key: str, number: int = 0, bucket: str = "drops") -> dict[str, str]:
    """As EventBridge puts it into the queue."""
    made = {"key": key, "size": 1, "etag": "e", "version-id": f"v{number}", "sequencer": f"{number:018}"}
    body = {
        "version": "0", "detail-type": "Object Created", "source": "aws.s3", "time": f"2026-11-22T00:00:{number:02}Z",
        "detail": {"bucket": {"name": bucket}, "object": made},
    }  # fmt: skip
    return {"messageId": f"m{number}", "body": json.dumps(body)}


def of_s3(key: str) -> dict[str, str]:
    """As S3 puts it into a queue by itself."""
    s3 = {"bucket": {"name": "drops"}, "object": {"key": quote_plus(key), "sequencer": "1"}}
    return {"messageId": "s3", "body": json.dumps({"Records": [{"eventTime": "2026-11-22T00:00:00Z", "s3": s3}]})}


def failed(*records: dict[str, str]) -> list[str]:
    return [f["itemIdentifier"] for f in handler.handle({"Records": list(records)})["batchItemFailures"]]


def test_a_batch_is_one_event_for_each_of_its_streams(peer: Peer) -> None:
    batch = [message(f"in/customers/{n}.csv", n) for n in range(5)] + [message("mail/a/b.eml", 9)]
    assert failed(*batch) == []
    assert [(e["resource"]["prefect.resource.id"], e["event"], e["payload"]) for e in peer.events] == [
        ("hallmark.stream.drops.customers", "hallmark.file.arrived", {"stream": "customers"}),
        ("hallmark.stream.mailroom.mail", "hallmark.file.arrived", {"stream": "mail"}),
    ]
    assert peer.events[0]["occurred"] == "2026-11-22T00:00:04Z"


def test_a_batch_that_comes_again_has_the_same_ids(peer: Peer) -> None:
    batch = [message(f"in/customers/{n}.csv", n) for n in range(3)]
    failed(*batch)
    failed(*reversed(batch), batch[2])
    failed(batch[0])
    ids = [e["id"] for e in peer.events]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("key", HOSTILE)
@pytest.mark.parametrize("form", [message, of_s3])
def test_a_key_chooses_a_stream_and_goes_no_further(
    peer: Peer, key: str, form: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", logger="file_event"):
        assert failed(form(key)) == []
    assert [e["payload"] for e in peer.events] == [{"stream": "customers"}]
    assert key.removeprefix("in/customers/") not in json.dumps(peer.events, ensure_ascii=False) + caplog.text


@pytest.mark.parametrize(
    "key", ["in/customers/", "in/customers/.a.csv.partial", "in/.tmp/a.csv", "other/a.csv", "in/x"]
)
def test_what_is_no_file_of_a_stream_is_left(peer: Peer, key: str) -> None:
    assert failed(message(key), message("in/customers/a.csv", 1, bucket="another")) == []
    assert peer.events == []


@pytest.mark.parametrize(
    "body",
    [
        "", "no JSON", "[]", "null", '"x"', "{}", '{"detail": {}}', '{"detail": {"bucket": {"name": 1}, "object": {}}}',
        '{"Records": [{}]}',
        '{"Records": [{"eventTime": "t", "s3": {"bucket": {"name": "b"}, "object": {"key": "%ff"}}}]}',
    ],
)  # fmt: skip
def test_a_poisoned_message_fails_alone(peer: Peer, body: str) -> None:
    assert failed({"messageId": "poison", "body": body}, message("in/customers/a.csv")) == ["poison"]
    assert len(peer.events) == 1


def test_the_test_of_a_queue_is_no_file(peer: Peer) -> None:
    assert failed({"messageId": "t", "body": '{"Service": "Amazon S3", "Event": "s3:TestEvent"}'}) == []


@pytest.mark.parametrize("status", [301, 307, 401, 403, 422, 500, 503])
def test_what_prefect_refuses_comes_again_and_the_rest_does_not(peer: Peer, status: int) -> None:
    peer.status = status
    batch = [message("in/customers/a.csv", 1), message("other/a.csv", 2), message("mail/a.eml", 3)]
    assert failed(*batch) == ["m1", "m3"]


def test_a_prefect_that_is_away_is_a_failure_without_its_address(
    peer: Peer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    with caplog.at_level("DEBUG", logger="file_event"):
        assert failed(message("in/customers/a.csv")) == ["m0"]
    assert "127.0.0.1" not in caplog.text and "does not answer" in caplog.text


@pytest.mark.parametrize(
    "text", ["u:hidden-value", '{"prefect_api_auth_string": "u:hidden-value"}', '{"value": "u:hidden-value"}']
)
def test_the_login_goes_to_prefect_alone(
    peer: Peer, text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Manager:
        def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803
            assert SecretId == "arn:prefect"
            return {"SecretString": text}

    monkeypatch.setenv("PREFECT_SECRET", "arn:prefect")
    monkeypatch.setattr("boto3.client", lambda _: Manager())
    with caplog.at_level("DEBUG", logger="file_event"):
        for peer.status in (204, 401):
            failed(message("in/customers/a.csv"))
    assert peer.logins == ["Basic " + base64.b64encode(b"u:hidden-value").decode()] * 2
    assert "hidden-value" not in caplog.text + json.dumps(peer.events)


names = st.text(st.sampled_from("ab.*?/[]é\n"), min_size=1, max_size=8)


@given(path=names, key=names)
def test_a_stream_takes_what_its_reader_reads(path: str, key: str) -> None:
    """As `matching` of blocks/sources/bucket.py has it."""
    named = not is_pattern(path)
    reads = not key.endswith("/") and (named or not is_hidden(key)) and matcher(path).match(key) is not None
    assert arrivals.Stream("a.b", "x", "p/", path).takes("x", f"p/{key}") is reads
