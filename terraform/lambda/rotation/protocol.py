"""The four steps of a rotation, so that each can be killed anywhere and run again.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html: Secrets Manager makes
a version of the secret with the stage AWSPENDING and no value, then calls createSecret, setSecret, testSecret and
finishSecret for it. What a kind of secret does in them is its own module.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

Value = dict[str, Any]
CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"


class Rotator(Protocol):
    """How one kind of secret is rotated. A value is the JSON object in the secret; the first one may be empty."""

    def renewed(self, current: Value) -> Value:
        """createSecret: a new value. Nobody is told of it yet."""
        ...

    def let_in(self, current: Value, pending: Value) -> None:
        """setSecret: let the server accept the new value, beside the current one. It may be done already."""
        ...

    def test(self, pending: Value) -> None:
        """testSecret: use the new value."""
        ...


class NotDueError(RuntimeError):
    """The secret is not in the state that the protocol begins a step with."""


def run(step: str, token: str, described: dict[str, Any], manager: Any, rotator: Rotator) -> str:
    """One step; what was done, in a word for the log. Raises NotDueError for a step that nobody may ask for."""
    name, stages = described["Name"], described.get("VersionIdsToStages", {})
    if not described.get("RotationEnabled"):
        raise NotDueError(f"{name}: rotation is not enabled")
    if token not in stages:
        raise NotDueError(f"{name}: there is no version {token}")
    if CURRENT in stages[token]:
        return "was current already"
    if PENDING not in stages[token]:
        raise NotDueError(f"{name}: version {token} is not {PENDING}")
    steps: dict[str, Callable[[str, str, dict[str, list[str]], Any, Rotator], str]] = {
        "createSecret": _create, "setSecret": _set, "testSecret": _test, "finishSecret": _finish,
    }  # fmt: skip
    if step not in steps:
        raise NotDueError(f"{name}: step {step} is not one of {', '.join(steps)}")
    return steps[step](described["ARN"], token, stages, manager, rotator)


def value(secret: str, manager: Any, stage: str, token: str | None = None) -> Value | None:
    """The value of a stage, None where it has none. Raises ValueError for one that is no JSON object."""
    version = {"VersionId": token} if token else {}
    try:
        text = manager.get_secret_value(SecretId=secret, VersionStage=stage, **version)["SecretString"]
    except manager.exceptions.ResourceNotFoundException:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{secret}: its {stage} is no JSON object") from None  # the text stays out of it
    return found


def _create(secret: str, token: str, _stages: object, manager: Any, rotator: Rotator) -> str:
    if value(secret, manager, PENDING, token) is not None:
        return "was made already"
    made = rotator.renewed(value(secret, manager, CURRENT) or {})
    manager.put_secret_value(
        SecretId=secret, ClientRequestToken=token, SecretString=json.dumps(made), VersionStages=[PENDING]
    )
    return "made"


def _set(secret: str, token: str, _stages: object, manager: Any, rotator: Rotator) -> str:
    rotator.let_in(value(secret, manager, CURRENT) or {}, _pending(secret, token, manager))
    return "let in"


def _test(secret: str, token: str, _stages: object, manager: Any, rotator: Rotator) -> str:
    if value(secret, manager, CURRENT) is None and value(secret, manager, PENDING, token) is None:
        return "has no value yet"  # Secrets Manager tries this step alone, when rotation is configured
    rotator.test(_pending(secret, token, manager))
    return "works"


def _finish(secret: str, token: str, stages: dict[str, list[str]], manager: Any, _rotator: object) -> str:
    _pending(secret, token, manager)
    old = [version for version, found in stages.items() if CURRENT in found]
    moved = {"RemoveFromVersionId": old[0]} if old else {}
    manager.update_secret_version_stage(SecretId=secret, VersionStage=CURRENT, MoveToVersionId=token, **moved)
    return "is current"


def _pending(secret: str, token: str, manager: Any) -> Value:
    found = value(secret, manager, PENDING, token)
    if found is None:
        raise NotDueError(f"{secret}: version {token} has no value; createSecret did not end")
    return found
