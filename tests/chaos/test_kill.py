"""`kill -9` in the middle of a batch, and the same command again: it ends as a batch that nobody killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from tests.homes import SLOT1, SLOT2, SLOT3, Home

LIMIT = 120


def said(line: str) -> Callable[[Home, str], bool]:
    """The moment at which a run says this on standard error."""
    return lambda home, text: line in text


def delivering(home: Home, text: str) -> bool:
    """The moment at which the first event of the second slot is in the file transport."""
    return any(SLOT2 in file.read_text() for file in home.path.glob("events/*.ndjson"))


def there(pattern: str) -> Callable[[Home, str], bool]:
    """The moment at which the home holds such a file."""
    return lambda home, text: any(home.path.glob(pattern))


def killed(home: Home, moment: Callable[[Home, str], bool], *arguments: str) -> None:
    """Start `hallmark run`, and kill it, and it alone, at the moment; what it started must end by itself."""
    process = home.start("run", *arguments)
    assert process.stderr
    stderr = process.stderr.fileno()
    os.set_blocking(stderr, False)
    until, text = time.monotonic() + LIMIT, ""
    while not moment(home, text):
        assert process.poll() is None, f"it ended before the moment came:\n{text}"
        assert time.monotonic() < until, text
        with suppress(BlockingIOError):
            text += os.read(stderr, 1 << 16).decode()
        time.sleep(0.002)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    assert len(children) >= 2, "a Prefect server and a Postgres were running"
    _, alive = psutil.wait_procs(children, timeout=20)
    assert [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []


def nothing_left(home: Home) -> None:
    """No process works on the home, and the landing zone holds what the ledger knows."""
    folder = json.loads((home.path / "sample" / "state.json").read_text())["postgres"]
    mine = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(home.path) not in mine and folder not in mine
    assert home.unknown_in_landing() == set()
    assert not list((home.path / "landing").glob("*/*/*/.*")), "no half part"
    for file in (home.path / "landing").glob("*/*/*/manifest.json"):
        for part in json.loads(file.read_text())["parts"]:
            assert (file.parent / part["path"]).stat().st_size == part["bytes"]


def told_once(home: Home) -> None:
    """Every event of the ledger was delivered exactly once, and every load was told."""
    ids = Counter(e["id"] for e in home.events())
    assert set(ids.values()) == {1}
    assert {e["id"] for e in home.ledger_events()} == {key for (key,) in home.rows("SELECT id FROM ops.events")}
    loads = {e["data"]["load_id"] for e in home.events() if e["type"] == "hallmark.load.published.v1"}
    known = home.rows("SELECT load_id FROM ops.loads WHERE status = 'published'")
    assert loads >= {load_id for (load_id,) in known}


def deliver_when_claims_expired(home: Home) -> None:
    """What the killed process had claimed is due again two minutes later."""
    from governance.dispatcher import LEASE, Dispatcher
    from governance.outbox import Outbox
    from governance.transports.file import FileTransport

    def clock() -> datetime:
        return datetime.now(UTC) + LEASE

    with Outbox(f"sqlite:///{home.path / 'state.db'}", clock) as outbox:
        found = Dispatcher(outbox, {"file": FileTransport(home.path / "events")}, clock).drain()
    assert (found["waiting"], found["buried"]) == (0, 0)


def accounts(home: Home) -> list[tuple[object, ...]]:
    """What the ledger says was done with the rows; a resumed slot may read rows again, and finds them unchanged."""
    assert not home.value(
        "SELECT count(*) FROM ops.loads WHERE rows_read <> rows_published + rows_unchanged + rows_quarantined"
    )
    return home.rows(
        "SELECT source, stream, path, slot, sum(rows_published), sum(rows_quarantined), sum(rows_deleted) "
        "FROM ops.loads WHERE status IN ('published', 'duplicate') "
        "GROUP BY ALL ORDER BY ALL"
    )


@pytest.fixture(scope="module")
def twice(sampled: Home, new_home: Callable[..., Home], prefect_server: str) -> Home:
    """Its first slot was killed while it landed, and between silver and gold."""
    home = new_home(sampled)
    home.with_parse()
    killed(home, there("landing/crm/*/*"), "--slot", SLOT1)
    killed(home, said("gold: "))
    home.summary = home.run()
    return home


def test_a_first_batch_killed_twice_ends_as_a_clean_one(twice: Home, first: Home) -> None:
    assert (twice.summary["state"], twice.summary["slot"]) == ("completed", SLOT1), "the unfinished slot is resumed"
    assert twice.fingerprints() == first.fingerprints()
    assert accounts(twice) == accounts(first)
    reasons = "SELECT layer, position, reason_code, raw FROM ops.quarantine ORDER BY ALL"
    assert twice.rows(reasons) == first.rows(reasons)
    states = twice.rows("SELECT state, count(*) FROM ops.batches GROUP BY 1 ORDER BY 1")
    assert states == [("completed", 1), ("failed", 2)]


def test_nothing_is_left_of_killed_runs(twice: Home) -> None:
    nothing_left(twice)
    told_once(twice)
    assert twice.rows("SELECT 1 FROM ops.loads WHERE status NOT IN ('published', 'duplicate')") == []
    assert twice.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'bronze__staging'") == []
    assert not list(Path(twice.path, "events").glob(".*.partial"))


def test_an_increment_killed_between_two_streams_ends_as_a_clean_one(
    waved: Home, second: Home, new_home: Callable[..., Home], prefect_server: str
) -> None:
    home = new_home(waved)
    before = home.fingerprints("silver", "gold", exact=True)
    killed(home, said("crm.teams:"))
    assert home.fingerprints("silver", "gold", exact=True) == before, "what is published stays as it was"
    killed(home, delivering)
    assert home.fingerprints() == second.fingerprints()
    assert accounts(home) == accounts(second)
    assert home.run()["slot"] == SLOT3, "all of the killed slot was published; its events are delivered now"
    assert home.fingerprints() == second.fingerprints()
    nothing_left(home)
    deliver_when_claims_expired(home)
    told_once(home)
