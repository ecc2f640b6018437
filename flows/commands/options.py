"""Options and checks that several commands share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, overload

import typer

from governance.errors import ConfigurationError

if TYPE_CHECKING:
    from blocks.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Why = Annotated[str, typer.Option("--reason", help="Why, in a line; recorded with your name.")]
Profile = Annotated[str | None, typer.Option("--profile", help="local or snowflake.")]


def given(reason: str) -> str:
    """Raises ConfigurationError for a reason that says nothing."""
    if not reason.strip():
        raise ConfigurationError("usage", "--reason is missing", "say why in a line: it is recorded with your name")
    return reason.strip()


@overload
def at(time: datetime) -> datetime: ...
@overload
def at(time: None) -> None: ...
def at(time: datetime | None) -> datetime | None:
    """A time that somebody gave, in UTC, which it is where it has no zone."""
    return time and (time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC))


def make_home(settings: Settings) -> None:
    """Raises ConfigurationError where the home cannot be made."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        cause = f"it cannot be made: {error.strerror or error}"
        raise ConfigurationError(
            f"home {settings.home}", cause, "set HALLMARK_HOME to a folder that you may write"
        ) from None


def reading() -> Settings:
    """The settings of a command that only reads: it never makes a home."""
    from blocks.settings import HOME_NAME, Settings

    settings = Settings.load()
    if not settings.home.is_dir():
        raise ConfigurationError(
            f"home {settings.home}",
            "it does not exist",
            f"run `hallmark run` first, or go to a folder with {HOME_NAME}",
        )
    return settings
