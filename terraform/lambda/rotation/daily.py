"""Once a day: reminders of tokens that their partner alone can change, and the end of keys that were replaced."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from rotation.config import Config
from rotation.protocol import CURRENT, PREVIOUS, value
from rotation.snowflake import Snowflake

LOG = logging.getLogger("rotation")
AHEAD = timedelta(days=14)
"""So long before it is due a token is reminded of."""


def look(config: Config, manager: Any, sns: Any) -> dict[str, Any]:
    """What was reminded of and retired. One secret that fails does not stop the others; then RuntimeError."""
    done: dict[str, list[str]] = {"reminded": [], "retired": [], "failed": []}
    now = datetime.now(UTC)
    for name in config.of_kind("token"):
        with _its_turn(name, "remind", done):
            if words := _due(name, config, manager, now):
                sns.publish(TopicArn=config.topic, Subject=f"Rotate {name}"[:100], Message=words)
                done["reminded"].append(name)
    for name in config.of_kind("snowflake_key_pair"):
        with _its_turn(name, "retire", done):
            if _retire(name, config, manager, now):
                done["retired"].append(name)
    LOG.info(json.dumps({"step": "daily", **done}))
    if done["failed"]:
        raise RuntimeError(f"not looked after: {', '.join(done['failed'])}")
    return done


@contextmanager
def _its_turn(name: str, step: str, done: dict[str, list[str]]) -> Iterator[None]:
    """Of one secret: what fails in it is told when all the others had theirs."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the others have their turn
        LOG.error(json.dumps({"secret": name, "step": step, "error": f"{type(error).__name__}: {error}"}))
        done["failed"].append(name)


def _due(name: str, config: Config, manager: Any, now: datetime) -> str | None:
    """What is said of a token that is due, None before. Its value is not read."""
    described = manager.describe_secret(SecretId=name)
    changed = max(
        (
            version["CreatedDate"]
            for version in manager.list_secret_version_ids(SecretId=name)["Versions"]
            if CURRENT in version.get("VersionStages", ())
        ),
        default=None,
    )
    if changed is None:
        return f"{name} has no value yet. Put it in: aws secretsmanager put-secret-value --secret-id {name}"
    due = changed + timedelta(days=config.rotation_days)
    if now < due - AHEAD:
        return None
    return (
        f"{name} ({described.get('Description', '')}) was put in on {changed:%Y-%m-%d} and is due on {due:%Y-%m-%d}. "
        "Its partner has no API for that: make a new one there, put it in by `aws secretsmanager put-secret-value "
        f"--secret-id {name}`, look that the next run takes it, then end the old one there."
    )


def _retire(name: str, config: Config, manager: Any, now: datetime) -> bool:
    """End the key before the current one, once no process can still hold it."""
    described = manager.describe_secret(SecretId=name)
    changed = described.get("LastChangedDate")
    if changed is None or now - changed < timedelta(hours=config.overlap_hours):
        return False
    current, previous = value(name, manager, CURRENT), value(name, manager, PREVIOUS)
    if not current or not previous:
        return False
    return Snowflake.of(config.row(name)).retire(current, previous)
