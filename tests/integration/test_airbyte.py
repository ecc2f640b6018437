"""Connectors as processes: what they land, how they fail, what they may see, and that nothing of them is left."""

import json
import logging
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.landing import Landing
from blocks.sources.base import Planned, Since
from governance.errors import SourceError, UnreachableError
from tests.integration.airbyte_support import (
    NOW,
    Make,
    is_alive,
    land,
    leftovers,
    raw,
    rows,
    run_apart,
    stream_of,
    until,
)  # fmt: skip

SECRETS = {"pin": "kiwi-4711-secret", "auth": {"kind": "b", "phrase": "an 'open' door/é"}}


@pytest.fixture(scope="module")
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environments of this module."""
    return tmp_path_factory.mktemp("connectors")


def test_records_are_landed_as_they_came_and_read_without_a_float(make: Make, landing: Landing) -> None:
    reader = make(count=3)
    manifest = land(reader, landing)
    lines = raw(landing, manifest).splitlines()
    assert len(lines) == 3 == manifest.parts[0].rows
    assert lines[0] == (
        b'{"type":"RECORD","record":{"stream":"Things","data":{"id":0,"price":1.1,"exact":9007199254740993,'
        b'"nested":{"sync":"incremental"},"big":""},"emitted_at":1}}'
    )
    first = rows(reader, landing, manifest)[0]
    assert first["exact"] == "9007199254740993"
    assert json.loads(first["nested"]) == {"sync": "incremental"}
    assert first["_source_position"] == "Things#1"


def test_the_state_is_handed_back_and_only_what_is_new_is_read(make: Make, landing: Landing) -> None:
    one = land(make(count=10), landing)
    assert json.loads(one.state or "")[0]["stream"]["stream_state"] == {"next": 10}
    two = land(make(count=15), landing, Since(one.state, {}, {}))
    assert [r["id"] for r in rows(make(), landing, two)] == ["10", "11", "12", "13", "14"]
    assert two.lower == one.state
    assert two.load_id != one.load_id
    three = land(make(count=15), landing, Since(two.state, {}, {}))
    assert three.parts[0].rows == 0
    assert rows(make(), landing, three) == []
    assert three.state == two.state


def test_a_stream_without_states_is_read_in_full_each_time(make: Make, landing: Landing) -> None:
    streams = {"plain": {"primary_key": ["id"]}}
    reader = make(streams=streams, count=4)
    manifest = land(reader, landing, Since("[a state of other days]", {}, {}), "plain")
    found = rows(reader, landing, manifest, name="plain")
    assert [json.loads(r["nested"])["sync"] for r in found] == ["full_refresh"] * 4
    assert manifest.state is None
    assert manifest.lower is None


def test_the_key_is_the_declared_one_else_the_connectors(make: Make) -> None:
    assert stream_of(make()).primary_key == ("id",)
    declared = {"things": {"table": "Things", "primary_key": ["other"]}}
    assert stream_of(make(streams=declared)).primary_key == ("other",)
    assert stream_of(make(streams={"plain": {}}), "plain").primary_key == ()


def test_a_stream_that_it_does_not_have_is_answered_with_those_it_has(make: Make) -> None:
    with pytest.raises(SourceError, match=r"no stream thing.*table: Things.*plain"):
        stream_of(make(streams={"thing": {}}), "thing")


def test_what_is_no_record_of_the_stream_is_left_out(
    make: Make, landing: Landing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hallmark.connector")
    reader = make("chatty", count=2)
    manifest = land(reader, landing)
    assert [r["id"] for r in rows(reader, landing, manifest)] == ["-1", "0", "1"]
    assert "starting up" in caplog.text
    assert reader.warning(reader.spec.streams["things"]) == (
        "the connector gave 1 records of other streams, which are left out"
    )


def test_no_secret_is_in_a_log_line_an_error_or_a_file(
    make: Make, landing: Landing, connectors: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "hallmark.connector")
    marks = tmp_path / "marks"
    reader = make("leak", marks=str(marks), **SECRETS)
    with pytest.raises(SourceError, match="refused: ") as caught:
        land(reader, landing)
    said = caplog.text + str(caught.value)
    assert "on its own: ****" in said
    assert "to errors: ****" in said
    for secret in ("kiwi-4711-secret", "open", "EAAB123unknown"):
        assert secret not in said
    assert [json.loads(line)[2] for line in marks.read_text().splitlines()] == [0o600, 0o600]  # discover, read
    kept = [
        p for folder in (connectors, landing.root) for p in folder.rglob("*") if p.is_file() and p.suffix == ".json"
    ]
    assert kept
    assert not [p for p in kept if "kiwi-4711" in p.read_text(errors="replace")]
    assert leftovers(connectors) == []


@pytest.mark.parametrize(
    ("mode", "kind", "words"),
    [
        ("transient", UnreachableError, "slow down"),
        ("killed", SourceError, "ended with status 137"),
        ("incomplete", SourceError, "did not read the stream to its end"),
    ],
)
def test_a_read_that_fails_lands_nothing(
    make: Make, landing: Landing, mode: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        land(make(mode), landing)
    assert not [p for p in landing.root.rglob("*") if p.is_file()]


def test_a_connector_that_falls_silent_is_ended(make: Make, landing: Landing, connectors: Path) -> None:
    reader = make("silent")
    stream_of(reader)
    reader.connector.silence = 1
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="did not end read in time"):
        land(reader, landing)
    assert time.monotonic() - began < 60
    assert leftovers(connectors) == []


def test_it_sees_nothing_of_this_environment_but_what_it_needs(
    make: Make, landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HALLMARK_SLACK_TOKEN", "AWS_SECRET_ACCESS_KEY", "CRM_URL", "PYTHONPATH", "PREFECT_API_KEY"):
        monkeypatch.setenv(name, "hidden-from-it")
    monkeypatch.setenv("https_proxy", "http://proxy.example:1")
    reader = make("environment")
    seen = json.loads(rows(reader, landing, land(reader, landing))[0]["environment"])
    assert "hidden-from-it" not in seen.values()
    assert seen["https_proxy"] == "http://proxy.example:1"
    assert seen["HOME"] != os.environ.get("HOME")


def test_check_says_yes_no_or_that_nobody_answers(make: Make) -> None:
    make().connector.check()
    with pytest.raises(SourceError, match=r"bad pin \*\*\*\*"):
        make("refused", **SECRETS).connector.check()
    connector = make("network").connector
    connector.patience = 0.5
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="Max retries exceeded"):
        connector.check()
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_leaves_no_process_and_no_configuration_and_the_next_one_is_whole(
    make: Make, landing: Landing, connectors: Path, tmp_path: Path, how: signal.Signals
) -> None:
    paths = {name: str(tmp_path / name) for name in ("marks", "reached", "until")}
    reader = make("wait", count=1000, **SECRETS, **paths)
    stream = stream_of(reader)
    (planned,) = reader.plan(stream, Since(None, {}, {}), NOW, landing)
    run = run_apart(reader, landing)
    assert until(Path(paths["reached"]).exists)
    run.send_signal(how)
    run.wait()
    pids = [json.loads(line)[1] for line in Path(paths["marks"]).read_text().splitlines()]
    assert len(pids) == 3  # discover, read, the child of read
    assert until(lambda: not any(map(is_alive, pids)))
    assert until(lambda: leftovers(connectors) == [])
    assert landing.manifest("ads", "things", planned.load_id) is None

    Path(paths["until"]).touch()
    (again,) = reader.plan(stream, Since(None, {}, {}, [planned]), datetime.now(UTC), landing)
    assert again == planned
    manifest = reader.land(stream, again, landing)
    assert manifest.parts[0].rows == 1000 == len(rows(reader, landing, manifest))
    assert sorted(p.name for p in landing.folder("ads", "things", planned.load_id).iterdir()) == [
        "manifest.json", "part-0.ndjson",
    ]  # fmt: skip
    assert reader.land(stream, again, landing) == manifest  # not read twice


def test_a_load_that_was_planned_after_another_state_is_not_used_again(make: Make, landing: Landing) -> None:
    reader = make()
    stale = Planned("ads.things:range:abc..2026-01-01", lower="[1]")
    landed = Planned("ads.things:range:def..2026-01-01", lower="[0]", landed=True)
    stream = stream_of(reader)
    assert reader.plan(stream, Since("[2]", {}, {}, [stale]), NOW, landing)[0].lower == "[2]"
    assert reader.plan(stream, Since("[2]", {}, {}, [stale, landed]), NOW, landing) == [landed]
