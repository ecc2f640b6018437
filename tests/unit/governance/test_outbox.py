"""The outbox's promises, on both databases: nothing lost, nothing twice, order kept per entity and destination."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from governance.errors import ConfigurationError, UnreachableError
from governance.model import Event
from governance.outbox import BODY_LIMIT, Claim, Outbox

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def event(n: int, subject: str = "silver.a") -> Event:
    return Event.of("hallmark.gate.passed.v1", subject, f"run-{n}", NOW, n=n, text="ö <b> \u2028")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'home' / 'state.db'}"
    found = make_url(str(request.getfixturevalue("postgres"))).set(database="postgres")
    with create_engine(found.set(drivername="postgresql+psycopg"), poolclass=NullPool).begin() as connection:
        for table in ("outbox_deliveries", "outbox_events", "snapshots", "hallmark_alembic_version"):
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    return found.render_as_string(hide_password=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(url: str, clock: Clock) -> Iterator[Outbox]:
    with Outbox(url, clock) as opened:
        yield opened


def test_put_twice_is_put_once(outbox: Outbox) -> None:
    assert outbox.put([event(1), event(2)], ["file", "slack"]) == 4
    assert outbox.put([event(1), event(2), event(3)], ["file"]) == 1
    assert outbox.counts() == {"file": {"pending": 3}, "slack": {"pending": 2}}


def test_an_event_comes_out_as_it_went_in(outbox: Outbox) -> None:
    outbox.put([event(1)], ["file"])
    (claim,) = outbox.claim("file")
    assert claim.event == event(1)


def test_each_destination_has_a_state_of_its_own(outbox: Outbox) -> None:
    outbox.put([event(1)], ["file", "slack"])
    outbox.bury(outbox.claim("slack")[0], "no such channel")
    outbox.ack(outbox.claim("file"))
    assert outbox.counts() == {"file": {"delivered": 1}, "slack": {"buried": 1}}
    assert outbox.destinations() == []


def test_a_retry_holds_back_the_same_entity_only(outbox: Outbox, clock: Clock) -> None:
    outbox.put([event(1, "silver.a"), event(2, "silver.a"), event(3, "silver.b")], ["file"])
    first, other = outbox.claim("file")
    assert [first.event.data["n"], other.event.data["n"]] == [1, 3]
    outbox.retry(first, clock() + timedelta(seconds=60), "refused")
    outbox.ack([other])
    assert outbox.claim("file") == []
    assert outbox.next_due("file") == NOW + timedelta(seconds=60)
    clock.pass_(60)
    (again,) = outbox.claim("file")
    assert (again.event.data["n"], again.attempts) == (1, 1)
    outbox.ack([again])
    assert [c.event.data["n"] for c in outbox.claim("file")] == [2]


def test_a_buried_event_holds_nothing_back_and_can_be_retried(outbox: Outbox) -> None:
    outbox.put([event(1), event(2)], ["file"])
    outbox.bury(outbox.claim("file")[0], "400 unknown field")
    assert [c.event.data["n"] for c in outbox.claim("file")] == [2]
    (row,) = outbox.rows(state="buried")
    assert (row["last_error"], row["attempts"], row["next_at"]) == ("400 unknown field", 1, None)
    assert outbox.retry_buried(event_ids=[event(1).id]) == 1
    assert [c.event.data["n"] for c in outbox.claim("file")] == [1]


def test_a_claim_is_nobody_elses_until_it_expires(outbox: Outbox, clock: Clock) -> None:
    outbox.put([event(1), event(2)], ["file"])
    (lost,) = outbox.claim("file", lease=timedelta(seconds=30))
    clock.pass_(29)
    assert outbox.claim("file") == []
    clock.pass_(2)
    (found,) = outbox.claim("file")
    assert found.event == lost.event
    outbox.retry(lost, clock() + timedelta(days=1), "late news of who lost the claim")
    assert outbox.rows(state="claimed")[0]["last_error"] is None
    outbox.ack([lost])  # it was delivered, whoever says so
    assert outbox.counts() == {"file": {"delivered": 1, "pending": 1}}


def test_a_claim_that_is_renewed_does_not_expire(outbox: Outbox, clock: Clock) -> None:
    outbox.put([event(1, "a"), event(2, "b")], ["file"])
    claims = outbox.claim("file", lease=timedelta(seconds=30))
    outbox.ack(claims[1:])
    for _ in range(4):
        clock.pass_(20)
        outbox.renew(claims, timedelta(seconds=30))
        assert outbox.claim("file") == []
    clock.pass_(31)
    [lost] = outbox.claim("file")
    outbox.renew(claims, timedelta(days=1))
    clock.pass_(121)
    assert outbox.claim("file")[0].event == lost.event, "who lost a claim renews nothing"


def test_an_event_that_cannot_be_read_is_buried_and_blocks_nobody(outbox: Outbox, url: str) -> None:
    outbox.put([event(1, "a"), event(2, "a"), event(3, "b")], ["file"])
    with create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool).begin() as connection:
        newer = "UPDATE outbox_events SET body = replace(body, '\"subject\"', '\"about\"') WHERE id = :id"
        connection.execute(text(newer), {"id": event(1, "a").id})
    assert [c.event.data["n"] for c in outbox.claim("file")] == [3]
    assert [c.event.data["n"] for c in outbox.claim("file")] == [2]
    [row] = outbox.rows(state="buried")
    assert "subject: Field required" in row["last_error"] and row["type"] == "hallmark.gate.passed.v1"


def test_words_that_no_database_keeps_are_kept_as_far_as_they_can_be(outbox: Outbox) -> None:
    outbox.put([event(1)], ["file"])
    outbox.bury(outbox.claim("file")[0], "400 \0 and \ud800")
    assert outbox.rows()[0]["last_error"] == "400 \ufffd and ?"


def test_an_event_that_is_too_long_is_buried_told_and_never_sent_without_its_data(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    long = Event.of("hallmark.dataset.published.v1", "silver.a", "run", NOW, text="x" * BODY_LIMIT)
    outbox.put([long, event(2)], ["file", "catalog"])
    assert outbox.counts() == {d: {"buried": 1, "pending": 1} for d in ("catalog", "file")}
    [row] = outbox.rows(state="buried", destination="file")
    assert f"{BODY_LIMIT} are the limit" in row["last_error"] and row["last_error"] in caplog.text
    assert outbox.retry_buried() == 0 and outbox.counts()["file"]["buried"] == 1
    assert [c.event for c in outbox.claim("file")] == [event(2)]


def test_rows_are_what_the_listing_prints(outbox: Outbox) -> None:
    outbox.put([event(1)], ["file"])
    assert json.loads(json.dumps(outbox.rows())) == [
        {"event_id": event(1).id, "destination": "file", "type": "hallmark.gate.passed.v1", "entity": "silver.a",
         "state": "pending", "attempts": 0, "next_at": "2026-11-22T06:00:00.000Z", "last_error": None}
    ]  # fmt: skip
    assert outbox.rows(destination="slack") == []


def test_what_waits_is_listed_before_what_is_delivered(outbox: Outbox) -> None:
    outbox.put([event(1, "a"), event(2, "b")], ["file"])
    outbox.ack([c for c in outbox.claim("file") if c.event == event(2, "b")])
    assert [r["entity"] for r in outbox.rows()] == ["a", "b"]
    assert [r["entity"] for r in outbox.rows(limit=1)] == [r["entity"] for r in outbox.rows("waiting")] == ["a"]


def test_prune_takes_only_what_was_delivered_long_ago(outbox: Outbox, clock: Clock) -> None:
    outbox.put([event(1, "a"), event(2, "b")], ["file"])
    outbox.ack(outbox.claim("file", limit=1))
    assert outbox.prune() == 0
    clock.pass_(31 * 86400)
    assert outbox.prune() == 1
    assert [r["event_id"] for r in outbox.rows()] == [event(2, "b").id]


def test_many_claimants_get_each_event_once_and_in_order(url: str) -> None:
    wanted = [event(n, f"silver.t{n % 7}") for n in range(140)]
    with Outbox(url) as outbox:
        outbox.put(wanted, ["file"])

    def work(_: int) -> list[tuple[str, int]]:
        got: list[tuple[str, int]] = []
        with Outbox(url) as mine:
            while claims := mine.claim("file", limit=3):
                got += [(c.event.subject, c.event.data["n"]) for c in claims]
                mine.ack(claims)
        return got

    with ThreadPoolExecutor(4) as pool:
        seen = [work_done for part in pool.map(work, range(4)) for work_done in part]
    with Outbox(url) as outbox:  # a claimant ends when the others hold all heads
        seen += [(c.event.subject, c.event.data["n"]) for c in _rest(outbox)]
    assert sorted(n for _, n in seen) == list(range(140))


def _rest(outbox: Outbox) -> Iterator[Claim]:
    while claims := outbox.claim("file"):
        yield from claims
        outbox.ack(claims)


def test_reading_creates_nothing(tmp_path: Path) -> None:
    with Outbox(f"sqlite:///{tmp_path / 'none' / 'state.db'}") as outbox:
        assert (outbox.counts(), outbox.rows(), outbox.destinations(), outbox.next_due("file")) == ({}, [], [], None)
    assert list(tmp_path.iterdir()) == []


def test_reading_works_while_another_writes(tmp_path: Path, clock: Clock) -> None:
    with Outbox(f"sqlite:///{tmp_path / 'state.db'}", clock) as outbox:
        outbox.put([event(1)], ["file"])
        writer = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        writer.execute("BEGIN EXCLUSIVE")
        try:
            assert outbox.counts() == {"file": {"pending": 1}}
        finally:
            writer.close()


def test_a_newer_schema_is_left_alone(url: str) -> None:
    with Outbox(url) as outbox:
        outbox.put([event(1)], ["file"])
    with create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool).begin() as connection:
        connection.execute(text("UPDATE hallmark_alembic_version SET version_num = '0099'"))
    with Outbox(url) as outbox:
        with pytest.raises(ConfigurationError, match="version 0099"):
            outbox.put([event(2)], ["file"])
        with pytest.raises(ConfigurationError, match="version 0099"):
            outbox.counts()


def test_a_database_out_of_reach_is_said_without_its_password(tmp_path: Path) -> None:
    with Outbox("postgresql://u:s3cret@127.0.0.1:1/x") as outbox, pytest.raises(UnreachableError) as caught:
        outbox.put([event(1)], ["file"])
    assert "s3cret" not in str(caught.value) and "HALLMARK_STATE_URL" in caught.value.remedy


def test_claiming_stays_fast_over_what_was_delivered(tmp_path: Path, clock: Clock) -> None:
    import time

    with Outbox(f"sqlite:///{tmp_path / 'state.db'}", clock) as outbox:
        outbox.put([event(n, "silver.busy") for n in range(20_000)], ["file"])
        with sqlite3.connect(tmp_path / "state.db") as connection:
            connection.execute("UPDATE outbox_deliveries SET state = 'delivered' WHERE seq <= 19990")
        started = time.perf_counter()
        for _ in range(10):
            outbox.ack(outbox.claim("file"))
        assert time.perf_counter() - started < 1
        assert outbox.counts() == {"file": {"delivered": 20_000}}


def test_half_a_character_in_an_event_stops_no_other(tmp_path: Path) -> None:
    with Outbox(f"sqlite:///{tmp_path / 'state.db'}") as outbox:
        odd = Event.of("hallmark.load.published.v1", "s.\ud800", "a", NOW, columns={"\udcff": ["\ud800", 1]})
        assert outbox.put([odd, Event.of("hallmark.load.published.v1", "s.t", "b", NOW)], ["archive"]) == 2
        told = [claim.event for claim in outbox.claim("archive")]
    assert [(e.subject, e.data) for e in told] == [("s.\ufffd", {"columns": {"\ufffd": ["\ufffd", 1]}}), ("s.t", {})]
