"""A sign of life to a dead man's switch outside: a GET of its address, which is a secret. When to give one is not here.

Only the address as it stands is asked for, by the method that every such service takes. The `/fail` and `/start` of
healthchecks.io are signs of life to a service that does not know them, and nobody would then hear of a failure.
"""

from __future__ import annotations

import socket
import time
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener, getproxies, proxy_bypass

from pydantic import SecretStr

from blocks.limited import within
from governance.errors import ConfigurationError, HallmarkError, UnreachableError

SECONDS = 5.0
"""Of one try."""
TRIES = 2
PAUSE = 1.0
WHAT = "the address in HALLMARK_HEARTBEAT_URL"
REMEDY = "correct it, or let this machine reach it"


class _Stay(HTTPRedirectHandler):
    """A redirection is no answer: the secret goes nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def send(url: SecretStr) -> None:
    """Give a sign of life; a second try follows a first that may pass.

    Raises UnreachableError or ConfigurationError, whose words hold nothing of the address. It takes 16 s at most.
    """
    # Not httpx or requests: they log addresses.
    opener, request = build_opener(_Stay), Request(_web(url), headers={"User-Agent": "hallmark"})  # noqa: S310

    def ask() -> None:
        with opener.open(request, timeout=SECONDS):
            pass

    for left in reversed(range(TRIES)):
        try:
            within(SECONDS * 1.5, ask)
            return
        except (OSError, HTTPException, ValueError) as error:
            found = _words(error)
            if left == 0 or not isinstance(found, UnreachableError):
                raise found from None
        time.sleep(PAUSE)


def reach(url: SecretStr) -> None:
    """Whether anybody listens there, without a sign of life: asked for by a person, it would hide that all is dead.

    Raises what `send` raises.
    """
    address = urlsplit(_web(url))
    proxy = None if proxy_bypass(address.hostname or "") else getproxies().get(address.scheme)
    place = urlsplit(proxy) if proxy else address

    def connect() -> None:
        port = place.port or (443 if place.scheme == "https" else 80)
        socket.create_connection((place.hostname, port), SECONDS).close()

    try:
        within(SECONDS * 1.5, connect)
    except (OSError, ValueError) as error:
        raise _words(error) from None


def _web(url: SecretStr) -> str:
    address = url.get_secret_value()
    try:
        good = urlsplit(address).scheme in ("http", "https") and bool(urlsplit(address).hostname)
    except ValueError:
        good = False
    if not good:
        raise ConfigurationError(WHAT, "it is no http or https address", "copy it as the service shows it")
    return address


def _words(error: Exception) -> HallmarkError:
    """What went wrong; the texts of these errors may hold the address."""
    if isinstance(error, HTTPError):
        error.close()
        passing = error.code in (408, 429) or error.code >= 500
        kind: type[HallmarkError] = UnreachableError if passing else ConfigurationError
        return kind(WHAT, f"it answers with status {error.code}", REMEDY)
    reason = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    kind = (
        ConfigurationError if isinstance(reason, ValueError) and not isinstance(reason, OSError) else UnreachableError
    )
    return kind(WHAT, f"it does not answer ({type(reason).__name__})", REMEDY)
