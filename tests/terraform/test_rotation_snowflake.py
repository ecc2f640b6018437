"""The key pair of a Snowflake user, against a server that checks its logins; and the daily round."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from tests import s3_support
from tests.terraform.apps_support import REGION
from tests.terraform.rotation_support import STEPS, Secret, kill_at
from tests.terraform.snowflake_api import ACCOUNT, ROLE, USER, Account, snowflake_api
from tests.terraform.test_rotation_postgres import rotate

pytestmark = pytest.mark.terraform
NAME, TOKEN, FIELD = "hallmark-test/snowflake", "hallmark-test/slack", "snowflake_private_key"


@dataclass
class World:
    """A secret with a first key, the account that knows it, and the queue of the topic."""

    account: Account
    secret: Secret
    manager: Any
    queue: str
    patch: pytest.MonkeyPatch

    def table(self, **more: Any) -> None:
        row = {"kind": "snowflake_key_pair", "field": FIELD, "account": ACCOUNT, "user": USER, "role": ROLE}
        self.patch.setenv("TABLE", json.dumps({NAME: {**row, "url": self.account.url}, **more}))

    def told(self) -> list[str]:
        """What came by the topic."""
        found = boto3.client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(m["Body"])["Message"] for m in found]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    from moto.secretsmanager.models import secretsmanager_backends
    from rotation import keys

    secretsmanager_backends.reset()  # moto keeps what other tests of this process made
    with s3_support.moto() as aws, snowflake_api() as account:
        s3_support.use(monkeypatch, aws)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        topic = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]
        queue = boto3.client("sqs").create_queue(QueueName="alerts")["QueueUrl"]
        arn = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
        boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
        for name, value in {"TOPIC_ARN": topic, "ROTATION_DAYS": "90", "OVERLAP_HOURS": "24"}.items():
            monkeypatch.setenv(name, value)
        first, manager = keys.new_private_key(), boto3.client("secretsmanager")
        account.keys["RSA_PUBLIC_KEY"] = keys.public_key(first)
        manager.create_secret(Name=NAME, SecretString=json.dumps({FIELD: first, "note": "stays"}))
        found = World(account, Secret(manager, NAME), manager, queue, monkeypatch)
        found.table()
        yield found
        secretsmanager_backends.reset()


def public(value: dict[str, Any]) -> str:
    from rotation import keys

    return keys.public_key(value[FIELD])


def test_a_new_key_is_let_in_beside_the_current_one_by_turns(world: World) -> None:
    first = world.secret.value()
    rotate(world.secret, world.secret.begin())
    second = world.secret.value()
    assert world.account.keys == {"RSA_PUBLIC_KEY": public(first), "RSA_PUBLIC_KEY_2": public(second)}
    assert second["note"] == "stays" and second["public_key"] == public(second)
    rotate(world.secret, world.secret.begin())
    third = world.secret.value()
    assert world.account.keys == {"RSA_PUBLIC_KEY": public(third), "RSA_PUBLIC_KEY_2": public(second)}
    assert world.account.statements == [
        f"DESC USER {USER}", f"ALTER USER {USER} SET RSA_PUBLIC_KEY_2 = '…'", "SELECT CURRENT_USER()",
        f"DESC USER {USER}", f"ALTER USER {USER} SET RSA_PUBLIC_KEY = '…'", "SELECT CURRENT_USER()",
    ]  # fmt: skip


def test_a_rotation_that_is_killed_at_any_call_ends_as_if_it_was_not(world: World) -> None:
    from rotation import keys

    point = 0
    while True:
        before, event = world.secret.value(), world.secret.begin()
        killed = kill_at(point, event)
        assert world.account.login(keys.token(world.secret.value()[FIELD], ACCOUNT, USER))
        rotate(world.secret, event)
        now = world.secret.value()
        assert now != before
        assert set(world.account.keys.values()) == {public(before), public(now)}, f"killed at {point}"
        if not killed:
            break
        point += 1
    assert point > 20, "too few calls were seen: does the script still count them?"


def test_a_user_without_our_key_is_left_alone(world: World) -> None:
    from rotation import keys

    event = world.secret.begin()
    rotate(world.secret, event, ("createSecret",))
    world.account.keys = {"RSA_PUBLIC_KEY": keys.public_key(keys.new_private_key()), "RSA_PUBLIC_KEY_2": ""}
    kept = dict(world.account.keys)
    with pytest.raises(RuntimeError, match=r"^Snowflake answers 401 390144$"):
        rotate(world.secret, event, ("setSecret",))
    assert world.account.keys == kept


def test_a_server_that_is_away_fails_the_step_and_the_next_try_goes_on(world: World) -> None:
    event = world.secret.begin()
    world.account.down = 1
    rotate(world.secret, event, STEPS[:1])
    with pytest.raises(RuntimeError, match="503"):
        rotate(world.secret, event, STEPS[1:])
    rotate(world.secret, event)
    assert public(world.secret.value()) in world.account.keys.values()


def test_the_key_before_ends_after_the_overlap_and_no_sooner(world: World) -> None:
    from rotation import handler

    rotate(world.secret, world.secret.begin())
    both = dict(world.account.keys)
    assert handler.handle({"Step": "daily"}) == {"reminded": [], "retired": [], "failed": []}
    assert world.account.keys == both
    world.patch.setenv("OVERLAP_HOURS", "0")
    assert handler.handle({"Step": "daily"}) == {"reminded": [], "retired": [NAME], "failed": []}
    assert world.account.keys == {"RSA_PUBLIC_KEY": "", "RSA_PUBLIC_KEY_2": public(world.secret.value())}
    assert world.account.statements[-1] == f"ALTER USER {USER} UNSET RSA_PUBLIC_KEY"
    assert handler.handle({"Step": "daily"}) == {"reminded": [], "retired": [], "failed": []}


def test_a_key_that_waits_to_become_current_is_not_ended(world: World) -> None:
    from rotation import handler

    rotate(world.secret, world.secret.begin())
    event = world.secret.begin()
    rotate(world.secret, event, STEPS[:3])
    both = dict(world.account.keys)
    world.patch.setenv("OVERLAP_HOURS", "0")
    handler.handle({"Step": "daily"})
    assert world.account.keys == both
    rotate(world.secret, event, STEPS[3:])
    assert public(world.secret.value()) in world.account.keys.values()


def test_a_token_is_reminded_of_and_left_as_it_is(world: World, caplog: pytest.LogCaptureFixture) -> None:
    from rotation import handler

    world.manager.create_secret(Name=TOKEN, Description="Slack's token", SecretString='{"slack_token": "hidden-value"}')
    world.table(**{TOKEN: {"kind": "token", "field": "slack_token"}})
    before = world.manager.get_secret_value(SecretId=TOKEN)
    with caplog.at_level("DEBUG", logger="rotation"):
        assert handler.handle({"Step": "daily"}) == {"reminded": [], "retired": [], "failed": []}
        assert world.told() == []
        world.patch.setenv("ROTATION_DAYS", "14")  # 14 days ahead is today
        for _ in range(2):  # each day, until somebody does it
            assert handler.handle({"Step": "daily"}) == {"reminded": [TOKEN], "retired": [], "failed": []}
    told = world.told()
    assert len(told) == 2 and all("Slack's token" in t and "put-secret-value" in t for t in told)
    after = world.manager.get_secret_value(SecretId=TOKEN)
    assert [after[k] for k in ("SecretString", "VersionId")] == [before[k] for k in ("SecretString", "VersionId")]
    assert "hidden-value" not in caplog.text + "".join(told)


def test_a_token_is_never_rotated(world: World) -> None:
    world.manager.create_secret(Name=TOKEN, SecretString='{"slack_token": "hidden-value"}')
    world.table(**{TOKEN: {"kind": "token", "field": "slack_token"}})
    secret = Secret(world.manager, TOKEN)
    for step in STEPS:
        with pytest.raises(ValueError, match="only its partner can change it"):
            rotate(secret, secret.begin(), (step,))
    assert secret.value() == {"slack_token": "hidden-value"}


def test_no_key_is_in_a_log_or_an_error(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.manager.put_secret_value(SecretId=NAME, SecretString=json.dumps({FIELD: "no key: hidden-value"}))
    event = world.secret.begin()
    rotate(world.secret, event, ("createSecret",))
    with caplog.at_level("DEBUG", logger="rotation"), pytest.raises(ValueError) as raised:
        rotate(world.secret, event, ("setSecret",))
    world.manager.put_secret_value(SecretId=NAME, SecretString="no JSON: hidden-value")
    event = world.secret.begin()
    with pytest.raises(ValueError) as other:
        rotate(world.secret, event, ("createSecret",))
    assert "hidden-value" not in f"{raised.value}{other.value}{caplog.text}"
    assert raised.value.__cause__ is None
