"""What tests of several packages share: no telemetry, and no setting of the machine that would change a result.

`sampled`, `first`, `waved` and `second` are one home in four states, made once for all workers: who changes a home
takes a copy of it by `new_home`.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import once
from tests.homes import SLOT1, Home, once_home, without_connectors

os.environ["DO_NOT_TRACK"] = "1"
ROWS = 1500


def pytest_configure(config: pytest.Config) -> None:
    """What is made once is made for all workers, and their controller removes it."""
    if not hasattr(config, "workerinput"):
        once.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The end of `pytest_configure`."""
    if not hasattr(config, "workerinput"):
        once.end()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("HALLMARK_", "OTEL_")) or name in ("CRM_URL", "DROPS_ROOT", "MAILROOM_ROOT"):
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
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Home], Home]]:
    """Copies homes; their servers' files go with the session."""
    from blocks import sample

    made: list[Home] = []

    def make(of: Home) -> Home:
        made.append(of.copy(tmp_path_factory.mktemp("homes") / "home"))
        return made[-1]

    yield make
    for home in made:
        sample.remove(home.path)


@pytest.fixture(scope="session")
def sampled(new_home: Callable[[Home], Home]) -> Home:
    """A sample, and no run yet."""
    from blocks import sample

    def make(path: Path) -> Home:
        sample.make(path, ROWS)
        return Home(path, without_connectors(path.parent))

    return new_home(once_home("sampled", make))


@pytest.fixture(scope="session")
def first(sampled: Home, new_home: Callable[[Home], Home], prefect_server: str) -> Home:
    """After the first slot. Only to be read."""
    return new_home(once_home("first", lambda path: sampled.copy(path).after(slot=SLOT1)))


@pytest.fixture(scope="session")
def waved(first: Home, new_home: Callable[[Home], Home]) -> Home:
    """After the first slot, with a wave of changes that no run has seen. Only to be copied."""
    from blocks import sample

    def make(path: Path) -> Home:
        home = first.copy(path)
        sample.wave(path)
        return home

    return new_home(once_home("waved", make))


@pytest.fixture(scope="session")
def second(waved: Home, new_home: Callable[[Home], Home], prefect_server: str) -> Home:
    """After the second slot. Only to be read."""
    return new_home(once_home("second", lambda path: waved.copy(path).after()))
