"""The catalog that the settings name: its address, its token as it is now, and what our places are called there.

Nothing is connected to before something is delivered.
"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from blocks.settings import Settings
from blocks.state import state_database
from governance.errors import ConfigurationError, UnreachableError
from governance.oncall import load_ownership
from governance.openmetadata.catalog import Catalog
from governance.openmetadata.names import clean, fqn, in_path
from governance.openmetadata.overrides import Overrides
from governance.openmetadata.places import Places
from governance.transports.base import PermanentError, TransientError
from governance.transports.openmetadata import SERVED, Client, OpenMetadataTransport, Stranger


def open_catalog(settings: Settings) -> OpenMetadataTransport:
    """The transport into the catalog of the settings."""
    return OpenMetadataTransport(catalog_of(settings))


def catalog_of(settings: Settings) -> Catalog:
    """The catalog of the settings. Raises ConfigurationError where they name none."""
    if not settings.openmetadata_url:
        raise ConfigurationError("the catalog", "no OpenMetadata is configured", "set HALLMARK_OPENMETADATA_URL")
    client = Client(settings.openmetadata_url, lambda: token(settings))
    return Catalog(client, places(settings), load_ownership().teams, overridden=Overrides(state_database(settings)))


def check(settings: Settings) -> str:
    """Whether the catalog of the settings answers, knows the token and is of a release that is known, in words.

    Raises UnreachableError for one that does not answer, ConfigurationError for what has to be corrected.
    """
    if not settings.openmetadata_url:
        return "none is configured"
    token(settings)  # what keeps it from being read is no matter of the server
    client, url = catalog_of(settings).client, _shown(settings.openmetadata_url)

    async def ask() -> str:
        async with client:
            version = await client.probe()
            await client.get("tables", limit=1)
            for team in load_ownership().teams:
                there = await client.get(f"teams/name/{in_path(fqn(clean(team)))}")
                if there and there.get("teamType") != "Group":
                    cause = f"its team {team} is of type {there.get('teamType')}, which cannot own data"
                    raise ConfigurationError(f"the catalog {url}", cause, "make it a Group there, or name another")
        return f"OpenMetadata {version} at {url} answers, and takes the token"

    try:
        return asyncio.run(ask())
    except TransientError as error:
        if error.reason == "auth":
            remedy = "write the bot's newest token into HALLMARK_OPENMETADATA_TOKEN_FILE or its block"
            raise ConfigurationError(f"the catalog {url}", f"it refuses the token ({error})", remedy) from None
        if isinstance(error, Stranger):
            remedy = f"correct HALLMARK_OPENMETADATA_URL, or use a server of release {SERVED}x"
            raise ConfigurationError(f"the catalog {url}", str(error), remedy) from None
        remedy = "start it, or correct HALLMARK_OPENMETADATA_URL; its events wait in the outbox until then"
        raise UnreachableError(f"the catalog {url}", str(error), remedy) from None
    except PermanentError as error:
        raise ConfigurationError(f"the catalog {url}", str(error), "give the bot the role that reads") from None


def token(settings: Settings) -> str | None:
    """The bot's token as it is now: of the file that is named, else of a block, else of the environment."""
    if file := settings.openmetadata_token_file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as error:
            cause = f"it cannot be read ({getattr(error, 'strerror', None) or 'it is no text'})"
            raise ConfigurationError(
                "HALLMARK_OPENMETADATA_TOKEN_FILE", cause, "correct the path, or write the bot's token into it"
            ) from None
    from blocks.register import secret

    found = secret("openmetadata_token", settings)
    return found.get_secret_value() if found else None


def _shown(url: str) -> str:
    """An address without what may be secret in it: a login, or what stands behind a question mark."""
    return re.sub(r"//.*@", "//", url.partition("?")[0])


def places(settings: Settings) -> Places:
    """What the catalog calls our places."""
    ui = os.environ.get("PREFECT_UI_URL")
    runs = {"runs_url": f"{ui.rstrip('/')}/runs/flow-run/{{run_id}}"} if ui else {}
    landing = "S3" if settings.landing_root.startswith("s3://") else "CustomStorage"
    if settings.profile == "snowflake":
        database = (settings.snowflake_database or "").upper()
        return Places(warehouse_type="Snowflake", database=database, landing_type=landing, **runs)
    return Places(database=settings.warehouse_file.stem, landing_type=landing, **runs)
