"""What the answer of an HTTP server means for an event: whether trying again can help, and when.

Bodies of errors are `{code, message}` or text. What a server says is data: one line of it is kept, cut.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from governance.transports.base import Outage, PermanentError, TransientError

MESSAGE_LIMIT = 500


def failure(answer: httpx.Response, what: str) -> TransientError | PermanentError:
    """What an answer that is no success means for the event: whether trying again can help."""
    status, message = answer.status_code, f"{what}: {answer.status_code} {said(answer)}"
    if status == 429:
        return TransientError("throttled", message, _retry_after(answer))
    if status >= 500:
        return TransientError("server", message, _retry_after(answer))
    if status == 401:  # no event is to blame: the token is
        return Outage("auth", message)
    if 300 <= status < 400:  # nor here: the address is
        return Outage("connection", f"{message}: it answers at another address")
    if status == 404:  # what it refers to may still be on its way
        return TransientError("absent", message)
    if status in (408, 409, 412):
        return TransientError("conflict", message)
    return PermanentError(message)


def said(answer: httpx.Response) -> str:
    """The server's message, on one line, cut, without what no text that is sent or logged may hold."""
    try:
        text = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        text = answer.text
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in whole).split())[:MESSAGE_LIMIT]


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds; the header holds them, or a date (RFC 9110, 10.2.3)."""
    text: str | None = answer.headers.get("Retry-After")
    if text is None:
        return None
    try:
        return _seconds(float(text))
    except ValueError:
        pass
    try:
        return _seconds((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _seconds(asked: float) -> float | None:
    return max(asked, 0.0) if math.isfinite(asked) else None
