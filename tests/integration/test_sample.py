"""The sample on its real Postgres: what is in it, what a wave changes, and what a kill leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest

from blocks import sample
from blocks.sample import truth
from blocks.sample.postgres import EmbeddedPostgres

ROWS = 600
DAY = r"^\d{4}-\d\d-\d\d$"
ALL = ("projects", "time_entries", "people", "teams")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    sample.remove(tmp_path / "home")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], psycopg.Connection[Any]]]:
    home = tmp_path_factory.mktemp("made")
    told = sample.make(home, ROWS)
    with sample.serving(home) as variables, psycopg.connect(variables["CRM_URL"], autocommit=True) as connection:
        yield told, connection
    sample.remove(home)


def one(connection: psycopg.Connection[Any], sql: str) -> Any:
    row = connection.execute(sql).fetchone()
    assert row
    return row[0]


def processes(home: Path) -> list[str]:
    """Postgres processes of a home's server, and the shell that watches its owner."""
    data = str(EmbeddedPostgres(home).data)
    commands = (" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [command for command in commands if data in command]


def none_left(home: Path, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while processes(home) and time.monotonic() < until:
        time.sleep(0.05)
    return not processes(home)


def snapshot(home: Path) -> dict[str, str]:
    """A digest of each file, and of each table."""
    root = truth.folder(home)
    paths = [p for folder in ("drops", "mailroom") for p in (root / folder).rglob("*") if p.is_file()]
    digests = {str(p.relative_to(root)): sha256(p.read_bytes()).hexdigest() for p in paths}
    with sample.serving(home) as variables, psycopg.connect(variables["CRM_URL"]) as connection:
        for table in ALL:
            digests[table] = one(connection, f"SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM {table} t")
    return digests


@pytest.mark.parametrize(
    ("key", "condition"),
    [
        ("rows", "true"),
        ("ended_before_started", f"date_project_ended ~ '{DAY}' AND date_project_started ~ '{DAY}'"
         " AND date_project_ended < date_project_started"),
        ("deadline_before_created", f"date_project_deadline ~ '{DAY}' AND date_project_created ~ '{DAY}'"
         " AND date_project_deadline < date_project_created"),
        ("status_outside_list", "status NOT IN ('draft', 'scoping', 'in_progress', 'in_review', 'on_hold',"
         " 'completed', 'cancelled')"),
        ("customer_unknown", "length(customer_id) = 9"),
        ("customer_blank", "customer_id = ''"),
        ("customer_na", "customer_id = 'N/A'"),
    ],
)  # fmt: skip
def test_projects_hold_the_dirt_that_is_told(made: Any, key: str, condition: str) -> None:
    told, connection = made
    assert one(connection, f"SELECT count(*) FROM projects WHERE {condition}") == told["projects"][key] > 0
    newest = "(SELECT DISTINCT ON (project_id) * FROM projects ORDER BY project_id, date_project_updated DESC) p"
    if key != "rows":
        assert one(connection, f"SELECT count(*) FROM {newest} WHERE {condition}") == told["projects"]["latest"][key]


def test_projects_values_by_form(made: Any) -> None:
    told, connection = made
    projects = told["projects"]
    for column, forms in projects["booleans"].items():
        found = dict(connection.execute(f"SELECT {column}, count(*) FROM projects GROUP BY 1").fetchall())
        assert found == {{"one": "1", "zero": "0", "blank": ""}.get(k, k): n for k, n in forms.items()}
    for column, forms in projects["dates"].items():
        assert one(connection, f"SELECT count(*) FROM projects WHERE {column} = 'N/A'") == forms["na"] > 0
        assert one(connection, f"SELECT count(*) FROM projects WHERE {column} = ''") == forms["blank"] > 0
        assert one(connection, f"SELECT count(*) FROM projects WHERE {column} ~ '{DAY}'") == forms["iso"]
        assert one(connection, f"SELECT count(*) FROM projects WHERE {column} ~ '^[0-9]+/'") == forms["dmy"] > 0
    for column, forms in projects["estimates"].items():
        assert one(connection, f"SELECT count(*) FROM projects WHERE {column} LIKE '%,%'") == forms["comma"] > 0
        unreadable = f"SELECT count(*) FROM projects WHERE {column} IN ('', 'N/A')"
        assert one(connection, unreadable) == forms["na"] + forms["blank"] > 0
    share = one(connection, "SELECT count(*) FROM projects WHERE discount LIKE '%\\%'")
    assert share == projects["discount"]["percent"] + projects["discount"]["percent_apart"] > 0
    fractions = "SELECT count(*) FROM projects WHERE discount LIKE '0.%'"
    assert one(connection, fractions) == projects["discount"]["fraction"]


def test_projects_shape(made: Any) -> None:
    told, connection = made
    columns = "FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'projects'"
    assert one(connection, f"SELECT count(*) {columns}") == 43
    assert one(connection, f"SELECT string_agg(column_name, ' ') {columns} AND data_type <> 'text'") == (
        "id date_project_updated"
    )
    assert one(connection, "SELECT count(DISTINCT project_id) FROM projects") == told["projects"]["distinct"] == 240
    assert told["projects"]["rows"] - told["projects"]["distinct"] == told["projects"]["repeated_rows"] == 12
    newest = one(connection, "SELECT max(date_project_updated) FROM projects")
    assert newest.astimezone(UTC).isoformat() == told["projects"]["cursor_max"]
    services = "SELECT max(n) FROM (SELECT count(DISTINCT project_service_id) n FROM projects GROUP BY project_id) s"
    assert one(connection, services) == 2
    assert one(connection, "SELECT count(*) FROM sample.waves") == 0


def test_other_tables(made: Any) -> None:
    told, connection = made
    for table in ("teams", "people", "time_entries"):
        assert one(connection, f"SELECT count(*) FROM {table}") == told[table]["rows"]
    entries = told["time_entries"]
    without = "SELECT count(*) FROM time_entries WHERE project_id NOT IN (SELECT project_id FROM projects)"
    assert one(connection, without) == entries["orphans"] > 0
    unreadable = one(connection, "SELECT count(*) FROM time_entries WHERE hours IN ('', 'N/A')")
    assert unreadable == entries["hours_unreadable"] > 0
    assert one(connection, "SELECT count(*) FROM time_entries WHERE hours LIKE '%,%'") == entries["hours"]["comma"]
    assert one(connection, "SELECT count(*) FROM people WHERE team_id NOT IN (SELECT id FROM teams)") == 0
    assert one(connection, "SELECT count(*) FROM people WHERE email NOT LIKE '%@example.com'") == 0


def test_nobody_connects_without_the_password(made: Any) -> None:
    _, connection = made
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host="127.0.0.1", port=connection.info.port, user="hallmark", dbname="crm", password="guess")
    assert one(connection, "SHOW listen_addresses") == "127.0.0.1"


def test_waves_do_what_they_say(home: Path) -> None:
    sample.make(home, ROWS)
    cursor = datetime(2026, 10, 31, 18, tzinfo=UTC)
    drops = truth.folder(home) / "drops" / "customers"
    for number in (1, 2, 3):
        before = tables_of(home)
        files = {p.name: p.read_bytes() for p in drops.iterdir()}
        said = sample.wave(home)
        after = tables_of(home)
        for table in ALL:
            old, new, told = before[table], after[table], said["tables"][table]
            fresh = new.keys() - old.keys()
            assert len(fresh) == told["inserts"]
            assert len(old.keys() - new.keys()) == told["deletes"] < 0.05 * len(old)
            assert sum(old[k] != new[k] for k in old.keys() & new.keys()) == told["updates"]
            late = [k for k in fresh if new[k][0] < cursor]
            assert len(late) == told["late_commits"]
            assert all(cursor - new[k][0] <= timedelta(minutes=90) for k in late)
            changed = [k for k in new if k in old and old[k] != new[k]]
            assert all(cursor < new[k][0] <= datetime.now(UTC) for k in {*changed, *fresh} - set(late))
        assert said["tables"]["projects"]["late_commits"] > 0
        assert max(new[0] for new in after["projects"].values()).isoformat() == said["cursor_to"] > said["cursor_from"]
        cursor = datetime.fromisoformat(said["cursor_to"])
        now = {p.name: p.read_bytes() for p in drops.iterdir()}
        assert [n for n in files if files[n] != now[n]] == said["files"]["changed"]
        added = set(now) - set(files)
        assert {n for n in added if now[n] in files.values()} == set(said["files"]["identical"])
        assert {n for n in added if now[n] not in files.values()} == set(said["files"]["new"])
        assert (said["files_changed"], said["files_identical"], said["files_new"]) == (1, 1, 1)
        name = said["files"]["changed"][0]
        old_lines, new_lines = (set(b.split(b"\n")) for b in (files[name], now[name]))
        corrected = [line for line in old_lines if line not in new_lines]
        assert 0 < len(corrected) <= said["changed"]["rows_corrected"]
        assert said["new_columns"] == ({"projects": ["priority"]} if number == 1 else {})
    told_now = truth.read_truth(home)
    assert len(told_now["waves"]) == 3
    assert told_now["now"]["projects"]["rows"] == len(after["projects"])
    assert told_now["now"]["time_entries"]["rows"] == len(after["time_entries"])
    assert told_now["files"].keys() == {n for n in now if "_again_" not in n}
    assert told_now["now"]["customers"]["rows_total"] == sum(f["rows_total"] for f in told_now["files"].values())
    assert sample.exists(home)


def tables_of(home: Path) -> dict[str, dict[int, tuple[datetime, str]]]:
    """Table → key → (cursor value, the row as text without the column that a wave adds)."""
    found: dict[str, dict[int, tuple[datetime, str]]] = {}
    with sample.serving(home) as variables, psycopg.connect(variables["CRM_URL"]) as connection:
        for table in ALL:
            cursor = "date_project_updated" if table == "projects" else "updated_at"
            rows = connection.execute(f"SELECT id, {cursor}, (to_jsonb(t) - 'priority')::text FROM {table} t")
            found[table] = {key: (when.astimezone(UTC), text) for key, when, text in rows.fetchall()}
    return found


def test_the_same_seed_gives_the_same_sample_and_waves(home: Path, tmp_path: Path) -> None:
    told = sample.make(home, 300)
    sample.wave(home)
    first = snapshot(home)
    try:
        assert sample.make(tmp_path / "other", 300) == told
        sample.wave(tmp_path / "other")
        assert snapshot(tmp_path / "other") == first
    finally:
        sample.remove(tmp_path / "other")


def killed(home: Path, code: str) -> None:
    """Run code that prints one line and waits, in a process of its own, and kill that."""
    script = f"import time, pathlib\nfrom blocks import sample\nhome = pathlib.Path({str(home)!r})\n{code}"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)


