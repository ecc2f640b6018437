"""Secrets of an AWS, and their blocks on a Prefect server."""

from __future__ import annotations

from typing import Any

from blocks.settings import Settings

MARK = "hidden-value"
"""Every secret value of these tests begins with it, so that one search finds all of them."""


def stored(manager: Any, name: str, value: str, **credentials: Any) -> None:
    """A secret `prod/<name>`, and its block."""
    manager.create_secret(Name=f"prod/{name}", SecretString=value)
    blocked(name, f"prod/{name}", **credentials)


def blocked(name: str, secret_name: str, **credentials: Any) -> None:
    """The block that makes a secret the setting `name`."""
    from prefect_aws import AwsCredentials, AwsSecret

    secret = AwsSecret(aws_credentials=AwsCredentials(**credentials), secret_name=secret_name)
    secret.save(f"hallmark-{name.replace('_', '-')}", overwrite=True)


def value_of(name: str, settings: Settings | None = None) -> str | None:
    """The value of a secret setting."""
    from blocks.register import secret

    found = secret(name, settings or Settings.load())
    return found.get_secret_value() if found else None
