"""The server of a local run: whose it is, where its state is, and that it ends with the process."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flows.server import (
    PREFECT_TOML,
    LocalServer,
    configured_server,
    local_environment,
    local_server,
    prefect_defaults,
    ui,
)
from governance.errors import ConfigurationError, UnreachableError
from tests.prefect_api import answers

FOREIGN = {
    "PREFECT_API_URL": "http://127.0.0.1:1/api",
    "PREFECT_API_KEY": "foreign",
    "PREFECT_PROFILE": "foreign",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:////nowhere/prefect.db",
}

FLOW = """
import sys
from pathlib import Path
from flows.server import local_server

with local_server(Path(sys.argv[1])) as url:
    from prefect import flow, task

    @task
    def double(n: int) -> int:
        return 2 * n

    @flow(name="doubling")
    def doubling() -> int:
        return sum(double(n) for n in range(3))

    print(url, doubling(), flush=True)
    sys.stdin.readline()
"""


UI = """
import sys
from pathlib import Path
from flows.server import ui

ui(Path(sys.argv[1]), int(sys.argv[2]))
"""


@pytest.fixture
def environment() -> Iterator[pytest.MonkeyPatch]:
    """Variables of one test. Prefect reads the old ones again, since other tests of this process have a server."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch
    if context := sys.modules.get("prefect.context"):
        context.refresh_global_settings_context()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home shared by tests: making Prefect's database takes longer than starting a server on it."""
    return tmp_path_factory.mktemp("home")


def test_a_flow_runs_on_a_server_of_its_own_that_dies_with_a_killed_process(home: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FLOW, str(home)],
        cwd=tmp_path,
        env={**os.environ, **FOREIGN},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout and run.stderr
        try:
            url, result = run.stdout.readline().split()
            assert (url.startswith("http://127.0.0.1:"), result) == (True, "6")
            assert answers(url)
        finally:
            run.send_signal(signal.SIGKILL)
            run.wait()
        assert run.stderr.read() == "", "the console of a local run shows warnings only"
    limit = time.monotonic() + 15
    while answers(url) and time.monotonic() < limit:
        time.sleep(0.1)
    assert not answers(url)
    assert (home / "prefect" / "prefect.db").is_file()
    assert not list(tmp_path.iterdir()), "nothing is written into the working folder"


def test_the_environment_is_put_back(home: Path, environment: pytest.MonkeyPatch) -> None:
    from prefect.settings import get_current_settings

    for name, value in FOREIGN.items():
        environment.setenv(name, value)
    before = dict(os.environ)
    with local_server(home) as url:
        settings = get_current_settings()
        assert settings.api.url == url == os.environ["PREFECT_API_URL"]
        assert (settings.home, bool(settings.api.key)) == (home / "prefect", False)
        os.environ["SET_MEANWHILE"] = "stays"
    assert os.environ.pop("SET_MEANWHILE") == "stays"
    assert dict(os.environ) == before
    assert not answers(url)


def test_the_ui_shows_the_same_home_until_it_is_interrupted(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", UI, str(home), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout and run.stderr
        try:
            address = f"http://127.0.0.1:{port}"
            assert address in run.stdout.readline()
            limit = time.monotonic() + 60
            while not answers(f"{address}/api") and time.monotonic() < limit:
                time.sleep(0.1)
            with urllib.request.urlopen(address) as page:
                assert "<title>Prefect" in page.read().decode()
            made = urllib.request.Request(
                f"{address}/api/flows/", b'{"name": "of-the-ui"}', {"Content-Type": "application/json"}, method="POST"
            )
            urllib.request.urlopen(made).close()
            run.send_signal(signal.SIGINT)
            assert run.wait(20) == 0
        finally:
            run.kill()
        assert "Traceback" not in run.stderr.read()
    with closing(sqlite3.connect(home / "prefect" / "prefect.db")) as database:
        assert ("of-the-ui",) in database.execute("SELECT name FROM flow").fetchall()


def test_a_port_that_is_taken_is_said(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigurationError, match="--port"):
        ui(home, taken.getsockname()[1])


def test_a_server_that_ends_is_reported_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "prefect.db").write_text("this is no database")
    server = LocalServer(tmp_path)
    try:
        with pytest.raises(UnreachableError, match="it ended") as raised:
            server.start().wait(60)
    finally:
        server.stop()
    assert str(server.log) in raised.value.remedy
    assert "file is not a database" in server.log.read_text()


def test_prefect_knows_every_setting_of_the_file_and_reads_it_in_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings.models.root import Settings

    monkeypatch.chdir(PREFECT_TOML.parent)
    for name in prefect_defaults():
        monkeypatch.delenv(name, raising=False)
    settings = Settings()
    assert set(prefect_defaults()) <= set(settings.to_environment_variables(include_aliases=True))
    server = settings.server
    assert (server.memoize_block_auto_registration, server.register_blocks_on_start) == (False, False)
    assert (server.analytics_enabled, server.ephemeral.startup_timeout_seconds) == (False, 120)


def test_a_preference_of_the_user_stays(tmp_path: Path) -> None:
    environment = local_environment(tmp_path, {"PREFECT_LOGGING_LEVEL": "DEBUG", "PATH": "/bin", **FOREIGN})
    assert environment["PREFECT_LOGGING_LEVEL"] == "DEBUG"
    assert environment["PATH"] == "/bin"
    assert not {n for n, v in FOREIGN.items() if environment.get(n) == v}
    assert "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL" not in local_environment(tmp_path, {}, verbose=True)


def test_a_configured_server_is_used_only_when_there_is_one(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PREFECT_API_URL", FOREIGN["PREFECT_API_URL"])
    with configured_server() as url:
        assert url == FOREIGN["PREFECT_API_URL"]
    environment.delenv("PREFECT_API_URL")
    with pytest.raises(ConfigurationError, match="PREFECT_API_URL"), configured_server():
        pass


def test_a_run_keeps_its_place_when_the_server_is_restarted(tmp_path: Path) -> None:
    """A run that cannot renew its lease is ended by Prefect; a server that keeps leases in memory knows of none."""
    with local_server(tmp_path):
        from prefect.client.orchestration import get_client
        from prefect.states import Pending

        with get_client(sync_client=True) as client:
            flow_id = client.create_flow_from_name("limited")
            deployment = client.create_deployment(flow_id, "limited", concurrency_limit=1)
            run = client.create_flow_run_from_deployment(deployment)
            client.set_flow_run_state(run.id, Pending())
            state = client.read_flow_run(run.id).state
            lease = state and state.state_details.deployment_concurrency_lease_id
            assert lease
    with local_server(tmp_path), get_client(sync_client=True) as client:
        client.renew_concurrency_lease(lease, 300)
