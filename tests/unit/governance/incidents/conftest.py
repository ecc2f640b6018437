"""A world for each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from tests.unit.governance.incidents.support import World


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = World(f"sqlite:///{tmp_path / 'state.db'}" if request.param == "sqlite" else _postgres(request))
    yield made
    made.store.close()


def _postgres(request: pytest.FixtureRequest) -> str:
    """An empty database."""
    found = make_url(str(request.getfixturevalue("postgres"))).set(database="postgres")
    with create_engine(found.set(drivername="postgresql+psycopg"), poolclass=NullPool).begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    return found.render_as_string(hide_password=False)
