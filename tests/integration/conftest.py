"""Fixtures that several files of integration tests share."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from blocks.landing import Landing
from blocks.settings import Settings
from tests.integration.airbyte_support import Make, stub, write_wheel
from tests.integration.dbt_support import Warehouse
from tests.integration.postgres_support import Table, TableOf
from tests.integration.sources_support import built
from tests.once import once
from tests.snowflake_support import environment_of


@pytest.fixture(scope="session")
def three_slots(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The warehouse of `sources_support`. Only to be read, or copied."""
    _, made = once("three_slots", built)
    home = tmp_path_factory.mktemp("sources") / "home"
    shutil.copytree(made.home, home)
    return made.at(home)


@pytest.fixture(scope="session")
def connectors() -> Path:
    """The environments of the real connectors, installed once."""
    return once("connectors", lambda folder: None)[0]


@pytest.fixture(params=["duckdb", "snowflake"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Of a home of its own: what takes them runs on DuckDB and on an emulated Snowflake."""
    if request.param == "duckdb":
        return Settings(home=tmp_path)
    variables = request.getfixturevalue("snowflake")
    values = {name.removeprefix("HALLMARK_").lower(): value for name, value in variables.items()}
    return Settings(home=tmp_path, profile="snowflake", snowflake_database=f"T{uuid4().hex}".upper(), **values)


@pytest.fixture(scope="module")
def account(snowflake: dict[str, str]) -> dict[str, str]:
    """The variables of a batch, on a database of its own."""
    return environment_of(snowflake, f"B{uuid4().hex}".upper())


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    """A landing zone."""
    return Landing(tmp_path / "landing")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that an installer looks into, with the stub of a connector."""
    folder = tmp_path_factory.mktemp("wheels")
    write_wheel(folder)
    return folder


@pytest.fixture
def make(connectors: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes the reader of a source that the stub serves."""
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    return partial(stub, connectors)


@pytest.fixture
def table_of(database: Callable[[str, str | bytes], str], tmp_path: Path) -> TableOf:
    """Makes a database by SQL."""
    return lambda sql: Table(database("reading", sql), tmp_path)


@pytest.fixture(scope="module")
def registered(prefect_server: str) -> list[dict[str, str]]:
    """The rows of `hallmark register` on a server."""
    from blocks.register import register

    return register()


@pytest.fixture
def no_block_stays(registered: list[dict[str, str]]) -> Iterator[None]:
    """The server outlives these tests, and its blocks win over the settings of those that come after them."""
    from prefect.client.orchestration import get_client

    yield
    with get_client(sync_client=True) as client:
        for block in client.read_block_documents():
            if (block.name or "").startswith("hallmark"):
                client.delete_block_document(block.id)


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Address of an AWS."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def manager(aws: str, registered: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Secrets Manager, to which the environment leads."""
    import boto3

    for name, value in {
        "AWS_ENDPOINT_URL": aws, "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return boto3.client("secretsmanager")
