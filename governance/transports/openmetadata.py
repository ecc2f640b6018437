"""OpenMetadata by its REST interface: one client, asynchronous, and the transport that brings events by it.

The client knows status codes and nothing of what is sent: https://docs.open-metadata.org/latest/api-reference. How an
event becomes requests is in `governance/openmetadata`. Bodies of errors are `{code, message}`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from governance.errors import HallmarkError
from governance.model import Event
from governance.openmetadata.catalog import Catalog
from governance.openmetadata.places import Places
from governance.openmetadata.push import Pusher
from governance.transports.answers import failure
from governance.transports.base import Outage, Outcome, PermanentError, TransientError

CONNECTIONS = 16
PROBE_SECONDS = 0.7
"""How long a server that may be down is waited for, before anything is sent to it."""
LATE = 3
"""Requests in a row without an answer in time after which no more are sent."""
SERVED = "2.0."
"""The releases whose behaviour this client knows; the server's own client asks for the same."""
DELIVERY_SECONDS = 90.0
"""How long one delivery may take, within the lease of its events; what was brought by then is not brought again."""
_TOKEN = re.compile(r"[!-~]+")


class Stranger(Outage):
    """What answers is another server, or one of another release: time alone will not mend it."""


class Client:
    """Requests to one server, over connections that are kept. Use as an asynchronous context manager.

    `token` is asked whenever the server refuses the last one, so that a rotated token is found. Once the server does
    not answer, or refuses the newest token, every request raises that Outage at once until `probe` finds it well again.
    Every method raises TransientError or PermanentError as the answer is one or the other; the token is in neither.
    """

    def __init__(
        self, url: str, token: Callable[[], str | None], timeout: float = 15.0, patience: float = PROBE_SECONDS
    ) -> None:
        base = url.rstrip("/").removesuffix("/v1").removesuffix("/api")
        self._base, self._token, self._timeout = f"{base}/api/v1/", token, timeout
        self._patience = patience
        self._at_once = asyncio.Semaphore(CONNECTIONS)
        self._http: httpx.AsyncClient | None = None
        self._header: dict[str, str] = {}
        self._reading = asyncio.Lock()
        self._asking = asyncio.Lock()
        self._out: Outage | None = None
        self._late = 0
        self.names: frozenset[str] = frozenset()
        """Those under which the token lets the server know us."""
        self.written = 0
        """Requests that changed something, or may have."""

    async def __aenter__(self) -> Self:
        """Nothing is connected to yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections; the next request opens new ones, be it in another event loop."""
        self._at_once = asyncio.Semaphore(CONNECTIONS)
        self._reading, self._asking = asyncio.Lock(), asyncio.Lock()
        if self._http:
            await self._http.aclose()
            self._http = None

    async def probe(self) -> str:
        """Its version. Raises Outage for a server that does not answer at once, or is of another release (Stranger)."""
        self._out, self._late = None, 0
        return await self._version()

    async def _version(self) -> str:
        try:
            answer = await self._send("GET", "system/version", self._header, timeout=self._patience)
            if not answer.is_success:
                raise failure(answer, "GET system/version")
        except TransientError as error:
            raise Outage(error.reason, str(error), error.retry_after) from None
        except PermanentError as error:
            raise Stranger("server", f"no OpenMetadata answers there: {error}") from None
        version = str(_body(answer).get("version", "unknown"))
        if not version.startswith(SERVED):
            raise Stranger("server", f"OpenMetadata is of release {version}, and {SERVED}x is asked for")
        return version

    async def get(self, path: str, **params: str | int) -> dict[str, Any] | None:
        """What is there, or None."""
        return await self._ask("GET", path, params=params, missing=None)

    async def put(self, path: str, body: Any, **params: str | int) -> dict[str, Any]:
        """Create or update; the server's answer."""
        return await self._ask("PUT", path, json=body, params=params) or {}

    async def put_text(self, path: str, text: str) -> None:
        """Send what is no JSON."""
        await self._ask("PUT", path, content=text, kind="text/plain")

    async def post(self, path: str, body: Any) -> bool:
        """Add; False if it is there already (409)."""
        return await self._ask("POST", path, json=body, exists=None) is not None

    async def patch(
        self, path: str, steps: Sequence[Mapping[str, Any]], version: float | None = None
    ) -> dict[str, Any]:
        """Change by a JSON patch (RFC 6902), as long as the entity still has this version."""
        header = {} if version is None else {"If-Match": f'W/"{version}"'}
        kind = "application/json-patch+json"
        return await self._ask("PATCH", path, json=list(steps), kind=kind, header=header) or {}

    async def delete(self, path: str, **params: str | int) -> bool:
        """Take it away; False if it is not there."""
        return await self._ask("DELETE", path, params=params, missing=None) is not None

    async def _ask(
        self, method: str, path: str, *, kind: str = "application/json", header: Mapping[str, str] | None = None,
        missing: Any = TransientError, exists: Any = PermanentError, **content: Any,
    ) -> dict[str, Any] | None:  # fmt: skip
        """One request, and once more with a new token where the last one is refused."""
        more = {"Content-Type": kind, **(header or {})}
        async with self._at_once:
            if self._out:
                raise self._out
            used = self._header or await self._authorised({})
            try:
                answer = await self._send(method, path, {**used, **more}, **content)
                if answer.status_code == 401 and (anew := await self._authorised(used)) != used:
                    answer = await self._send(method, path, {**anew, **more}, **content)
            except Outage:
                raise
            except TransientError as unanswered:
                self._late += unanswered.reason == "timeout"
                await self._doubt()
                raise
            self._late = 0
        if method != "GET":
            self.written += 1
        if (answer.status_code == 404 and missing is None) or (answer.status_code == 409 and exists is None):
            return None
        if answer.is_success:
            return _body(answer)
        error = failure(answer, f"{method} {path.partition('?')[0]}")
        if isinstance(error, Outage):
            self._out = error
        raise error

    async def _authorised(self, refused: Mapping[str, str]) -> dict[str, str]:
        """The header with the token as it is now, read anew unless another request has done so meanwhile."""
        async with self._reading:
            if self._header and self._header != refused:
                return self._header
            try:
                # In a thread: it may be a file of a slow disk, or a block of a server.
                token = await asyncio.to_thread(self._token)
            except HallmarkError as error:
                raise Outage("auth", f"{error.what}: {error.cause}") from None
            if token and not _TOKEN.fullmatch(token):  # a library would name it in its error
                raise Outage("auth", "the token of OpenMetadata holds characters that none has, such as a line's end")
            self._header = {"Authorization": f"Bearer {token}"} if token else {}
            self.names = frozenset(names_in(token or ""))
            return self._header

    async def _doubt(self) -> None:
        """A request was not answered: raises Outage if that is no matter of this one, and keeps it for the others."""
        async with self._asking:
            if self._out is None:
                try:
                    await self._version()
                except Outage as error:
                    self._out = error
                if self._late >= LATE:
                    self._out = Outage("timeout", f"OpenMetadata did not answer {self._late} requests in time")
        if self._out:
            raise self._out

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], timeout: float | None = None, **content: Any
    ) -> httpx.Response:
        if self._http is None:
            # One more than there are requests at once: a probe does not wait for those that hang.
            limits = httpx.Limits(max_connections=CONNECTIONS + 1, max_keepalive_connections=CONNECTIONS)
            # Proxies and .netrc of the environment are the standard way of getting out, and httpx reads them.
            self._http = httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(self._timeout, connect=3.0))
        try:
            answer = await self._http.request(
                method, self._base + path, headers=headers, timeout=timeout or self._http.timeout, **content
            )
        except httpx.TimeoutException as error:
            raise TransientError("timeout", f"OpenMetadata: {type(error).__name__} at {method} {path}") from None
        except httpx.HTTPError as error:
            raise TransientError("connection", f"OpenMetadata: {str(error) or type(error).__name__}") from None
        except httpx.InvalidURL:
            raise Outage("connection", "the address of OpenMetadata is no URL") from None
        return answer


