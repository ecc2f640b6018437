"""A real batch's events: a catalog that was down for it ends as one that was up; and what the doctor says meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from flows.delivery import drain, draining, relay
from flows.doctor import examine
from flows.state import open_outbox, status
from governance.openmetadata.concerns import CONCERNS
from tests.homes import Home
from tests.openmetadata.server import Server
from tests.unit.governance.http_peer import Peer, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


@pytest.fixture
def untold(first: Home, new_home: Callable[[Home], Home]) -> Home:
    """After the first slot, of which no outbox has heard."""
    home = new_home(first)
    for file in ("state.db", "state.db-wal", "state.db-shm"):
        (home.path / file).unlink(missing_ok=True)
    shutil.rmtree(home.path / "events")
    with open_warehouse(settings_of(home)) as warehouse:
        warehouse.execute("UPDATE ops.events SET relayed_at = NULL")
    return home


def settings_of(home: Home, server: Server | Peer | None = None, token: str = "t") -> Settings:
    """The home's, with a catalog whose token is in a file."""
    file = home.path / "token"
    file.write_text(token)
    more: dict[str, Any] = {"openmetadata_url": server.url, "openmetadata_token_file": file} if server else {}
    return Settings(home=home.path, **more)


def found(settings: Settings, check: str) -> dict[str, Any]:
    """What the doctor finds of one thing."""
    return next(f for f in examine(settings) if f["check"] == check)


def test_a_batch_that_was_told_late_is_told_whole(
    untold: Home, server: Server, new_home: Callable[[Home], Home]
) -> None:
    other = new_home(untold)
    with Server() as never_down:
        settings = settings_of(other, never_down, never_down.token)
        relay(settings)
        delivered_all(settings)
        wanted = never_down.snapshot(times=True)
    assert len(wanted["entities"]["tables"]) > 10 and wanted["lineage"] and wanted["series"]["result"]
    settings = settings_of(untold, server, server.token)
    late = found(settings, "events")
    assert not late["ok"] and "never relayed" in late["detail"] and "hallmark deliver" in late["remedy"]
    server.down()
    relay(settings)
    assert found(settings, "events")["ok"]
    counts = drain(settings)
    with open_outbox(settings) as outbox:
        rows = outbox.rows(destination="openmetadata", limit=10_000)
    events = len(untold.events())
    assert status(settings)["outbox"].pop("incidents").keys() == {"delivered"}
    assert counts == {"delivered": events, "waiting": len(rows), "buried": 0}, "the file hears of all"
    assert {row["type"] for row in rows} <= CONCERNS and {row["attempts"] for row in rows} == {0}
    assert sum(status(settings)["outbox"]["openmetadata"].values()) == len(rows)
    server.up()
    delivered_all(settings)
    assert server.snapshot(times=True) == wanted
    outbox = status(settings)["outbox"]
    assert (outbox["file"], outbox["openmetadata"]) == ({"delivered": events}, {"delivered": len(rows)})


def delivered_all(settings: Settings) -> None:
    with draining(settings) as deliver:
        for _ in range(30):
            if not deliver()["waiting"]:
                return
    with open_outbox(settings) as outbox:
        raise AssertionError(outbox.rows("retry"))


def test_each_destination_hears_in_the_order_of_the_ledger(untold: Home, server: Server) -> None:
    settings = settings_of(untold, server, server.token)
    relay(settings)
    told = [key for (key,) in untold.rows('SELECT id FROM ops.events ORDER BY "time", id')]
    with open_outbox(settings) as outbox:
        for destination in ("file", "openmetadata"):
            queue = [row["event_id"] for row in reversed(outbox.rows(destination=destination, limit=10_000))]
            assert queue == [key for key in told if key in set(queue)]


def test_the_doctor_says_what_is_wrong_with_the_catalog(tmp_path: Path, server: Server) -> None:
    home = Home(tmp_path)
    home.with_parse()
    assert found(settings_of(home), "catalog") | {"detail": ""} == {
        "check": "catalog", "ok": True, "detail": "", "remedy": "",
    }  # fmt: skip
    well = found(settings_of(home, server, server.token), "catalog")
    assert well["ok"] and server.url in well["detail"] and "2.0" in well["detail"]
    refused = found(settings_of(home, server, "half-a-token"), "catalog")
    assert not refused["ok"] and "401" in refused["detail"] and "HALLMARK_OPENMETADATA_TOKEN_FILE" in refused["remedy"]
    assert "half" not in str(refused)
    server.down()
    away = found(settings_of(home, server, server.token), "catalog")
    assert not away["ok"] and "start it" in away["remedy"] and "wait in the outbox" in away["remedy"]
    with serving(Peer()) as peer:
        peer.version = b'{"version": "1.12.0"}'
        other = found(settings_of(home, peer), "catalog")
        assert not other["ok"] and "1.12.0" in other["detail"] and "release 2.0.x" in other["remedy"]
        peer.version, peer.status = b'{"version": "2.0.6.0"}', 403
        denied = found(settings_of(home, peer), "catalog")
        assert not denied["ok"] and "403" in denied["detail"] and "role" in denied["remedy"]
