"""Snowflake refuses, is cut off or answers twice: rows get there once or not at all, and the next run mends the rest.

The statements are executed by the emulator; what breaks them is `tests/snowflake_faults.py`. It also answers what the
emulator lacks: SHOW TRANSACTIONS, SYSTEM$ABORT_TRANSACTION and locks.
"""

import base64
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from blocks.settings import Settings
from blocks.sources.base import Planned
from blocks.sources.spec import SourceSpec
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Account, Batch, StreamLoad
from flows.context import Context
from flows.load import record_failure
from governance.errors import ConfigurationError, LockedError, UnreachableError
from tests.integration.warehouse_support import Stream
from tests.snowflake_faults import LOGIN, Proxy, Statement
from tests.snowflake_proxy import proxy

FIRST, SECOND = "id,v\n1,a\n2,b\n", "id,v\n1,a\n2,c\n3,d\n,x\n"
PUBLISHED = Account(read=4, published=2, unchanged=1, quarantined=1)
PATIENCE = 2
"""Seconds until the connector gives a request up."""
COPY, PUBLISH = "^COPY INTO", "^UPDATE ops.loads AS l SET status = 'published'"
REFUSALS = [
    (PUBLISH, "000630", "Statement reached its statement or warehouse timeout of 3,600 second(s) and was canceled.",
     "larger warehouse"),
    (COPY, "000606", "No active warehouse selected in the current session. Select an active warehouse with the "
     "'use warehouse' command.", "resume it"),
    (PUBLISH, "090073", "Warehouse 'LOAD' cannot be resumed because resource monitor 'MONTH' has exceeded its quota.",
     "resource monitor"),
]  # fmt: skip


@pytest.fixture(scope="module")
def front(snowflake: dict[str, str]) -> Iterator[tuple[Proxy, dict[str, str]]]:
    with proxy(snowflake) as started:
        yield started


@pytest.fixture
def broken(front: tuple[Proxy, dict[str, str]]) -> Proxy:
    """The proxy, which breaks nothing yet."""
    front[0].clear()
    return front[0]


def stream_of(settings: Settings, **options: object) -> Stream:
    root = settings.home / "in"
    root.mkdir(parents=True, exist_ok=True)
    stream = {"path": "*.csv", "settle": "0s", "name": "c", **options}
    spec = {"name": "drops", "kind": "files", "owner": "x", "root": str(root), "streams": {"c": stream}}
    return Stream(settings, SourceSpec.model_validate(spec))


def drop(stream: Stream, name: str, text: str) -> None:
    (stream.settings.home / "in" / name).write_text(text)