WAIT = "print('now', flush=True)\n{indent}time.sleep(60)"


def test_a_killed_make_or_wave_is_done_again(home: Path, tmp_path: Path) -> None:
    def halt(step: str, done: str) -> str:
        test = f"step == {step!r} and done {done}"
        return f"def halt(step, done, total):\n  if {test}:\n    {WAIT.format(indent='    ')}\n"

    for step in ("customers", "projects", "documents", "events"):
        killed(home, halt(step, "> 0") + "sample.make(home, 300, progress=halt)")
        assert none_left(home)
        assert not sample.exists(home)
        with sample.serving(home) as variables:
            assert variables == {}
    sample.make(home, 300)
    sample.wave(home)
    places = {"tables": (0, 1), "drops": (1, 2, 3), "others": (1, 3)}
    for step, done in ((step, f"== {number}") for step, numbers in places.items() for number in numbers):
        killed(home, halt(step, done) + "sample.wave(home, halt)")
    sample.wave(home)

    clean = tmp_path / "clean"
    try:
        sample.make(clean, 300)
        sample.wave(clean)
        sample.wave(clean)
        assert snapshot(home) == snapshot(clean)
        assert truth.read_truth(home) == truth.read_truth(clean)
    finally:
        sample.remove(clean)


def test_no_process_outlives_serving_or_its_owner(home: Path) -> None:
    sample.make(home, 100)
    assert not processes(home)
    with sample.serving(home) as outer, sample.serving(home) as inner:
        assert outer == inner
        assert processes(home)
        sample.wave(home)
        with psycopg.connect(outer["CRM_URL"]) as connection:
            assert one(connection, "SELECT count(*) FROM sample.waves") == 1
    assert not processes(home)
    killed(home, f"with sample.serving(home):\n  {WAIT.format(indent='  ')}")
    assert none_left(home)


def test_a_server_that_lost_its_watcher_is_ended_at_the_next_start(home: Path) -> None:
    sample.make(home, 100)
    script = (
        "import pathlib, os, signal\nfrom blocks.sample.postgres import EmbeddedPostgres\n"
        f"server = EmbeddedPostgres(pathlib.Path({str(home)!r}))\nserver.__enter__()\n"
        "os.kill(server._process.pid, signal.SIGSTOP)\nprint(server._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    stopped = psutil.Process(int(done.stdout))
    assert stopped.is_running()
    stopped.send_signal(signal.SIGKILL)
    with sample.serving(home) as variables, psycopg.connect(variables["CRM_URL"]) as connection:
        assert one(connection, "SELECT count(*) FROM teams") == 24
    assert none_left(home)


def test_a_pid_file_that_names_another_program_does_not_stop_the_start(home: Path) -> None:
    sample.make(home, 100)
    data = EmbeddedPostgres(home).data
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n0\n5432\n\n127.0.0.1\n\nready\n")
    with sample.serving(home) as variables, psycopg.connect(variables["CRM_URL"]) as connection:
        assert one(connection, "SELECT count(*) FROM teams") == 24
