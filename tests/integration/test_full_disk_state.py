"""A full disk under the state database: the data go on, their events wait in the warehouse, and are told later."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.doctor import examine
from governance.errors import HallmarkError
from governance.model import Event
from governance.outbox import Outbox
from tests.homes import Home
from tests.integration.test_full_disk import Disk, disk, drop, make
from tests.integration.test_ingest import ingest, results

__all__ = ["disk"]
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


def event(n: int) -> Event:
    return Event.of("hallmark.load.published.v1", f"crm.s{n}", "load", NOW, text="x" * 2000)


def test_a_program_that_puts_events_is_told_and_nothing_is_half_there(disk: Disk) -> None:
    with Outbox(f"sqlite:///{disk.path / 'state.db'}") as outbox:
        outbox.put([event(0)], ["file"])
        disk.fill(left=100 << 10)
        with pytest.raises(HallmarkError, match="the state database: its disk is full") as caught:
            outbox.put([event(n) for n in range(1, 1000)], ["file"])
        assert "free space" in caught.value.remedy
        assert outbox.counts() == {"file": {"pending": 1}}
        disk.clear()
        assert outbox.put([event(n) for n in range(1000)], ["file"]) == 999
    with sqlite3.connect(disk.path / "state.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        orphans = "SELECT count(*) FROM outbox_events e FULL JOIN outbox_deliveries d ON d.event_id = e.id "
        assert connection.execute(f"{orphans} WHERE e.id IS NULL OR d.event_id IS NULL").fetchone() == (0,)


def test_a_state_database_that_cannot_be_made_is_said(disk: Disk) -> None:
    disk.fill(left=0)
    for place in ("state.db", "folder/state.db"):
        with Outbox(f"sqlite:///{disk.path / place}") as outbox, pytest.raises(HallmarkError, match="is full"):
            outbox.put([event(1)], ["file"])


def test_a_run_goes_on_and_its_events_are_told_later(disk: Disk, tmp_path: Path, prefect_server: str) -> None:
    state = f"sqlite:///{disk.path / 'state.db'}"
    home = make(tmp_path, HALLMARK_STATE_URL=state)
    told = {e["id"] for e in home.events()}
    drop(tmp_path, "1.csv")
    disk.fill(left=0)
    [result] = results(ingest(home, "shop"))
    assert result["status"] == "published" and home.value("SELECT count(*) FROM bronze.shop__orders") == 60_001
    waiting = {key for (key,) in home.rows("SELECT id FROM ops.events WHERE relayed_at IS NULL")}
    assert waiting and not waiting & {e["id"] for e in home.events()}
    finding = checked(home)["events"]
    assert not finding["ok"] and f"{len(waiting)} events" in finding["detail"] and "deliver" in finding["remedy"]
    disk.clear()
    done = home.hallmark("deliver")
    assert done.code == 0, done.err
    assert {e["id"] for e in home.events()} == told | waiting and len(home.events()) == len(told | waiting)
    assert checked(home)["events"]["ok"]


def checked(home: Home) -> dict[str, dict[str, object]]:
    """What `hallmark doctor` finds."""
    from blocks.settings import Settings

    with home.environment(HALLMARK_NOW="2030-01-01T00:00:00Z"):
        return {finding["check"]: finding for finding in examine(Settings.load(), sources=str(home.sources))}
