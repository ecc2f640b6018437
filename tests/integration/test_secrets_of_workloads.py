"""Whose secret it is: that of a workload before that of all, and a login that was rotated."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from blocks import state
from blocks.settings import Settings
from blocks.state import state_database
from governance.errors import ConfigurationError
from tests.integration.secrets_support import MARK, blocked, stored, value_of

pytestmark = pytest.mark.usefixtures("no_block_stays")


def test_the_secret_of_the_own_workload_wins_over_that_of_all(manager: Any) -> None:
    stored(manager, "openmetadata_token", f"{MARK}-all")
    manager.create_secret(Name="prod/watch", SecretString=f"{MARK}-watch")
    blocked("watch_openmetadata_token", "prod/watch")
    assert value_of("openmetadata_token", Settings(workload="watch")) == f"{MARK}-watch"
    assert value_of("openmetadata_token", Settings(workload="deliver")) == f"{MARK}-all"
    assert value_of("openmetadata_token") == f"{MARK}-all"
    with pytest.raises(ConfigurationError, match="workload"):
        Settings.load(workload="Watch it")


def test_the_login_of_the_state_database_is_that_of_the_block(
    manager: Any, monkeypatch: pytest.MonkeyPatch, prefect_server: str
) -> None:
    first, current = "postgresql://hallmark_a@db/hallmark", "postgresql://hallmark_b@db/hallmark"
    settings = Settings(state_url=first)
    manager.create_secret(Name="prod/state", SecretString=json.dumps({"state_url": current}))
    blocked("state_url", "prod/state")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert state_database(settings) == first, "no server is asked where none is named"
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    assert state_database(settings) == current
    assert state_database(Settings(home=Path("h"))) == "sqlite:///h/state.db", (
        "it is no shared one that the block means"
    )
    monkeypatch.setattr(state, "KEPT_SECONDS", 0)
    for broken in (
        lambda: monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api"),
        lambda: manager.delete_secret(SecretId="prod/state"),
    ):
        assert state_database(settings) == current
        broken()
        with temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}):
            assert state_database(settings) == current, "events are kept, by the login before"
        monkeypatch.setenv("PREFECT_API_URL", prefect_server)
        monkeypatch.setattr(state, "AGAIN_SECONDS", 0)


def test_the_blocks_of_the_guide_give_each_workload_its_own(manager: Any) -> None:
    text = (Path(__file__).parents[2] / "docs" / "aws.md").read_text("utf-8")
    [code] = re.findall(r"<!-- blocks -->\n```python\n(.*?)```", text, re.S)
    there = boto3.client("secretsmanager", region_name="eu-central-1")
    users = ("batch", "ingest", "deliver", "watch", "catalog")
    for user in users:
        value = json.dumps({"snowflake_private_key": f"{MARK}-{user}", "public_key": "p"})
        there.create_secret(Name=f"hallmark-dev/snowflake_{user}", SecretString=value)
    there.create_secret(Name="hallmark-dev/slack", SecretString=json.dumps({"slack_token": f"{MARK}-slack"}))
    there.create_secret(Name="hallmark-dev/state", SecretString=json.dumps({"state_url": f"{MARK}-state"}))
    exec(code, {})
    for user in users:
        assert value_of("snowflake_private_key", Settings(workload=user)) == f"{MARK}-{user}"
        assert value_of("slack_token", Settings(workload=user)) == (f"{MARK}-slack" if user == "deliver" else None)
        assert value_of("state_url", Settings(workload=user, state_url="postgresql://db/hallmark")) == f"{MARK}-state"
