"""Secrets of a connector's configuration, and what names a connector."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.connectors.environment import Requirement
from blocks.connectors.secrets import MASK, Mask, secrets_of, without_secrets
from governance.errors import ConfigurationError

HOST = "://".join(("http", "evil"))
INDEX, GIT = "-".join(("-", "index", "url")), "git"
SPEC = {
    "properties": {
        "pin": {"type": "string", "airbyte_secret": True},
        "login": {"oneOf": [{"properties": {"a": {}}}, {"properties": {"phrase": {"airbyte_secret": True}}}]},
        "accounts": {"type": "array", "items": {"properties": {"code": {"airbyte_secret": True}}}},
        "whole": {"airbyte_secret": True, "properties": {"x": {}}},
    }
}


@pytest.mark.parametrize(
    ("config", "secret"),
    [
        ({"pin": "kiwi"}, "kiwi"),
        ({"pin": 123456}, "123456"),
        ({"login": {"phrase": "an open door"}}, "an open door"),
        ({"accounts": [{"code": "blue42"}]}, "blue42"),
        ({"whole": {"x": "inner"}}, "inner"),
        ({"client_secret": "short"}, "short"),
        ({"credentials": {"access_token": "tokn"}}, "tokn"),
        ({"unknown_to_all": "EAAB0Zx9c8v7b6n5m4l3k2j1"}, "EAAB0Zx9c8v7b6n5m4l3k2j1"),
        ({"key_file": "-----BEGIN KEY-----\nabcd1234\n-----END KEY-----"}, "abcd1234"),
        ({"url": "postgres://me:hushhush@host/db", "token_url": "https://" + "a:other1@x"}, "other1"),
    ],
)
def test_what_is_secret_is_masked(config: dict[str, object], secret: str) -> None:
    mask = Mask(secrets_of(config, SPEC))
    assert secret not in mask(f"it said {secret}.")
    assert secret not in mask(json.dumps({"m": secret}))


def test_what_is_not_secret_stays_readable() -> None:
    config = {
        "start_date": "2026-01-01T00:00:00Z", "region": "NA", "domain": "example-company-name1.my.salesforce.com",
        "credentials": {"auth_type": "Service", "access_token": "hidden-one"}, "is_token": True, "count": 1000,
        "file": "/data/of/2026/the-newest-prices.csv",
    }  # fmt: skip
    assert secrets_of(config, SPEC) == {"hidden-one"}
    shown = {**config, "credentials": {"auth_type": "Service", "access_token": MASK}}
    assert without_secrets(config, SPEC) == shown


@pytest.mark.parametrize(
    "text",
    [
        "GET /v25.0/act_1/?access_token=Qq1&fields=x", "Authorization: Bearer Qq1", '{"refresh_token": "Qq1"}',
        "https://" + "user:Qq1@index.example/x", "client_secret=Qq1", "{'password': 'Qq1'}",
    ],
)  # fmt: skip
def test_a_secret_that_is_in_no_configuration_is_masked_by_its_place(text: str) -> None:
    assert "Qq1" not in Mask()(text)
    assert MASK in Mask()(text)


@given(st.text(min_size=4, max_size=40), st.text(max_size=30), st.text(max_size=30))
def test_no_form_of_a_secret_passes(secret: str, before: str, after: str) -> None:
    mask = Mask([secret])
    for form in (
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    ):
        masked = mask(f"\0{before}\0{form}\0{after}\0")
        assert MASK in masked
        rest = masked.replace(MASK, "")
        assert form not in rest or form in f"\0{before}\0\0{after}\0"


def test_a_name_may_be_pinned_and_bring_pins_along() -> None:
    assert Requirement.parse("Airbyte_source.faker", "x").packages == ["airbyte-source-faker"]
    assert Requirement.parse("airbyte-source-a==7.2.3  airbyte-cdk==6.60.0", "x").packages == [
        "airbyte-source-a==7.2.3", "airbyte-cdk==6.60.0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "-r x", f"{INDEX}={HOST}", f"{GIT}+{HOST}/x", f"{HOST}/x.whl", "./folder",
     f"a @ {HOST}", "a>=1", "a==1 b", "a==1;os_name", "a==*", "../a"],
)  # fmt: skip
def test_nothing_but_names_and_exact_versions_is_installed(text: str) -> None:
    with pytest.raises(ConfigurationError, match="source x"):
        Requirement.parse(text, "source x")
