"""A stand-in of an OpenMetadata server for each test, with a schema in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.openmetadata.server import Server
from tests.unit.openmetadata.api import Api, furnish


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def bot(server: Server) -> Api:
    api = Api(server, server.token)
    furnish(api)
    return api


@pytest.fixture
def human(server: Server) -> Api:
    return Api(server, server.admin_token)
