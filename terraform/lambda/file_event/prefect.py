"""Prefect's API: events, and who may send them. Of a stranger's text nothing is in an event."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from file_event.arrivals import Arrival

EVENT = "hallmark.file.arrived"
SECONDS = 10
NAMESPACE = uuid.UUID("5a0d6cf8-3f4e-5c22-9a3d-1f0a7b1c9b60")


class RefusedError(RuntimeError):
    """Prefect did not take the events; whether it will, the next try shows."""


@dataclass(frozen=True)
class Prefect:
    """The API of a server, and USER:PASSWORD where it asks for them."""

    url: str
    login: str | None = None

    def send(self, events: Sequence[dict[str, Any]]) -> None:
        """Send events, all of them or none. Raises RefusedError, without the address or the login."""
        headers = {"Content-Type": "application/json", "User-Agent": "hallmark-file-event/1"}
        if self.login:
            headers["Authorization"] = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        request = urllib.request.Request(f"{self.url}/events", json.dumps(events).encode(), headers)  # noqa: S310
        try:
            with _opener.open(request, timeout=SECONDS):
                return
        except urllib.error.HTTPError as error:
            error.close()
            raise RefusedError(f"Prefect answers {error.code}") from None
        except (OSError, ValueError) as error:  # a broken answer is a ValueError
            raise RefusedError(f"Prefect does not answer ({type(error).__name__})") from None


def event(stream: str, found: Iterable[Arrival]) -> dict[str, Any]:
    """One event for all files of a stream, which the triggers of prefect.yaml wait for.

    Its id is that of the newest file: Prefect leaves out an event that it has had, so that a batch that comes again
    starts nothing. A run reads all files that are there, so the newest stands for the others.
    """
    newest = max(found, key=lambda one: (one.at, one.key, one.identity))
    source, _, name = stream.partition(".")
    return {
        "id": str(uuid.uuid5(NAMESPACE, "\0".join((stream, newest.bucket, newest.key, newest.identity)))),
        "occurred": newest.at,
        "event": EVENT,
        "resource": {"prefect.resource.id": f"hallmark.stream.{source}.{name}"},
        "payload": {"stream": name},
    }


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect would take the login elsewhere."""

    def redirect_request(self, *_: object) -> None:
        return None


_opener = urllib.request.build_opener(_Stay)
