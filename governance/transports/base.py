"""What a transport is: the one thing between the outbox and a destination.

To add one: write a class with `deliver` and `close` in a module of its own here, let its constructor do no I/O, and
give it to the dispatcher under the transport's name as `routing.py` uses it. Then run the contract tests of
tests/unit/governance/test_transports.py over it. `file.py` and `memory.py` are the simplest.

A transport does not retry, wait or swallow: it says per event what became of it, and where it sees a status code it
decides whether trying again can help. `dispatcher.py` does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import ValidationError

from governance.model import Event

Reason = Literal["connection", "timeout", "throttled", "server", "auth", "absent", "conflict", "storage", "unexpected"]
"""absent: what the event refers to is not there yet; conflict: somebody else wrote at the same time."""


class TransientError(Exception):
    """Trying again later may help. The message holds no secret."""

    def __init__(self, reason: Reason, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after
        """Seconds that the other side asked to wait, from a Retry-After header."""


class Outage(TransientError):
    """The destination as a whole does not answer: no event is to blame, and the others need not be tried."""


class PermanentError(Exception):
    """The event can never be delivered as it is. The message is the other side's, without secrets."""


FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What one event can make of a transport: of it alone, so that the others of its delivery keep their outcomes."""


def unreadable(event: Event, error: Exception) -> PermanentError:
    """What is wrong with an event that is not of its type's form, without the values in it."""
    found = type(error).__name__
    if isinstance(error, ValidationError):
        told = error.errors(include_input=False)[:5]
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in told)
    return PermanentError(f"an event that is not of the form of {event.type}: {found}")


@dataclass(frozen=True)
class Outcome:
    """What became of one event."""

    event_id: str
    error: TransientError | PermanentError | None = None
    """None: delivered, durably, as far as the destination can tell."""


class Transport(Protocol):
    """Delivers events to one kind of destination. Delivering an event again must do no harm."""

    def deliver(self, events: Sequence[Event]) -> list[Outcome]:
        """Deliver in order, and say of each event what became of it."""
        ...

    def close(self, timeout: float) -> bool:
        """Let go of connections within `timeout` seconds; False if something was left open."""
        ...
