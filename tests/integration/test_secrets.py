"""Secrets in AWS Secrets Manager: which one wins, that rotation is seen, what is said, and that no value leaks."""

from __future__ import annotations

import itertools
import json
import logging
import os
import socket
import subprocess
import sys
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks.settings import Settings
from governance.errors import ConfigurationError, HallmarkError, UnreachableError
from tests.integration.secrets_support import MARK, blocked, stored, value_of

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("no_block_stays")


def test_a_secret_of_aws_wins_over_a_block_and_the_environment(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.blocks.system import Secret

    monkeypatch.setenv("HALLMARK_JSM_KEY", f"{MARK}-environment")
    assert value_of("jsm_key") == f"{MARK}-environment"
    Secret(value=f"{MARK}-block").save("hallmark-jsm-key", overwrite=True)
    assert value_of("jsm_key") == f"{MARK}-block"
    stored(manager, "jsm_key", f"{MARK}-aws")
    assert value_of("jsm_key") == f"{MARK}-aws"


def test_a_rotated_secret_is_found_by_the_next_call(manager: Any) -> None:
    stored(manager, "snowflake_private_key", json.dumps({"snowflake_private_key": f"{MARK}-1", "public_key": "p"}))
    assert value_of("snowflake_private_key") == f"{MARK}-1"
    manager.put_secret_value(
        SecretId="prod/snowflake_private_key", SecretString=json.dumps({"snowflake_private_key": f"{MARK}-2"})
    )
    assert value_of("snowflake_private_key") == f"{MARK}-2"


def test_a_secret_may_be_bytes_and_in_a_region_and_with_credentials_of_its_own(
    manager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    elsewhere = boto3.client("secretsmanager", region_name="eu-west-1")
    elsewhere.create_secret(Name="prod/bytes", SecretBinary=f"{MARK}-ü".encode())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    how = {"region_name": "eu-west-1", "aws_access_key_id": "a", "aws_secret_access_key": f"{MARK}-k"}
    blocked("webhook_secret", "prod/bytes", **how)
    assert value_of("webhook_secret") == f"{MARK}-ü"


def test_each_failure_is_told_with_its_remedy_and_without_a_value(
    manager: Any, aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    told: dict[str, HallmarkError] = {}

    def fails(case: str, kind: type[HallmarkError]) -> None:
        with pytest.raises(kind) as raised:
            value_of("pagerduty_key", Settings(pagerduty_key=f"{MARK}-settings"))
        told[case] = raised.value

    blocked("pagerduty_key", "prod/absent")
    fails("no such secret", ConfigurationError)
    manager.create_secret(Name="prod/pagerduty_key", SecretString=json.dumps({"other": f"{MARK}-other"}))
    blocked("pagerduty_key", "prod/pagerduty_key")
    fails("no text under pagerduty_key", ConfigurationError)
    manager.put_secret_value(SecretId="prod/pagerduty_key", SecretBinary=b"\xff" + MARK.encode())
    fails("no text", ConfigurationError)
    manager.delete_secret(SecretId="prod/pagerduty_key")
    fails("no such secret (InvalidRequest", ConfigurationError)
    manager.restore_secret(SecretId="prod/pagerduty_key")

    user = boto3.client("iam")
    user.create_user(UserName="reader")
    key = user.create_access_key(UserName="reader")["AccessKey"]
    blocked(
        "pagerduty_key", "prod/pagerduty_key",
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
    )  # fmt: skip
    authorized(aws, after="0")
    try:
        fails("access denied", ConfigurationError)
        blocked("pagerduty_key", "prod/pagerduty_key", aws_access_key_id="who", aws_secret_access_key=f"{MARK}-k")
        fails("access denied (", ConfigurationError)
    finally:
        authorized(aws, after="inf")
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed}")
    fails("does not answer", UnreachableError)
    for case, error in told.items():
        assert case in error.cause
        assert "hallmark-pagerduty-key" in error.what and "Secrets Manager" in error.what
        assert error.remedy
        assert MARK not in "".join(traceback.format_exception(error))
        assert key["SecretAccessKey"] not in str(error)


def test_without_a_server_nobody_is_asked(tmp_path: Path) -> None:
    code = """
import sys, time
from blocks.register import secret, snowflake_block
from blocks.settings import Settings
began = time.process_time()
assert secret("slack_token", Settings(slack_token="t")).get_secret_value() == "t"
assert snowflake_block() is None
assert time.process_time() - began < 0.2
print(sorted(m for m in sys.modules if m in ("boto3", "prefect_aws", "prefect_snowflake", "snowflake.connector")))
"""
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("PREFECT_", "HALLMARK_"))}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**environment, "PREFECT_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
    assert not list(tmp_path.glob("*.db"))


