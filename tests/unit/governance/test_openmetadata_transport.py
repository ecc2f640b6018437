"""What a failure of the catalog means for an event: whether it is tried again, when, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from blocks.settings import Settings
from flows.catalog_access import catalog_of, check
from governance.dispatcher import Dispatcher
from governance.errors import ConfigurationError, HallmarkError
from governance.model import Event
from governance.openmetadata.catalog import Catalog
from governance.openmetadata.concerns import CONCERNS, DATASET
from governance.openmetadata.places import Places
from governance.outbox import Outbox
from governance.transports.base import Outage, PermanentError, TransientError
from governance.transports.openmetadata import CONNECTIONS, Client, OpenMetadataTransport
from tests.chaos.catalog_events import told
from tests.openmetadata.server import Server
from tests.unit.governance.http_peer import Peer, refusing, serving

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
CHECKED = Event.of("hallmark.gate.passed.v1", "silver.a", "run", NOW, checks=[])
SAID = b'{"code": 400, "message": "query param <x>\\u0000 must\\n not be \\ud800 null"}'


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(f"sqlite:///{tmp_path / 'state.db'}", lambda: NOW) as opened:
        opened.put([CHECKED], ["openmetadata"])
        yield opened


def row_after(outbox: Outbox, url: str, token: str | None = "t", timeout: float = 15.0) -> dict[str, Any]:
    """The delivery after one drain that waits for nothing, with the longest wait that can be drawn."""
    client = Client(url, lambda: token, timeout, patience=5.0)  # the machine may be busy
    transport = OpenMetadataTransport(Catalog(client, Places()))
    Dispatcher(outbox, {"openmetadata": transport}, lambda: NOW, draw=lambda low, high: high).drain(patience=0)
    transport.close(1)
    [row] = outbox.rows()
    return row


def later(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("status", "headers", "reason", "wait"),
    [
        (429, {}, "throttled", 2),
        (429, {"Retry-After": "120"}, "throttled", 120),
        (500, {}, "server", 2),
        (502, {}, "server", 2),
        (503, {}, "server", 2),
        (503, {"Retry-After": "90.5"}, "server", 90.5),
        (503, {"Retry-After": "0"}, "server", 2),
        (503, {"Retry-After": "-7"}, "server", 2),
        (503, {"Retry-After": "soon"}, "server", 2),
        (503, {"Retry-After": "inf"}, "server", 2),
        (503, {"Retry-After": "nan"}, "server", 2),
        (503, {"Retry-After": "99999999999999"}, "server", 3600),
        (503, {"Retry-After": format_datetime(NOW - timedelta(days=9), usegmt=True)}, "server", 2),
        (408, {}, "conflict", 0.2),
        (409, {}, "conflict", 0.2),
        (412, {}, "conflict", 0.2),
        (404, {}, "absent", 1),
    ],
)  # fmt: skip
def test_what_passes_is_tried_again(
    outbox: Outbox, status: int, headers: dict[str, str], reason: str, wait: float
) -> None:
    with serving(Peer(status, headers)) as peer:
        row = row_after(outbox, peer.url)
    assert (row["state"], row["attempts"], row["last_error"].partition(":")[0]) == ("retry", 1, reason)
    assert row["next_at"] == later(wait)


def test_a_date_to_come_again_is_kept(outbox: Outbox) -> None:
    at = datetime.now(UTC) + timedelta(minutes=50)  # the header is of the real clock
    with serving(Peer(503, {"Retry-After": format_datetime(at, usegmt=True)})) as peer:
        row = row_after(outbox, peer.url)
    assert later(2900) < row["next_at"] <= later(3000)


@pytest.mark.parametrize("status", [400, 403, 405, 413, 422])
def test_what_is_refused_is_buried_with_the_words_of_the_server(outbox: Outbox, status: int) -> None:
    with serving(Peer(status, body=SAID)) as peer:
        row = row_after(outbox, peer.url)
    assert (row["state"], row["attempts"], row["next_at"]) == ("buried", 1, None)
    assert f"{status} query param <x> must not be ? null" in row["last_error"]


def test_a_refused_connection_a_refused_token_and_a_stranger_cost_no_try(outbox: Outbox) -> None:
    with refusing() as url:
        row = row_after(outbox, url)
    assert (row["state"], row["attempts"]) == ("retry", 0) and row["last_error"].startswith("connection: ")
    with serving(Peer()) as peer:
        peer.good = "another"
        row = row_after(outbox, peer.url)
        assert (row["state"], row["attempts"]) == ("retry", 0) and row["last_error"].startswith("auth: ")
        row = row_after(outbox, peer.url, "half a\ntoken")
        assert (row["state"], row["attempts"]) == ("retry", 0) and "half" not in row["last_error"]
        for version, said in ((b'{"version": "1.12.0"}', "release 1.12.0"), (b"<html>", "release unknown")):
            peer.version = version
            row = row_after(outbox, peer.url)
            assert (row["state"], row["attempts"]) == ("retry", 0) and said in row["last_error"]
    row = row_after(outbox, "http://127.0.0.1:port/")
    assert (row["state"], row["attempts"]) == ("retry", 0) and "address" in row["last_error"]


def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_it_may(outbox: Outbox) -> None:
    with serving(Peer()) as peer:
        peer.stall = 5.0
        row = row_after(outbox, peer.url, timeout=0.2)
    assert row["state"] == "retry" and row["attempts"] <= 1, "a slow machine may find the whole server slow"
    assert row["last_error"].startswith("timeout: ")


def test_requests_under_way_when_the_token_is_rotated_all_find_the_new_one() -> None:
    tokens = ["old"]

    async def ask(peer: Peer) -> None:
        async with Client(peer.url, lambda: tokens[-1]) as client:
            await client.get("tables")
            peer.good, peer.stall = "new", 0.2  # long enough for all of them to be under way
            tokens.append("new")
            assert await asyncio.gather(*(client.get("tables") for _ in range(16))) == [{}] * 16

    with serving(Peer()) as peer:
        asyncio.run(ask(peer))
    assert set(peer.tokens) == {"old", "new"}


def test_after_a_refused_token_nothing_is_sent_until_it_is_asked_again() -> None:
    async def ask(peer: Peer) -> None:
        async with Client(peer.url, lambda: "old") as client:
            for _ in range(9):
                with pytest.raises(Outage, match="401"):
                    await client.get("tables")
            assert len(peer.tokens) == 1
            peer.good = "old"
            await client.probe()
            assert await client.get("tables") == {}

    with serving(Peer()) as peer:
        peer.good = "new"
        asyncio.run(ask(peer))


def test_a_connection_that_is_reset_is_told_in_words() -> None:
    async def ask(server: Server) -> None:
        async with Client(server.url, lambda: server.token) as client:
            server.fail("GET", "/tables", nth=1, kind="reset")
            with pytest.raises(TransientError, match=r"OpenMetadata: \w+"):
                await client.get("tables")

    with Server() as server:
        asyncio.run(ask(server))


def test_after_it_was_closed_a_client_serves_another_event_loop() -> None:
    async def ask(client: Client) -> None:
        with pytest.raises(Outage):
            await client.probe()
        found = await asyncio.gather(*(client.get("tables") for _ in range(CONNECTIONS)), return_exceptions=True)
        assert {type(error) for error in found} == {Outage}
        await client.close()

    with refusing() as url:
        client = Client(url, lambda: "t")
        for _ in range(2):
            asyncio.run(ask(client))


def test_a_server_that_is_gone_is_asked_once_for_all_requests() -> None:
    async def ask(server: Server) -> None:
        async with Client(server.url, lambda: server.token) as client:
            await client.get("tables")
            server.down()
            with pytest.raises(Outage):
                await client.get("tables")
            server.up()
            with pytest.raises(Outage):
                await client.get("tables")
            assert len(server.calls) == 1, "nothing is sent before somebody asks whether it is there"
            await client.probe()
            assert await client.get("tables") is not None

    with Server() as server:
        asyncio.run(ask(server))


def test_nothing_of_an_event_is_sent_once_it_is_told_to_have_failed() -> None:
    known = [e for e in told(1) if e.type in CONCERNS]
    gate = next(e for e in known if ".gate." in e.type)
    with Server() as server:
        client = Client(server.url, lambda: server.token)
        transport = OpenMetadataTransport(Catalog(client, Places()))
        transport.deliver([e for e in known if e.type == DATASET])
        [check, *_] = gate.data["checks"]
        many = [{**check, "check_id": f"check {n}"} for n in range(3 * CONNECTIONS)]
        server.fail("POST", "/testCaseResults/", nth=2, kind="500")
        [outcome] = transport.deliver([gate.model_copy(update={"data": {"checks": many}})])
        assert isinstance(outcome.error, TransientError)
        sent = len(server.writes)
        for _ in range(5):
            transport.deliver([told(1)[1]])  # of which the catalog does not hear
        transport.close(1)
        assert len(server.writes) == sent


def test_a_server_that_hangs_midway_is_waited_for_once(tmp_path: Path) -> None:
    with Server() as server, Outbox(f"sqlite:///{tmp_path / 'state.db'}") as outbox:
        outbox.put([e for e in told(1) if e.type in CONCERNS], ["openmetadata"])
        hung = server.fail("*", "", nth=30, kind="stall", times=10_000)
        client = Client(server.url, lambda: server.token, timeout=0.5)
        transport = OpenMetadataTransport(Catalog(client, Places()))
        Dispatcher(outbox, {"openmetadata": transport}).drain(patience=0)
        transport.close(1)
        assert hung.seen - hung.nth < 2 * CONNECTIONS, "those under way and the question, and none of those behind them"
        assert {row["attempts"] for row in outbox.rows() if row["state"] != "delivered"} == {0}
        server.release()


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"two\nlines"])
def test_a_token_file_that_is_missing_or_half_written_is_an_outage(
    tmp_path: Path, outbox: Outbox, content: bytes | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with serving(Peer()) as peer:
        peer.good = "whole"
        settings = Settings(home=tmp_path, openmetadata_url=peer.url, openmetadata_token_file=file)
        catalog = catalog_of(settings)
        transport = OpenMetadataTransport(catalog)
        [outcome] = transport.deliver([CHECKED])
        assert isinstance(outcome.error, Outage) and outcome.error.reason == "auth"
        assert "Remedy" not in str(outcome.error), "the one of what shows it is enough"
        file.write_text("whole\n")
        [outcome] = transport.deliver([CHECKED])
        transport.close(1)
    assert not isinstance(outcome.error, Outage | PermanentError) and peer.tokens[-1] == "whole"


def test_what_is_said_of_the_catalog_holds_no_login_of_its_address(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    with refusing() as url, serving(Peer()) as peer:
        for address in (url, peer.url):
            address = f"{address.replace('//', '//me:geh@eim@')}?key=geheim"
            settings = Settings(home=tmp_path, openmetadata_url=address, openmetadata_token_file=tmp_path / "token")
            try:
                said = check(settings)
            except HallmarkError as error:
                said = str(error)
            assert "http://127.0.0.1:" in said and "eim" not in said


def test_a_token_that_cannot_be_read_is_not_said_to_be_refused(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, openmetadata_url="http://127.0.0.1:9", openmetadata_token_file=tmp_path / "token"
    )
    with pytest.raises(ConfigurationError, match="it cannot be read") as caught:
        check(settings)
    assert (caught.value.what, "refuse" in str(caught.value)) == ("HALLMARK_OPENMETADATA_TOKEN_FILE", False)