@pytest.fixture
def settings(front: tuple[Proxy, dict[str, str]], tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    values: dict[str, Any] = {name.removeprefix("HALLMARK_").lower(): value for name, value in front[1].items()}
    return Settings(
        home=tmp_path / "home", profile="snowflake", snowflake_database=f"T{uuid4().hex}".upper(),
        snowflake_statement_timeout=getattr(request, "param", PATIENCE), **values,
    )  # fmt: skip


@pytest.fixture
def stream(settings: Settings, broken: Proxy) -> Stream:
    """One run has published; the next has something to do."""
    made = stream_of(settings, primary_key=["id"])
    drop(made, "a.csv", FIRST)
    made.run()
    drop(made, "b.csv", SECOND)
    broken.statements.clear()
    return made


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The result of two runs that nothing broke, on DuckDB."""
    made = stream_of(Settings(home=tmp_path_factory.mktemp("clean")), primary_key=["id"])
    drop(made, "a.csv", FIRST)
    made.run()
    drop(made, "b.csv", SECOND)
    assert made.run() == PUBLISHED
    return picture(made)


def picture(stream: Stream) -> dict[str, object]:
    """What was published, and the ledger's accounts of it."""
    return {
        "rows": stream.rows("SELECT id, v, _load_id, _source_position, _row_hash FROM bronze.drops__c ORDER BY 1, 2"),
        "loads": stream.rows(
            "SELECT load_id, rows_read, rows_published, rows_unchanged, rows_quarantined, rows_deleted, publish_seq "
            "FROM ops.loads WHERE status = 'published' ORDER BY load_id"
        ),
        "quarantine": stream.rows("SELECT id, reason_code, raw FROM ops.quarantine ORDER BY id"),
    }


def copies(broken: Proxy) -> int:
    """How many COPY statements arrived."""
    return sum(sql.startswith("COPY INTO") for sql in broken.statements)


@pytest.mark.parametrize("settings", [120], indirect=True)
def test_a_connection_that_breaks_in_copy_is_not_noticed(
    stream: Stream, broken: Proxy, clean: dict[str, object]
) -> None:
    broken.unavailable("^PUT", times=2)
    broken.reset("^COPY INTO")
    broken.lose_answer("^INSERT INTO bronze__loads")
    broken.lose_answer("^COMMIT", nth=2)
    assert stream.run() == PUBLISHED
    assert all(fault.seen >= fault.nth for fault in broken.faults)
    assert picture(stream) == clean


@pytest.mark.parametrize("done", ["all of it", "all but PURGE", "nothing"])
def test_a_copy_that_is_never_answered_is_repeated_and_counted_once(
    stream: Stream, broken: Proxy, clean: dict[str, object], done: str
) -> None:
    if done == "nothing":
        broken.cut("^COPY INTO")
    else:
        broken.lose_answer("^COPY INTO", for_good=True, without="PURGE = TRUE" if "but" in done else "")
    assert stream.run() == PUBLISHED
    assert copies(broken) == 2
    assert broken.said("LOAD_SKIPPED") == (done == "all but PURGE")
    assert picture(stream) == clean


@pytest.mark.parametrize(("where", "code", "message", "remedy"), REFUSALS)
def test_what_snowflake_refuses_is_said_once_and_told_and_nothing_is_half_published(
    stream: Stream, broken: Proxy, clean: dict[str, object], where: str, code: str, message: str, remedy: str
) -> None:
    before = picture(stream)
    broken.refuse(where, code, "57014", message)
    with pytest.raises(UnreachableError) as refused:
        stream.run()
    assert refused.value.exit_code == 4
    assert message in refused.value.cause and remedy in refused.value.remedy
    assert picture(stream) == before
    assert broken.open_transactions() == 0
    failed(stream, refused.value)
    assert stream.run() == PUBLISHED
    assert picture(stream) == clean


def failed(stream: Stream, error: UnreachableError) -> None:
    """The flow records the failure: the event of it says what, cause and remedy."""
    file = stream.settings.home / "sources.yml"
    file.write_text(
        f"sources:\n  drops:\n    kind: files\n    owner: x\n    root: {stream.settings.home / 'in'}\n"
        "    streams:\n      c: {path: '*.csv', settle: 0s}\n"
    )
    batch = Batch(f"run-{stream.slots}", datetime(2026, 11, 22, 6, tzinfo=UTC))
    identities = stream.rows("SELECT identity FROM ops.loads WHERE status <> 'published'")
    load = StreamLoad("drops", stream.spec.streams["c"], batch, [Planned(identity) for (identity,) in identities])
    record_failure(load, error, Context(stream.settings, file, batch))
    with open_warehouse(stream.settings) as warehouse:
        [event] = warehouse.ledger.unrelayed(10)
    assert (event.type, event.data["error"]) == ("hallmark.load.failed.v1", error.as_dict())


def test_a_commit_whose_answer_never_comes_is_found_published(
    stream: Stream, broken: Proxy, clean: dict[str, object]
) -> None:
    broken.lose_answer("^COMMIT", nth=2, for_good=True)
    with pytest.raises(UnreachableError, match="run again"):
        stream.run()
    assert picture(stream) == clean, "Snowflake published it"
    assert stream.run() == Account()
    assert picture(stream) == clean


def test_a_commit_that_never_arrives_is_done_by_the_next_run(
    stream: Stream, broken: Proxy, clean: dict[str, object]
) -> None:
    before = picture(stream)
    broken.cut("^COMMIT", nth=2)
    with pytest.raises(UnreachableError):
        stream.run()
    assert picture(stream) == before
    assert stream.run() == PUBLISHED
    assert picture(stream) == clean


@pytest.mark.parametrize("key", [["id"], []])
def test_of_two_publishers_at_once_one_gives_way(settings: Settings, broken: Proxy, key: list[str]) -> None:
    """The locks are the proxy's: the emulator only refuses what conflicts."""
    one, other = stream_of(settings, primary_key=key), stream_of(settings, primary_key=key)
    drop(one, "a.csv", FIRST)
    started(settings, "run-1")
    arrived, go = threading.Event(), threading.Event()
    hold(broken, arrived, go)
    found: list[Account] = []
    thread = threading.Thread(target=lambda: found.append(one.run()))
    thread.start()
    try:
        assert arrived.wait(60)
        with pytest.raises(LockedError) as locked:
            other.run()
    finally:
        go.set()
        thread.join()
    assert locked.value.exit_code == 3
    assert found == [Account(read=2, published=2)]
    assert other.run() == Account()
    assert one.rows("SELECT id, v FROM bronze.drops__c ORDER BY 1") == [("1", "a"), ("2", "b")]


def hold(broken: Proxy, arrived: threading.Event, go: threading.Event) -> None:
    """The COMMIT of the publishing transaction waits until it may go on."""

    def wait(statement: Statement) -> None:
        arrived.set()
        assert go.wait(60)
        statement.answer(*broken.execute(statement))

    broken.refuse("^COMMIT", "", "", "", nth=2)
    broken.faults[-1] = replace(broken.faults[-1], act=wait)


def started(settings: Settings, run_id: str) -> None:
    """A batch begins, as it does in the flow: runs before it are over."""
    with open_warehouse(settings) as warehouse:
        warehouse.ledger.start_batch(Batch(run_id, datetime(2026, 11, 22, 12, tzinfo=UTC)))


def test_the_transaction_of_a_run_that_is_over_is_aborted_when_it_is_in_the_way(
    stream: Stream, broken: Proxy, clean: dict[str, object]
) -> None:
    """SHOW TRANSACTIONS and SYSTEM$ABORT_TRANSACTION are answered by the proxy."""
    started(stream.settings, "killed")
    stream.run(publish=False)
    with open_warehouse(stream.settings) as dead:
        dead.announce("drops", ["c"], "killed")
        dead.execute("BEGIN")
        dead.ledger.lock("drops", ["c"], "killed")
        dead.execute("UPDATE ops.loads SET rows_read = 99")
        with pytest.raises(LockedError, match="another session holds it"):
            stream.run()
        assert broken.open_transactions() == 1, "it may be at work still"
        started(stream.settings, "next")
        assert stream.run() == PUBLISHED
    assert [sql for sql in broken.statements if "SYSTEM$ABORT" in sql]
    assert broken.open_transactions() == 0
    assert picture(stream) == clean


def test_a_key_pair_logs_in_again_after_a_refusal_and_is_never_written_down(
    settings: Settings, broken: Proxy, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = key.private_bytes(serialization.Encoding.PEM, *form).decode()
    of_key = settings.model_copy(
        update={"snowflake_password": None, "snowflake_private_key": type(settings.snowflake_password)(pem)}  # type: ignore[misc]
    )
    made = stream_of(of_key)
    drop(made, "a.csv", FIRST)
    invalid = ("390144", "08001", "JWT token is invalid. [7f1c4c43]")
    with caplog.at_level(logging.DEBUG):
        broken.refuse(LOGIN, *invalid)
        assert made.run() == Account(read=2, published=2)
        assert broken.faults[-1].seen == 2
        broken.refuse(LOGIN, *invalid, times=2)
        with (
            pytest.raises(ConfigurationError, match="rotate the user's key") as refused,
            open_warehouse(
                of_key.model_copy(update={"snowflake_role": "ANOTHER"})  # no session of it is kept
            ),
        ):
            pass
    der = key.private_bytes(serialization.Encoding.DER, *form)
    secrets = [*pem.splitlines()[1:-1], base64.b64encode(der).decode()[40:80]]
    said = [caplog.text, *capfd.readouterr(), str(refused.value), repr(of_key)]
    said += [f.read_bytes().decode(errors="replace") for f in of_key.home.rglob("*") if f.is_file()]
    assert broken.statements and caplog.text
    assert not [secret for secret in secrets for text in [*said, *broken.statements] if secret in text]
