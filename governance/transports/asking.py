"""One request to a pager over HTTP, and what its answer means: for sending pages, and for asking what became of them.

No secret is in what is raised: neither ours nor one that the other side repeats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from governance.errors import HallmarkError
from governance.transports.answers import failure
from governance.transports.base import Outage, PermanentError, TransientError

SECRET = re.compile(r"[!-~]+")
PAUSE = 30.0
"""Seconds after a 429 that names none, as https://developer.pagerduty.com/docs/events-api-rate-limits advises."""


class Asker:
    """Requests to one service, over connections that are kept."""

    def __init__(self, name: str, url: str, timeout: float = 10.0) -> None:
        self._name, self._url, self._timeout = name, url.rstrip("/"), timeout
        self._http: httpx.Client | None = None

    def ask(
        self, method: str, path: str, secret: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx.Response:
        """The answer, if it is a success.

        Raises Outage where the service as a whole or the key is at fault, TransientError or PermanentError where it
        may be this request.
        """
        what = f"{self._name}: {method} {path.partition('?')[0]}"
        try:
            if self._http is None:
                # Proxies of the environment are the standard way of getting out, and httpx reads them.
                self._http = httpx.Client(timeout=httpx.Timeout(self._timeout, connect=3.0))
            answer = self._http.request(method, self._url + path, headers=headers, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise Outage("connection", f"{what}: {_said(error, secret)}") from None
        except httpx.TimeoutException as error:
            raise TransientError("timeout", f"{what}: {type(error).__name__}") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise Outage("connection", f"the address of {self._name} is no URL") from None
        except httpx.HTTPError as error:
            raise TransientError("connection", f"{what}: {_said(error, secret)}") from None
        if answer.is_success:
            return answer
        raise _meant(answer, what, secret)

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        if self._http is not None:
            self._http.close()
            self._http = None


def read_secret(secret: Callable[[], str | None], what: str) -> str:
    """A key or token as it is now. Raises Outage: without one no event is to blame."""
    try:
        found = (secret() or "").strip()
    except HallmarkError as error:
        raise Outage("auth", str(error)) from None
    if not SECRET.fullmatch(found):  # a library would name it in its error
        raise Outage("auth", f"{what} is not there, or holds characters that none has")
    return found


def _meant(answer: httpx.Response, what: str, secret: str) -> TransientError | PermanentError:
    meant, details = failure(answer, what), _details(answer)
    text = " ".join(f"{meant} {details}".split()).replace(secret, "*****")
    # PagerDuty answers 400 to a key that is none (https://developer.pagerduty.com/docs/send-alert-event).
    if answer.status_code == 403 or (answer.status_code == 400 and "routing key" in details.lower()):
        return Outage("auth", text)
    if isinstance(meant, PermanentError):
        return PermanentError(text)
    wait = PAUSE if answer.status_code == 429 and meant.retry_after is None else meant.retry_after
    return type(meant)(meant.reason, text, wait)


def _details(answer: httpx.Response) -> str:
    """What is wrong, field by field: both services have a list or an object of it beside the message."""
    try:
        found = answer.json()["errors"]
    except (ValueError, KeyError, TypeError):
        return ""
    parts = [f"{k}: {v}" for k, v in found.items()] if isinstance(found, dict) else found
    text = "; ".join(str(p) for p in parts) if isinstance(parts, list) else ""
    return "".join(c if c.isprintable() else " " for c in text)[:500]


def _said(error: Exception, secret: str) -> str:
    return (str(error) or type(error).__name__).replace(secret, "*****")
