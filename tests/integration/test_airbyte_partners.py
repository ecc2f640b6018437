"""Airbyte's own connectors, installed from the package index: faker is read, the partners' are asked and refused."""

import io
import json
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
PARTNERS = {
    "airbyte-source-salesforce==2.10.3": (SALESFORCE, "client_secret", "login.salesforce.com"),
    "airbyte-source-facebook-marketing==6.1.9": (FACEBOOK, "account_ids", "graph.facebook.com"),
    "airbyte-source-amazon-ads==7.2.3 airbyte-cdk==6.60.0": (AMAZON, "client_secret", "api.amazon.com"),
}


@dataclass
class Asked:
    """What a connector answered."""

    specification: dict[str, Any]
    error: BaseException | None
    seconds: float


@pytest.fixture(scope="module")
def asked(connectors: Path) -> tuple[dict[str, Asked], str]:
    """(requirement → its answers, all log lines). All at once: each waits for retries most of the time."""
    log, lines = logging.getLogger("hallmark.connector"), io.StringIO()
    handler = logging.StreamHandler(lines)

    def specification(requirement: str) -> dict[str, Any]:
        return dict(Connector("partner", requirement, PARTNERS[requirement][0], connectors).specification)

    def checked(requirement: str) -> tuple[BaseException | None, float]:
        began = time.monotonic()
        try:
            Connector("partner", requirement, PARTNERS[requirement][0], connectors).check()
        except UnreachableError as error:
            return error, time.monotonic() - began
        return None, time.monotonic() - began

    before = log.level
    log.setLevel(logging.DEBUG)
    log.addHandler(handler)
    try:
        with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(len(PARTNERS)) as pool:
            said = list(pool.map(specification, PARTNERS))  # installed by the network as it is
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
                patch.setenv(name, "http://127.0.0.1:9")
            found = list(pool.map(checked, PARTNERS))
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
    return {r: Asked(s, *f) for r, s, f in zip(PARTNERS, said, found, strict=True)}, lines.getvalue()


@pytest.mark.parametrize("requirement", PARTNERS)
def test_a_partners_connector_says_what_it_needs_and_fails_cleanly_without_an_account(
    connectors: Path, asked: tuple[dict[str, Asked], str], requirement: str
) -> None:
    _, asks, host = PARTNERS[requirement]
    answers, lines = asked
    answer = answers[requirement]
    assert asks in answer.specification["properties"]
    assert isinstance(answer.error, UnreachableError) and re.search(host, str(answer.error))
    assert answer.seconds < 180  # some 15 s on a machine that does nothing else
    assert "secret-of-" not in lines + str(answer.error)
    assert lines and leftovers(connectors) == []
