"""What Lambda calls: a step of a rotation, by Secrets Manager, or the daily round, by a rule of EventBridge."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import boto3

from rotation import daily, protocol
from rotation.config import Config
from rotation.postgres import Postgres
from rotation.snowflake import Snowflake

LOG = logging.getLogger("rotation")
LOG.setLevel(logging.INFO)


def handle(event: dict[str, Any], _context: object = None) -> dict[str, Any] | None:
    """`{"Step": "daily"}`, or SecretId, ClientRequestToken and Step as Secrets Manager gives them.

    Whatever fails is raised: Secrets Manager then begins the step again, and the alarm goes off.
    """
    config, manager = Config.of_environment(os.environ), boto3.client("secretsmanager")
    if event.get("Step") == "daily":
        return daily.look(config, manager, boto3.client("sns"))
    described = manager.describe_secret(SecretId=event["SecretId"])
    name, step = described["Name"], event["Step"]
    done = protocol.run(step, event["ClientRequestToken"], described, manager, rotator(name, config, manager))
    LOG.info(json.dumps({"secret": name, "step": step, "done": done}))
    return None


def rotator(name: str, config: Config, manager: Any) -> protocol.Rotator:
    """Who rotates a secret. Raises ValueError for one that cannot be rotated."""
    row = config.row(name)
    if row["kind"] == "postgres":
        return Postgres.of(row, manager)
    if row["kind"] == "snowflake_key_pair":
        return Snowflake.of(row)
    raise ValueError(f"{name} is a {row['kind']}: only its partner can change it")
