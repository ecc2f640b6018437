"""Where things are and how to reach them: the one settings class, read from HALLMARK_* variables.

No I/O beyond looking for the home folder. Secrets are `SecretStr`; Prefect blocks of the same name win
over what stands here (see `blocks/register.py`).
"""

from __future__ import annotations

import difflib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from governance.errors import ConfigurationError

PREFIX = "HALLMARK_"
HOME_NAME = ".hallmark"


class Settings(BaseSettings):
    """The settings of one process; `Settings.load()` checks the environment before it reads it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    home: Path = Field(default_factory=lambda: find_home() or Path.cwd() / HOME_NAME)
    """Folder of everything that a local run keeps."""
    profile: Literal["local", "snowflake"] = "local"
    """Which warehouse and landing zone."""
    connectors: Path | None = None
    """Folder of connectors that are there already, such as an image's: it is only read. Others go into the home."""
    now: datetime | None = None
    """A clock for tests; None is the real one."""
    state_url: SecretStr | None = None
    """SQLAlchemy URL of outbox and incidents; default SQLite in the home."""
    landing: str | None = None
    """Folder or s3:// prefix of the landing zone; default in the home."""
    landing_kms_key: str | None = None
    """Id or ARN of the KMS key that encrypts an s3:// landing zone; default the bucket's own encryption."""
    landing_retention_days: int = Field(default=35, ge=1)
    """How long `hallmark gc` keeps landed parts of published loads."""

    shards: int = Field(default=1, ge=1)
    """Into so many parts at most a stream's new loads are split, which are landed and loaded side by side."""
    shard_bytes: int = Field(default=10**10, ge=1)
    """Of source in a part, if there are not more of them than `shards`; a stream with less is not split."""
    shard_executor: Literal["inline", "deployment"] = "inline"
    """Who works on the parts: the run itself, one after another, or runs of the deployment `shard`."""

    openmetadata_url: str | None = None
    openmetadata_token: SecretStr | None = None
    openmetadata_token_file: Path | None = None
    sigma_url: str | None = None
    """Sigma's API, such as https://aws-api.sigmacomputing.com; `catalog` reads dashboards there."""
    sigma_client_id: SecretStr | None = None
    sigma_client_secret: SecretStr | None = None
    slack_url: str | None = None
    slack_token: SecretStr | None = None
    slack_webhook_url: SecretStr | None = None
    pagerduty_url: str | None = None
    """Its Events API; default https://events.pagerduty.com. In the EU: https://events.eu.pagerduty.com."""
    pagerduty_key: SecretStr | None = None
    pagerduty_api_url: str | None = None
    """Its REST API; default https://api.pagerduty.com."""
    pagerduty_token: SecretStr | None = None
    """Of the REST API, may read incidents: what people do there comes back to ours."""
    pagerduty_webhook_secret: SecretStr | None = None
    """Signs its webhooks; two with a comma between them while it is rotated."""
    openmetadata_webhook_secret: SecretStr | None = None
    """Signs OpenMetadata's webhooks."""
    jsm_url: str | None = None
    """Its integration events; default https://api.atlassian.com/jsm/ops/integration."""
    jsm_key: SecretStr | None = None
    jsm_api_url: str | None = None
    """Its REST API with the site's cloud id, https://api.atlassian.com/jsm/ops/api/<cloudId>."""
    jsm_user: str | None = None
    """The e-mail of the account whose token reads there."""
    jsm_token: SecretStr | None = None
    smtp_url: SecretStr | None = None
    webhook_url: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    heartbeat_url: SecretStr | None = None
    report_url: str | None = None
    """Where the reports of the slots are served, such as https://reports.example.com; for links in alerts."""
    runbook_url: str | None = None
    """Where docs/oncall.md can be read; for links in alerts."""

    workload: str | None = Field(default=None, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Whose login the process has: the block `hallmark-WORKLOAD-NAME` of a secret wins over `hallmark-NAME`."""

    snowflake_account: str | None = None
    snowflake_user: str | None = None
    snowflake_password: SecretStr | None = None
    snowflake_private_key: SecretStr | None = None
    snowflake_host: str | None = None
    snowflake_port: int | None = None
    snowflake_protocol: Literal["http", "https"] = "https"
    snowflake_database: str | None = None
    snowflake_warehouse: str | None = None
    """Warehouse of loading, gates and publishing."""
    snowflake_transform_warehouse: str | None = None
    """Warehouse of dbt; default the other one."""
    snowflake_stage: str | None = None
    """An external stage over the landing zone's prefix, `DATABASE.SCHEMA.NAME`; default an internal one, by PUT."""
    snowflake_statement_timeout: int = Field(default=3600, ge=1)
    """Seconds after which Snowflake ends a statement."""
    snowflake_role: str | None = None
    snowflake_pii_role: str | None = None
    """Role that sees personal data; with one, all others see masks, which need the Enterprise edition."""

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """Settings from the environment, where no override is given; one that is None is not.

        Raises ConfigurationError for an unknown HALLMARK_ variable (naming the nearest valid one) or a value
        of the wrong form.
        """
        known = [PREFIX + name.upper() for name in cls.model_fields]
        for name in os.environ:
            if name.upper().startswith(PREFIX) and name.upper() not in known:
                near = difflib.get_close_matches(name.upper(), known, 1, 0.5)
                raise ConfigurationError(
                    what=f"environment variable {name}",
                    cause="no setting has this name",
                    remedy=f"use {near[0]}" if near else f"unset it, or use one of {', '.join(known)}",
                )
        try:
            return cls(**{name: value for name, value in overrides.items() if value is not None})
        except ValueError as error:
            raise ConfigurationError.of_validation("the HALLMARK_ settings", error) from None

    def clock(self) -> datetime:
        """The current time, UTC."""
        now = self.now or datetime.now(UTC)
        return now.astimezone(UTC) if now.tzinfo else now.replace(tzinfo=UTC)

    @property
    def warehouse_file(self) -> Path:
        """The embedded warehouse."""
        return self.home / "warehouse.duckdb"

    @property
    def landing_root(self) -> str:
        """Root of the landing zone: a folder or an s3:// prefix."""
        return self.landing or str(self.home / "landing")


def find_home(start: Path | None = None) -> Path | None:
    """The nearest `.hallmark` folder at or above `start` (default: the working folder), or None."""
    here = (start or Path.cwd()).resolve()
    return next((f / HOME_NAME for f in (here, *here.parents) if (f / HOME_NAME).is_dir()), None)
