"""The sign of life: given once, tried again, never for long; and its address is in no word that is said."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from blocks import heartbeat
from governance.errors import ConfigurationError, HallmarkError, UnreachableError
from tests.otlp import Collector, collecting

KEY = "ab12-secret-34cd"


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setattr(heartbeat, "PAUSE", 0.01)
    monkeypatch.setattr(heartbeat, "SECONDS", 0.5)
    with collecting() as collector:
        yield collector


def address(switch: Collector, path: str = f"/ping/{KEY}?key={KEY}") -> SecretStr:
    return SecretStr(switch.url + path)


def asked(switch: Collector) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _ in switch.requests]


def test_the_address_is_asked_for_as_it_stands(switch: Collector) -> None:
    heartbeat.send(address(switch))
    assert asked(switch) == [("GET", f"/ping/{KEY}?key={KEY}")]


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_may_pass_is_tried_again(switch: Collector, status: int) -> None:
    switch.statuses = [status]
    heartbeat.send(address(switch))
    assert len(switch.requests) == 2
    switch.statuses = [status] * 2
    with pytest.raises(UnreachableError, match=str(status)):
        heartbeat.send(address(switch))
    assert len(switch.requests) == 4


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 410])
def test_what_cannot_pass_is_said_at_once_and_no_redirection_is_followed(switch: Collector, status: int) -> None:
    switch.statuses = [status]
    with pytest.raises(ConfigurationError, match=str(status)):
        heartbeat.send(address(switch))
    assert len(switch.requests) == 1


@pytest.mark.parametrize("how", ["stall", "drip"])
def test_it_takes_no_longer_than_it_may(switch: Collector, how: str) -> None:
    setattr(switch, how, 5.0 if how == "stall" else 0.2)
    began = time.monotonic()
    with pytest.raises(UnreachableError):
        heartbeat.send(address(switch))
    assert time.monotonic() - began < 2.5


def bad(switch: Collector) -> list[SecretStr]:
    """Addresses at which there is nothing."""
    return [
        SecretStr(x)
        for x in (
            f"http://127.0.0.1:1/{KEY}", f"http://{KEY}.invalid/x", f"file:///{KEY}", f"http://[{KEY}", KEY, "",
            f"http://127.0.0.1:1/{KEY} \n", f"http://127.0.0.1:99999/{KEY}", f"https{switch.url[4:]}/{KEY}",
        )
    ]  # fmt: skip


def test_no_word_holds_the_address(switch: Collector, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    heartbeat.send(address(switch))
    for url in bad(switch):
        with pytest.raises(HallmarkError) as caught:
            heartbeat.send(url)
        assert KEY not in str(caught.value) and "127.0.0.1" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None or caught.value.__suppress_context__
    switch.statuses = [404]
    with pytest.raises(HallmarkError) as caught:
        heartbeat.send(address(switch))
    assert KEY not in str(caught.value)
    assert KEY not in caplog.text


def test_whether_it_can_be_reached_is_seen_without_a_sign_of_life(switch: Collector) -> None:
    heartbeat.reach(address(switch))
    assert switch.requests == []
    for url in bad(switch)[:-1]:
        with pytest.raises(HallmarkError) as caught:
            heartbeat.reach(url)
        assert KEY not in str(caught.value)
