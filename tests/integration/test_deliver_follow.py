"""`hallmark deliver --follow` outlives a state database that is away, and takes a login that was rotated."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from prefect.blocks.system import Secret

from blocks import state
from blocks.settings import Settings
from flows.commands.outbox import _rounds
from tests.homes import Home

pytestmark = pytest.mark.usefixtures("registered", "no_block_stays")
CUT_OFF = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'follow'"


def login(url: str, user: str) -> str:
    """The URL of the database for a user that is made."""
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP ROLE IF EXISTS {user}".encode())
        server.execute(f"CREATE ROLE {user} LOGIN SUPERUSER PASSWORD 'of-{user}'".encode())
    return f"postgresql://{user}:of-{user}@{url.partition('@')[2]}"


def moved_on(file: Path, since: float) -> None:
    """Wait until the file was written after that time."""
    until = time.monotonic() + 60
    while not (file.exists() and file.stat().st_mtime > since):
        assert time.monotonic() < until, "no round within a minute"
        time.sleep(0.2)


def test_it_goes_on_when_its_store_was_away(
    tmp_path: Path, database: Callable[[str, str | bytes], str], prefect_server: str
) -> None:
    url = database("follow", "SELECT 1")
    Secret(value=login(url, "follow_a")).save("hallmark-state-url", overwrite=True)
    home = Home(tmp_path / "home")
    home.path.mkdir()
    alive = tmp_path / "alive"
    nobody = "postgresql://nobody@127.0.0.1:9/follow"
    with psycopg.connect(f"{url.rpartition('/')[0]}/postgres", autocommit=True) as server:
        following = home.start(
            "deliver", "--follow", "--alive", str(alive), HALLMARK_STATE_URL=nobody, PREFECT_API_URL=prefect_server
        )
        try:
            moved_on(alive, 0)
            server.execute("ALTER DATABASE follow ALLOW_CONNECTIONS false")
            server.execute(CUT_OFF)
            time.sleep(12)  # away for more than two rounds
            assert following.poll() is None
            server.execute("ALTER DATABASE follow ALLOW_CONNECTIONS true")
            moved_on(alive, time.time())
        finally:
            following.terminate()
            _, err = following.communicate(timeout=30)
    assert "tried again" in err and "Traceback" not in err, err


def test_a_rotated_login_ends_the_connections_of_the_one_before(
    tmp_path: Path, database: Callable[[str, str | bytes], str], monkeypatch: pytest.MonkeyPatch, prefect_server: str
) -> None:
    url = database("follow", "SELECT 1")
    monkeypatch.setattr(state, "KEPT_SECONDS", 0)
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    Secret(value=login(url, "follow_a")).save("hallmark-state-url", overwrite=True)
    settings = Settings(home=tmp_path, state_url="postgresql://nobody@127.0.0.1:9/follow")
    rounds = _rounds(settings)
    nothing = {"delivered": 0, "waiting": 0, "buried": 0}
    assert (next(rounds), next(rounds)) == (nothing, nothing)
    Secret(value=login(url, "follow_b")).save("hallmark-state-url", overwrite=True)
    assert list(rounds) == []
    assert next(_rounds(settings)) == nothing
