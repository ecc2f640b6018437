"""What the answer of an HTTP server means for an event: whether trying again can help, and when.

Bodies of errors are `{code, message}` or text. What a server says is data: one line of it is kept, cut.
"""

from __future__ import annotations

import httpx

from governance.transports.base import Outage, PermanentError, TransientError
from governance.transports.waits import retry_after

MESSAGE_LIMIT = 500


def failure(answer: httpx.Response, what: str) -> TransientError | PermanentError:
    """What an answer that is no success means for the event: whether trying again can help."""
    status, message = answer.status_code, f"{what}: {answer.status_code} {said(answer)}"
    if status == 429:
        return TransientError("throttled", message, retry_after(answer.headers.get("Retry-After")))
    if status >= 500:
        return TransientError("server", message, retry_after(answer.headers.get("Retry-After")))
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
