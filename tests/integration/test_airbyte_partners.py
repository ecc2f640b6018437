"""Airbyte's own connectors, installed from the package index: faker is read, the partners' are asked and refused."""

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from blocks.connectors import Connector
from blocks.landing import Landing
from blocks.sources.airbyte import AirbyteReader
from blocks.sources.base import Since
from blocks.sources.spec import SourceSpec
from governance.errors import UnreachableError
from tests.integration.airbyte_support import land, leftovers, rows, stream_of

FAKER = "airbyte-source-faker==7.2.1"


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    """A landing zone."""
    return Landing(tmp_path / "landing")


def faker(connectors: Path, **config: Any) -> AirbyteReader:
    """The reader of Airbyte's own source of made-up data."""
    body = {
        "name": "ads", "kind": "airbyte", "owner": "x", "connector": FAKER,
        "config": {"count": 1000, "seed": 4711, "always_updated": False, "parallelism": 1, **config},
        "streams": {name: {"name": name} for name in ("users", "purchases", "products")},
    }  # fmt: skip
    return AirbyteReader(SourceSpec.model_validate(body), connectors)


def test_faker_is_read_twice_with_its_state(connectors: Path, landing: Landing) -> None:
    reader = faker(connectors)
    stream = stream_of(reader, "users")
    assert stream.primary_key == ("id",)
    one = land(reader, landing, name="users")
    found = rows(reader, landing, one, name="users")
    assert len({r["id"] for r in found}) == len(found) == 1000
    assert json.loads(found[0]["address"])["city"]
    assert json.loads(one.state or "")[0]["stream"]["stream_state"]["seed"] == 4711
    two = land(reader, landing, Since(one.state, {}, {}), name="users")
    assert two.parts[0].rows == 0
    assert two.state


SALESFORCE = {
    "client_id": "client-4711",
    "client_secret": "secret-of-sf-1",
    "refresh_token": "secret-of-sf-2",
    "auth_type": "Client",
}
FACEBOOK = {
    "account_ids": ["111111111111111"], "start_date": "2026-01-01T00:00:00Z",
    "credentials": {"auth_type": "Service", "access_token": "secret-of-fb"},
}  # fmt: skip
AMAZON = {
    "client_id": "client-4711", "client_secret": "secret-of-az-1", "refresh_token": "secret-of-az-2", "region": "NA",
    "auth_type": "oauth2.0",
}  # fmt: skip
PARTNERS = [
    ("airbyte-source-salesforce==2.10.3", SALESFORCE, "client_secret", "login.salesforce.com"),
    ("airbyte-source-facebook-marketing==6.1.9", FACEBOOK, "account_ids", "graph.facebook.com"),
    ("airbyte-source-amazon-ads==7.2.3 airbyte-cdk==6.60.0", AMAZON, "client_secret", "api.amazon.com"),
]


@pytest.mark.parametrize(("requirement", "config", "asks", "host"), PARTNERS)
def test_a_partners_connector_says_what_it_needs_and_fails_cleanly_without_an_account(
    connectors: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    requirement: str, config: dict[str, Any], asks: str, host: str,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG, "hallmark.connector")
    connector = Connector("partner", requirement, config, connectors)
    assert asks in connector.specification["properties"]
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=host) as caught:
        connector.check()
    assert time.monotonic() - began < 180  # some 15 s on a machine that does nothing else
    assert "secret-of-" not in caplog.text + str(caught.value)
    assert leftovers(connectors) == []
