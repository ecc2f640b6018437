"""The catalog that the settings name: its address, its token as it is now, and what our places are called there.

Nothing is connected to before something is delivered.
"""

from __future__ import annotations

import os
from pathlib import Path

from blocks.settings import Settings
from governance.errors import ConfigurationError
from governance.oncall import load_ownership
from governance.openmetadata.catalog import Catalog
from governance.openmetadata.overrides import Overrides
from governance.openmetadata.places import Places
from governance.transports.openmetadata import Client, OpenMetadataTransport


def open_catalog(settings: Settings) -> OpenMetadataTransport:
    """The transport into the catalog of the settings."""
    return OpenMetadataTransport(catalog_of(settings))


def catalog_of(settings: Settings) -> Catalog:
    """The catalog of the settings. Raises ConfigurationError where they name none."""
    if not settings.openmetadata_url:
        raise ConfigurationError("the catalog", "no OpenMetadata is configured", "set HALLMARK_OPENMETADATA_URL")
    client = Client(settings.openmetadata_url, lambda: token(settings))
    return Catalog(client, places(settings), load_ownership().teams, overridden=Overrides(settings.state_database))


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


def places(settings: Settings) -> Places:
    """What the catalog calls our places."""
    ui = os.environ.get("PREFECT_UI_URL")
    runs = {"runs_url": f"{ui.rstrip('/')}/runs/flow-run/{{run_id}}"} if ui else {}
    landing = "S3" if settings.landing_root.startswith("s3://") else "CustomStorage"
    if settings.profile == "snowflake":
        database = (settings.snowflake_database or "").upper()
        return Places(warehouse_type="Snowflake", database=database, landing_type=landing, **runs)
    return Places(database=settings.warehouse_file.stem, landing_type=landing, **runs)
