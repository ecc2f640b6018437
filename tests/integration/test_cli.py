"""The commands, as a shell meets them: one document, an exit status, and nothing done that was not asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blocks.lock import exclusive
from tests.homes import SLOT1, Done, Home, ended

ERROR = {"what", "cause", "remedy"}


@pytest.fixture(scope="module")
def held(first: Home, new_home: Callable[..., Home]) -> Iterator[Home]:
    """A home whose lock and warehouse this process holds."""
    import duckdb

    home = new_home(first)
    with (
        exclusive(home.path / "batch.lock", "the batch") as describe,
        duckdb.connect(str(home.path / "warehouse.duckdb")),
    ):
        describe(slot=SLOT1)
        yield home


@pytest.fixture(scope="module")
def waiting(held: Home) -> subprocess.Popen[str]:
    """A second batch on the held home."""
    return held.start("run", "--json")


@pytest.fixture(scope="module")
def idle(second: Home, new_home: Callable[..., Home]) -> subprocess.Popen[str]:
    """A batch of a slot that is complete."""
    return new_home(second).start("run", "--slot", SLOT1, "--json")


def test_two_long_commands_begin(waiting: subprocess.Popen[str], idle: subprocess.Popen[str]) -> None:
    """They wait half a minute; what they say is looked at last."""
    assert waiting.poll() is None and idle.poll() is None


def test_status_and_outbox_answer_while_a_batch_runs(held: Home, first: Home) -> None:
    done = held.hallmark("status", "--json")
    assert done.code == 0, done.err
    found = done.json
    assert set(found) >= {"home", "slots", "streams", "outbox", "incidents", "lock"}
    assert (found["home"], found["slots"]) == (str(held.path), [{"slot": SLOT1, "state": "completed"}])
    assert found["lock"]["slot"] == SLOT1 and found["lock"]["process"] and found["lock"]["host"]
    streams = {s["stream"]: s for s in found["streams"]}
    assert set(streams) == {
        "projects", "teams", "people", "time_entries", "customers", "events", "invoices", "invoices__line", "mail",
        "mail__pages",
    }  # fmt: skip
    assert all(s["last_success"].endswith("Z") and s["lag_s"] >= 0 for s in streams.values())
    assert (
        streams["projects"]["watermark"].startswith("2026-10-31 18:00:00") and streams["customers"]["watermark"] is None
    )
    assert found["outbox"].pop("incidents").keys() == {"delivered"}
    assert found["outbox"] == {"file": {"delivered": len(first.events())}}
    listed = held.hallmark("outbox", "list", "--limit", "3", "--json").json
    keys = {"event_id", "destination", "type", "entity", "state", "attempts", "next_at", "last_error"}
    assert len(listed) == 3 and all(set(row) == keys for row in listed)
    drained = held.hallmark("outbox", "drain", "--json")
    assert (drained.code, drained.json["waiting"]) == (0, 0)


def test_sql_reads_and_nothing_else(first: Home, tmp_path: Path) -> None:
    done = first.hallmark("sql", "SELECT 1.50::DECIMAL(9,2) AS d, TIMESTAMPTZ '2026-01-01' AS t, NULL AS n", "--json")
    assert (done.code, done.json) == (0, [{"d": "1.50", "t": "2026-01-01T00:00:00Z", "n": None}])
    secret, target = tmp_path / "secret.csv", tmp_path / "out.csv"
    secret.write_text("a\n1\n")
    for query in (
        "DELETE FROM ops.loads", "CREATE TABLE gold.x (a INT)", f"SELECT * FROM read_csv('{secret}')",
        f"SELECT * FROM '{secret}'", f"COPY (SELECT 1) TO '{target}'", f"ATTACH '{target}' AS other",
        "SET enable_external_access = true", "INSTALL httpfs", "SELEC 1",
    ):  # fmt: skip
        refused = first.hallmark("sql", query, "--json")
        assert refused.code == 2, query
        assert set(refused.json["error"]) == ERROR, query
    assert not target.exists()


def test_sql_may_write_when_told(first: Home, new_home: Callable[..., Home]) -> None:
    home = new_home(first)
    assert home.hallmark("sql", "--write", "DELETE FROM ops.actions").code == 0
    shown = home.hallmark("sql", "SELECT '[red]boom[/red]' AS a, '<script>' AS b, chr(27) || '[31mred' AS c")
    assert "[red]boom[/red]" in shown.out and "<script>" in shown.out and "\x1b" not in shown.out


def test_lineage_goes_from_source_to_mart(first: Home) -> None:
    done = first.hallmark("lineage", "gold.mrt_project.rate", "--json")
    assert done.code == 0, done.err
    assert set(done.json) == {"column", "upstream", "downstream"}
    for edge in done.json["upstream"]:
        assert set(edge) == {"from", "to", "expression", "kind", "model"} and edge["kind"] in ("direct", "indirect")
    assert "postgres:crm.public.projects.rate" in {e["from"] for e in done.json["upstream"]}
    down = first.hallmark("lineage", "postgres:crm.public.projects.rate", "--json").json["downstream"]
    assert "gold.mrt_project.rate" in {e["to"] for e in down}
    unknown = first.hallmark("lineage", "gold.mrt_project.rat", "--json")
    assert unknown.code == 2 and "gold.mrt_project.rate" in unknown.json["error"]["remedy"]


def test_doctor_says_what_is_wrong_and_mends_it(first: Home, new_home: Callable[..., Home]) -> None:
    home = new_home(first)
    stranger = home.path / "landing" / "crm" / "teams" / "unknown"
    stranger.mkdir(parents=True)
    (stranger / "part-0.parquet").write_bytes(b"x")
    sick = home.hallmark("doctor", "--json")
    assert sick.code == 1
    assert all(set(f) == {"check", "ok", "detail", "remedy"} for f in sick.json)
    assert {f["check"]: "--repair" in f["remedy"] for f in sick.json if not f["ok"]} == {"landing": True}
    assert home.hallmark("doctor", "--repair", "--json").code == 0
    assert not stranger.exists() and home.unknown_in_landing() == set()
    assert home.hallmark("doctor").code == 0


def test_report_can_be_written_again(first: Home, new_home: Callable[..., Home]) -> None:
    home = new_home(first)
    page = home.path / "reports" / f"{SLOT1}.html"
    page.unlink()
    done = home.hallmark("report", "--json")
    assert (done.code, done.json) == (0, {"report": str(page)}) and "gold.mrt_customer" in page.read_text()
    assert home.hallmark("report", "--slot", "2020-01-01T00:00:00Z", "--json").code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"], ["sql", "SELECT 1"], ["quarantine", "list"], ["outbox", "list"], ["lineage", "a.b.c"],
        ["report"], ["outbox", "drain"], ["quarantine", "replay"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_reading_command_makes_no_home(arguments: list[str], tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    done = home.hallmark(*arguments, "--json")
    assert done.code == 2, done.err
    assert set(done.json["error"]) == ERROR and "hallmark run" in done.json["error"]["remedy"]
    assert not home.path.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--sloot", "x"], "--sloot"), (["quarantine", "list", "--limit", "many"], "--limit"),
        (["sql"], "query"), (["nonsense"], "nonsense"), (["quarantine", "nonsense"], "nonsense"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)  # fmt: skip
def test_a_usage_error_is_json_where_that_is_asked_for(arguments: list[str], said: str, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    done = home.hallmark(*arguments, "--json")
    assert done.code == 2 and set(done.json["error"]) == ERROR and not done.err
    assert said in done.json["error"]["cause"], done.json
    shown = home.hallmark(*arguments)
    assert shown.code == 2 and not shown.out and "Usage: " in shown.err and said in shown.err


def test_help_is_help_with_or_without_json(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    plain, asked = home.hallmark("run", "--help"), home.hallmark("run", "--json", "--help")
    assert plain.code == asked.code == 0 and plain.out == asked.out and "--slot" in plain.out
    bare = home.hallmark("quarantine")
    assert bare.code == 2 and "replay" in bare.out + bare.err


def test_quarantine_names_the_streams_that_it_knows_and_takes_no_pattern(first: Home) -> None:
    for stream in ("nope", "drops.nope", "customers"):
        done = first.hallmark("quarantine", "list", "--stream", stream, "--json")
        assert done.code == 2 and stream in done.json["error"]["what"], done.out
        assert "drops.customers" in done.json["error"]["remedy"]
    for stream in ("drops", "drops.customers", "drops.invoices__line"):
        assert first.hallmark("quarantine", "list", "--stream", stream, "--json").code == 0
    for pattern in ("%", "_", "%_"):
        done = first.hallmark("quarantine", "show", pattern, "--json")
        assert (done.code, done.json["error"]["cause"]) == (2, "no row has this id")


def test_what_was_never_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.path.mkdir()
    for arguments, cause in (
        (["report"], "no batch has ended here yet"),
        (["rollback", "gold", "--to", SLOT1], "it was never published, so that none of its slots is kept"),
    ):
        done = home.hallmark(*arguments, "--json")
        assert done.code == 2 and done.json["error"]["cause"] == cause
        assert "hallmark run" in done.json["error"]["remedy"]
        assert cause in home.hallmark(*arguments).err
    assert not list(home.path.iterdir()), "reading makes nothing"


def test_help_is_cheap() -> None:
    code = (
        "import sys, flows.cli; heavy = {'prefect', 'great_expectations', 'dbt', 'duckdb', 'sqlalchemy', 'pyarrow'} "
        "& set(sys.modules); print(*heavy)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def result_of(process: subprocess.Popen[str]) -> Done:
    done = ended(process)
    assert done.out.count("\n") == 1, "one document on standard output"
    return done


def test_a_complete_slot_is_nothing_to_do(idle: subprocess.Popen[str]) -> None:
    done = result_of(idle)
    assert (done.code, done.json["state"], done.json["slot"]) == (0, "nothing_to_do", SLOT1)


def test_a_second_batch_waits_and_then_names_the_holder(held: Home, waiting: subprocess.Popen[str]) -> None:
    import os
    import socket

    done = result_of(waiting)
    assert done.code == 3, done.err
    error = done.json["error"]
    assert set(error) == ERROR
    for word in (socket.gethostname(), str(os.getpid()), SLOT1):
        assert word in error["cause"], error
