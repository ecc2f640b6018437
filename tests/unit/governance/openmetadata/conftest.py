"""A catalog for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.openmetadata.server import Server
from tests.unit.governance.openmetadata.world import World


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def world(server: Server) -> Iterator[World]:
    made = World(server)
    yield made
    made.close()