def names_in(token: str) -> set[str]:
    """Who a token says that it is of: the server takes the first part of an address for the name."""
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        found = [claims.get(claim) for claim in ("sub", "preferred_username", "email")]
    except (IndexError, ValueError, AttributeError):  # no JWT: the answers to what we make tell who we are
        return set()
    return {str(name).partition("@")[0] for name in found if name}


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json() if answer.content else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {"data": found}


class OpenMetadataTransport:
    """Brings events into a catalog: what they say of datasets, lineage, checks and runs."""

    def __init__(self, catalog: Catalog) -> None:
        self._client, self._pusher = catalog.client, Pusher(catalog)
        self._runner = asyncio.Runner()

    @classmethod
    def to(cls, url: str, token: str, places: Places | None = None) -> Self:
        """The catalog at an address; `places` are the names of one's own services in it."""
        return cls(Catalog(Client(url, lambda: token), places or Places()))

    def deliver(self, events: Sequence[Event]) -> list[Outcome]:
        """Bring them in; one that does not concern the catalog is delivered by that."""
        return self._runner.run(self._deliver(events)) if events else []

    async def _deliver(self, events: Sequence[Event]) -> list[Outcome]:
        try:
            await self._client.probe()
            async with asyncio.timeout(DELIVERY_SECONDS):
                errors = await self._pusher.push(events)
        except Outage as error:
            return [Outcome(e.id, error) for e in events]
        except TimeoutError:
            late = TransientError("timeout", f"OpenMetadata took more than {DELIVERY_SECONDS:.0f} s")
            return [Outcome(e.id, late) for e in events]
        return [Outcome(e.id, errors.get(e.id)) for e in events]

    def close(self, timeout: float) -> bool:
        """Close the connections; what is delivered later opens new ones."""
        self._runner.run(self._client.close())
        self._runner.close()
        self._runner = asyncio.Runner()
        return True
