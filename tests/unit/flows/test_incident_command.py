"""What `hallmark incident` and its like say and refuse, on a home with one incident."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from blocks.settings import Settings
from blocks.state import state_database
from flows import hooks, slots
from flows.commands import incident
from flows.commands.options import at
from flows.commands.run import check_slot
from flows.incidents import listed
from flows.state import open_incidents, open_outbox
from governance.errors import ConfigurationError, HallmarkError, RefusedError
from governance.incidents.model import Incident
from tests.unit.governance.incidents.support import World

QUERY = "SELECT *\nFROM silver.orders\nWHERE (not is_type_known\n) AND note <> '" + "x" * 700 + "'"
ID = {"dataset": "silver.orders", "query": QUERY}


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Incident:
    """Of a home of its own, in which nothing is delivered."""
    monkeypatch.setenv("HALLMARK_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    world = World(state_database(Settings.load()))
    world.fails(**ID)
    return world.one()


def test_the_query_that_is_shown_can_be_pasted(one: Incident, capsys: pytest.CaptureFixture[str]) -> None:
    incident.show(one.id)
    assert QUERY in capsys.readouterr().out


def test_the_timeline_says_what_was_done(one: Incident, capsys: pytest.CaptureFixture[str]) -> None:
    incident.ack(one.id, "mine")
    incident.show(one.id)
    assert "acknowledged" in capsys.readouterr().out.partition("timeline")[2]


def test_what_is_done_already_is_said_and_its_note_kept(one: Incident, capsys: pytest.CaptureFixture[str]) -> None:
    incident.ack(one.id)
    incident.ack(one.id, "me too")
    assert "already acknowledged by " in capsys.readouterr().out
    incident.resolve(one.id)
    capsys.readouterr()
    for act in (lambda: incident.ack(one.id, "late"), lambda: incident.assign(one.id, "ada"),
                lambda: incident.mute(one.id, datetime(2099, 1, 1, tzinfo=UTC), "no more"),
                lambda: incident.resolve(one.id, "it was the CRM")):  # fmt: skip
        act()
        assert "already resolved by " in capsys.readouterr().out.replace("\n", " ")
    with open_incidents(Settings.load()) as store:
        assert store.find(one.id).state == "resolved"
        kept = [e.what for e in store.timeline(one.id)]
    assert kept.count("me too") == kept.count("late") == kept.count("no more") == kept.count("it was the CRM") == 1


def test_a_draft_as_json_is_json(one: Incident, capsys: pytest.CaptureFixture[str]) -> None:
    incident.show(one.id, markdown=True, as_json=True)
    assert one.id in json.loads(capsys.readouterr().out)["markdown"]


def test_what_cannot_be_is_refused(one: Incident, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nonexist"):
        incident.preview(one.id, tmp_path / "nonexist" / "x.html")
    with pytest.raises(ConfigurationError, match="--to is empty"):
        incident.assign(one.id, " ")
    with pytest.raises(ConfigurationError, match="it is no team"):
        listed(Settings.load(), "nosuch", 10, everything=True)


def test_a_time_with_an_offset_is_shown_in_utc() -> None:
    given = datetime(2026, 11, 28, 6, tzinfo=timezone(timedelta(hours=2)))
    assert (at(given), at(given).tzinfo) == (datetime(2026, 11, 28, 4, tzinfo=UTC), UTC)


def test_a_state_database_that_is_broken_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLMARK_HOME", str(tmp_path))
    (tmp_path / "state.db").write_bytes(b"no database at all " * 100)
    with pytest.raises(HallmarkError, match=r"state\.db") as caught:
        listed(Settings.load(), None, 10, everything=True)
    assert "put it aside" in caught.value.remedy


def test_a_mistyped_slot_is_refused_before_anything_starts(one: Incident) -> None:
    with pytest.raises(RefusedError, match="beyond the next one"):
        check_slot(Settings.load(), slots.parse("2099-01-01T00:00:00Z"))


def test_what_its_user_sees_refused_calls_nobody(one: Incident) -> None:
    from prefect import flow
    from prefect.client.schemas.objects import FlowRun
    from prefect.states import Failed

    state = Failed(data=RefusedError("slot", "it is beyond the next one", "use another"))
    hooks.failed(flow(lambda: None, name="batch"), FlowRun.model_construct(id=None), state)
    with open_outbox(Settings.load()) as outbox:
        assert not [r for r in outbox.rows() if r["type"] == "hallmark.run.failed.v1"]