def test_a_block_of_snowflake_is_found_by_its_name(registered: list[dict[str, str]]) -> None:
    from prefect_snowflake import SnowflakeConnector, SnowflakeCredentials

    from blocks.register import snowflake_block

    assert snowflake_block("nobody") is None
    credentials = SnowflakeCredentials(account="org-name", user="LOADER", password=f"{MARK}-password", role="LOADER")
    made = SnowflakeConnector(credentials=credentials, database="HALLMARK", warehouse="LOADING", schema="PUBLIC")
    made.save("hallmark", overwrite=True)
    found = snowflake_block()
    assert found
    assert (found.database, found.warehouse, found.credentials.account) == ("HALLMARK", "LOADING", "org-name")
    assert found.credentials.password and found.credentials.password.get_secret_value() == f"{MARK}-password"
    assert MARK not in repr(found)


def test_the_types_of_both_collections_are_registered(registered: list[dict[str, str]]) -> None:
    types = [row["name"] for row in registered if row["kind"] == "block type"]
    assert types == [
        "oltp-database", "secret", "aws-credentials", "aws-secret", "s3-bucket", "snowflake-credentials",
        "snowflake-connector",
    ]  # fmt: skip


USES: dict[str, Callable[[], object]] = {
    "a secret of AWS": lambda: value_of("smtp_url"),
    "a JSON secret": lambda: value_of("state_url"),
    "a JSON secret without the field": lambda: value_of("heartbeat_url"),
    "a Secret block": lambda: value_of("webhook_secret"),
    "a setting": lambda: value_of("slack_webhook_url", Settings(slack_webhook_url=f"{MARK}-setting")),
    "a name that is none": lambda: value_of("slack_url", Settings(slack_token=f"{MARK}-setting")),
}
"""Whatever handles a secret, in the world that `filled` makes. What is new is added here."""


def filled(manager: Any) -> None:
    """Secrets of each kind, all of them beginning with MARK."""
    stored(manager, "smtp_url", f"{MARK}-smtp")
    stored(manager, "state_url", json.dumps({"state_url": f"{MARK}-state"}))
    stored(manager, "heartbeat_url", json.dumps({"other": f"{MARK}-other"}))


def test_no_secret_is_in_a_log_an_error_a_parameter_or_an_artifact(
    manager: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    from prefect import flow, task
    from prefect.artifacts import create_markdown_artifact

    filled(manager)
    found, errors = {}, []

    @task(task_run_name="use {case}")
    def use(case: str) -> None:
        try:
            found[case] = USES[case]()
        except HallmarkError as error:
            logging.getLogger("hallmark").exception("failed")
            errors.append(error)
            create_markdown_artifact(f"{error.as_dict()}", key="a-use-that-failed")

    @flow(name="uses")
    def uses(cases: list[str]) -> None:
        for case in cases:
            use(case)

    with caplog.at_level(logging.DEBUG):
        uses(list(USES))
    assert MARK in str(found), "nothing was read"
    assert len(errors) == 2
    texts = {
        "logs": caplog.text, "console": "".join(capfd.readouterr()), "server": kept_by_the_server(),
        "errors": "".join("".join(traceback.format_exception(e)) + repr(e) + json.dumps(e.as_dict()) for e in errors),
    }  # fmt: skip
    assert all(texts[where] for where in ("logs", "server", "errors"))
    assert [where for where, text in texts.items() if MARK in text] == []


def kept_by_the_server() -> str:
    """All flow runs, task runs, logs and artifacts of the Prefect server, as text."""
    kept = {kind: "\n".join(pages(kind)) for kind in ("flow_runs", "task_runs", "logs", "artifacts")}
    assert '"a-use-that-failed"' in kept["artifacts"] and '"cases"' in kept["flow_runs"]
    return "\n".join(kept.values())


def pages(kind: str) -> Iterator[str]:
    """What the Prefect server keeps of a kind, 200 rows (its limit) at a time."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        for offset in itertools.count(step=200):
            page = client.request("POST", f"/{kind}/filter", json={"limit": 200, "offset": offset})
            yield page.raise_for_status().text
            if not page.json():
                return


def authorized(aws: str, after: str) -> None:
    """Let the emulator check who may do what, after so many requests."""
    address = f"{aws}/moto-api/reset-auth"
    request = urllib.request.Request(address, after.encode(), {"Content-Type": "text/plain"}, method="POST")
    urllib.request.urlopen(request).close()
