"""The typed Prefect blocks, and what `hallmark register` puts on a Prefect server: block types, work pool, variables.

Values that a person enters there win over the HALLMARK_ variables: `secret()`, `database_url()` and
`snowflake_block()` look them up. Nothing is asked of a server before one of these functions is called. Importing this
module imports Prefect (2 s); its collections for AWS and Snowflake (9 s) are imported where one of their blocks is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings
from pydantic import Field, HttpUrl, SecretStr

from blocks import automations, pools, secrets
from blocks.settings import Settings
from governance.errors import ConfigurationError, UnreachableError

if TYPE_CHECKING:
    from blocks.snowflake_blocks import SnowflakeConnector

SECRET_PREFIX = "hallmark-"


class OltpDatabase(Block):
    """A PostgreSQL database that streams are read from: `block: oltp-database/NAME` in sources.yml.

    Attributes:
        url: Its connection URL.

    Example:
        ```python
        from blocks.register import OltpDatabase

        OltpDatabase(url="postgresql://reader@db.example.com/crm").save("BLOCK_NAME", overwrite=True)
        database = OltpDatabase.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str | None] = "OLTP Database"
    _block_type_slug: ClassVar[str | None] = "oltp-database"
    _logo_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://cdn.sanity.io/images/3ugk85nk/production/fb3f4debabcda1c5a3aeea4f5b3f94c28845e23e-250x250.png"
    )
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS"
    )
    _description: ClassVar[str | None] = "A PostgreSQL database that Hallmark's streams are read from."

    url: SecretStr = Field(description="postgresql://USER:PASSWORD@HOST:PORT/DATABASE of a user who may read only.")


def register(pool: pools.Pool = pools.LOCAL) -> list[dict[str, str]]:
    """Put the block types, the work pool and the variables on the configured Prefect server; it may be repeated.

    Returns one {kind, name, status} each; status is created, changed or kept. Raises UnreachableError when the server
    does not answer.
    """
    try:
        with get_client(sync_client=True) as client:
            rows = [_block_type(client, block) for block in _used()]
            return [*rows, *pools.put(client, pool), automations.put(client)]
    except httpx.TransportError as error:
        raise _unreachable(error) from None


def secret(name: str, settings: Settings) -> SecretStr | None:
    """The secret setting `name` (`slack_token`), read anew by each call.

    It is that of the AwsSecret block `hallmark-slack-token`, else of the Secret block of that name, else of the
    settings; with HALLMARK_WORKLOAD=watch that of the blocks `hallmark-watch-slack-token` before all these. Raises
    ConfigurationError for a name that is no secret setting or a secret that AWS does not give, UnreachableError when
    the server or AWS does not answer.
    """
    field = Settings.model_fields.get(name)
    if field is None or "SecretStr" not in str(field.annotation):
        names = [n for n, f in Settings.model_fields.items() if "SecretStr" in str(f.annotation)]
        raise ConfigurationError(f"secret {name}", "no such secret setting", f"use one of {', '.join(names)}")
    owners = [f"{settings.workload}-", ""] if settings.workload else [""]
    blocks = (_of_block(SECRET_PREFIX + owner + name.replace("_", "-"), name) for owner in owners)
    value: SecretStr | None = getattr(settings, name)
    return next((found for found in blocks if found), value)


def secret_block(name: str) -> SecretStr:
    """The secret in the AwsSecret or Secret block of this name, read anew by each call.

    Raises ConfigurationError where there is none, UnreachableError when the server or AWS does not answer.
    """
    found = _of_block(name, "value")
    if found is None:
        raise ConfigurationError(f"block {name}", "the Prefect server has no such secret", "make it in `hallmark ui`")
    return found


def _of_block(block: str, field: str) -> SecretStr | None:
    found = _documents(block, ("aws-secret", "secret"))
    if "aws-secret" in found:
        return secrets.read(block, found["aws-secret"], field)
    return _text(found.get("secret", {}).get("value"))


def database_url(reference: str) -> SecretStr:
    """The URL in a block, for `block: oltp-database/crm` of a source.

    Raises ConfigurationError when there is no such block, UnreachableError when the server does not answer.
    """
    slug, _, name = reference.partition("/")
    found = _documents(name, (slug,)) if slug == "oltp-database" and name else {}
    url = _text(found.get(slug, {}).get("url"))
    if url is None:
        raise ConfigurationError(
            f"block {reference}",
            "the Prefect server has no such block",
            "run `hallmark register`, then make the block oltp-database/NAME in `hallmark ui`",
        )
    return url


def snowflake_block(name: str = "hallmark") -> SnowflakeConnector | None:
    """The block `snowflake-connector/NAME`, its credentials within; None where there is none. It opens nothing.

    Raises ConfigurationError when it holds what makes no connector, UnreachableError when the server does not answer.
    """
    data = _documents(name, ("snowflake-connector",)).get("snowflake-connector")
    if data is None:
        return None
    from blocks.snowflake_blocks import SnowflakeConnector

    try:
        return SnowflakeConnector.model_validate(data)
    except ValueError as error:
        raise ConfigurationError.of_validation(f"block snowflake-connector/{name}", error) from None


def _documents(name: str, slugs: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """What the blocks of this name hold, by the slug of their type: one request, and none where no server is set."""
    if get_current_settings().api.url is None:  # Prefect would start a server for the question
        return {}
    wanted = {
        "block_documents": {"name": {"any_": [name]}, "is_anonymous": {"eq_": False}},
        "block_types": {"slug": {"any_": list(slugs)}},
        "include_secrets": True,
    }
    try:
        with get_client(sync_client=True) as client:
            found = client.request("POST", "/block_documents/filter", json=wanted).raise_for_status().json()
    except httpx.HTTPError as error:
        raise _unreachable(error) from None
    return {document["block_type"]["slug"]: document["data"] for document in found}


def _text(value: object) -> SecretStr | None:
    return SecretStr(value) if isinstance(value, str) and value else None


def _used() -> tuple[type[Block], ...]:
    """The block types that are used here, a type after those that it holds."""
    from prefect_aws import AwsCredentials, AwsSecret, S3Bucket

    from blocks.snowflake_blocks import SnowflakeConnector, SnowflakeCredentials

    return OltpDatabase, Secret, AwsCredentials, AwsSecret, S3Bucket, SnowflakeCredentials, SnowflakeConnector


def _block_type(client: SyncPrefectClient, block: type[Block]) -> dict[str, str]:
    slug = block.get_block_type_slug()
    try:
        client.read_block_type_by_slug(slug)
        status = "kept"
    except ObjectNotFound:
        status = "created"
    block.register_type_and_schema()
    return {"kind": "block type", "name": slug, "status": status}


def _unreachable(error: httpx.HTTPError) -> UnreachableError:
    return UnreachableError("the Prefect server", type(error).__name__, "start it, or correct PREFECT_API_URL")
