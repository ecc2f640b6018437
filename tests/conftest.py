"""What tests of several packages share: no telemetry, and no setting of the machine that would change a result.

`first`, `waved` and `second` are one home in three states, made once for the session: who changes a home takes
`first.copy(...)`.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.homes import SLOT1, Home, without_connectors

os.environ["DO_NOT_TRACK"] = "1"
ROWS = 1500


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HALLMARK_") or name in ("CRM_URL", "DROPS_ROOT", "MAILROOM_ROOT"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real PostgreSQL of this test session."""
    from blocks.sample.postgres import EmbeddedPostgres

    home: Path = tmp_path_factory.mktemp("postgres")
    with EmbeddedPostgres(home) as server:
        yield server.url()
    server.destroy()


@pytest.fixture(scope="session")
def database(postgres: str) -> Callable[[str, str | bytes], str]:
    """Makes a database by SQL, in the place of one that another test had; its URL."""
    import psycopg

    server = postgres.rpartition("/")[0]

    def make(name: str, sql: str | bytes) -> str:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}"')
        with psycopg.connect(f"{server}/{name}", autocommit=True) as connection:
            connection.execute(sql)
        return f"{server}/{name}"

    return make


@pytest.fixture(scope="session")
def snowflake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that lead to an emulated Snowflake; each test has a database of its own in it."""
    from blocks.warehouses.snowflake_session import close_all
    from tests.snowflake_support import emulator

    with emulator(tmp_path_factory.mktemp("snowflake") / "emulator.log") as variables:
        yield variables
        close_all()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server for the batches that run in this process."""
    from flows.server import local_server

    with local_server(tmp_path_factory.mktemp("prefect")) as url:
        yield url


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Home]]:
    """Makes homes: a copy of the given one, or one with a fresh sample; their servers' files go with the session."""
    from blocks import sample

    made: list[Home] = []
    sources = without_connectors(tmp_path_factory.mktemp("sources"))

    def make(of: Home | None = None) -> Home:
        path = tmp_path_factory.mktemp("homes") / "home"
        if of is None:
            sample.make(path, ROWS)
        made.append(of.copy(path) if of else Home(path, sources))
        return made[-1]

    yield make
    for home in made:
        sample.remove(home.path)


@pytest.fixture(scope="session")
def sampled(new_home: Callable[..., Home]) -> Home:
    """A sample, and no run yet."""
    return new_home()


@pytest.fixture(scope="session")
def first(sampled: Home, new_home: Callable[..., Home], prefect_server: str) -> Home:
    """After the first slot. Only to be read."""
    home = new_home(sampled)
    home.summary = home.run(slot=SLOT1)
    return home


@pytest.fixture(scope="session")
def waved(first: Home, new_home: Callable[..., Home]) -> Home:
    """After the first slot, with a wave of changes that no run has seen. Only to be copied."""
    from blocks import sample

    home = new_home(first)
    sample.wave(home.path)
    return home


@pytest.fixture(scope="session")
def second(waved: Home, new_home: Callable[..., Home], prefect_server: str) -> Home:
    """After the second slot. Only to be read."""
    home = new_home(waved)
    home.summary = home.run()
    return home
