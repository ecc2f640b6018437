"""The errors that every package raises: what, cause, remedy; and whether a retry is sensible, as a type.

Nothing here knows a transport, a warehouse or a flow.
"""

from __future__ import annotations

from pydantic import ValidationError


class HallmarkError(Exception):
    """An error that a person can act on. Its text never holds a secret or a URL with one."""

    exit_code = 1
    reason = ""
    """Of a stream that was not published, in a word: what kind of incident that is."""

    def __init__(self, what: str, cause: str, remedy: str) -> None:
        super().__init__(f"{what}: {cause}. Remedy: {remedy}")
        self.what, self.cause, self.remedy = what, cause, remedy

    def __reduce__(self) -> tuple[type[HallmarkError], tuple[str, str, str]]:
        return type(self), (self.what, self.cause, self.remedy)

    def as_dict(self) -> dict[str, str]:
        """The `error` object of the `--json` output."""
        return {"what": self.what, "cause": self.cause, "remedy": self.remedy}


class ConfigurationError(HallmarkError):
    """Usage or configuration: nothing was started."""

    exit_code = 2

    @classmethod
    def of_validation(cls, what: str, error: ValueError, remedy: str = "correct it") -> ConfigurationError:
        """Put pydantic's findings into one line each, without the values (they may be secret)."""
        if not isinstance(error, ValidationError):
            return cls(what, str(error), remedy)
        found = (
            ": ".join(x for x in (".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) if x)
            for e in error.errors(include_input=False)
        )
        return cls(what, "; ".join(found), remedy)


class RefusedError(ConfigurationError):
    """What somebody asked for cannot be: they see it, and nobody else is called."""


class LockedError(HallmarkError):
    """Another writer holds what this run needs."""

    exit_code = 3


class UnreachableError(HallmarkError):
    """A dependency cannot be reached; a retry is sensible."""

    exit_code = 4
    reason = "unreachable"


class Interrupted(HallmarkError):
    """A signal ended it before its end."""

    exit_code = 130


class SourceError(HallmarkError):
    """A stream cannot be read as declared; the other streams go on."""

    reason = "source"


class SchemaError(SourceError):
    """What a stream gives has another shape than bronze, and none that bronze can take over."""

    reason = "schema"


class RejectedError(SourceError):
    """More of a stream would go to quarantine than is declared."""

    reason = "quarantine"


class UnreadFileError(SourceError):
    """A file cannot be read as its stream is declared; the others of the stream can."""


class HeldError(SourceError):
    """What was read may be a mistake of the source: it is published once a person has confirmed it."""

    reason = "held"


class GateBlocked(HallmarkError):
    """A critical check failed: the layer stays as it was."""

    reason = "gate"


def words(error: BaseException) -> dict[str, str]:
    """An error as `--json` and events show it."""
    if isinstance(error, HallmarkError):
        return error.as_dict()
    return HallmarkError(type(error).__name__, str(error)[:500], "see the log of the run").as_dict()
