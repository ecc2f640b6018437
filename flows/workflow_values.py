"""What is filled into OpenMetadata's ingestion workflows: settings, secrets of blocks, and the catalog's names of ours.

A workflow without what it connects to is not configured; which of its settings are missing is said here.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import SecretStr

from blocks.register import secret
from blocks.settings import PREFIX, Settings
from flows.catalog_access import places, token
from governance.workflows import Value

_SIGMA = ("sigma_url", "sigma_client_id", "sigma_client_secret")


def unset(name: str, settings: Settings) -> str:
    """Why this workflow is not configured; empty for one that is. Of the profile, and of the secrets of blocks."""
    if name.startswith("snowflake"):
        return "" if settings.profile == "snowflake" else "the warehouse is not Snowflake"
    missing = [PREFIX + n.upper() for n in _SIGMA if not _sigma(settings)[n]]
    return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set" if missing else ""


def values_of(name: str, settings: Settings, scratch: str) -> dict[str, Value]:
    """The values of one workflow, those of the other connectors not asked for. `scratch` is a folder for its files.

    Raises ConfigurationError for what is missing or cannot be read, UnreachableError for blocks that cannot be asked.
    """
    ours, jwt = places(settings), token(settings)
    own: Callable[[Settings], dict[str, Value]] = _snowflake if name.startswith("snowflake") else _sigma
    return {
        "catalog_url": f"{(settings.openmetadata_url or '').rstrip('/').removesuffix('/v1').removesuffix('/api')}/api",
        "catalog_token": SecretStr(jwt) if jwt else None,
        "warehouse_service": ours.warehouse,
        "warehouse_database": ours.database,
        "dashboards_service": ours.dashboards,
        "scratch": scratch,
        **own(settings),
    }


def _sigma(settings: Settings) -> dict[str, Value]:
    return {
        "sigma_url": settings.sigma_url,
        "sigma_client_id": secret("sigma_client_id", settings),
        "sigma_client_secret": secret("sigma_client_secret", settings),
    }


def _snowflake(settings: Settings) -> dict[str, Value]:
    """Whom the sessions of the flows log in as, the key as PEM whatever form the block has it in."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_der_private_key,
    )

    from blocks.warehouses.snowflake_session import check_settings, credentials_of

    check_settings(settings)
    found = credentials_of(settings)
    der = found.resolve_private_key()
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "snowflake_account": found.account,
        "snowflake_user": found.user,
        "snowflake_password": None if der else found.password,
        "snowflake_private_key": SecretStr(load_der_private_key(der, None).private_bytes(*form).decode())
        if der
        else None,
        "snowflake_role": found.role,
        "snowflake_warehouse": settings.snowflake_warehouse,
        "snowflake_host": settings.snowflake_host,
        "snowflake_port": settings.snowflake_port,
        "snowflake_protocol": settings.snowflake_protocol,
    }
