"""What a request passes before it reaches a route: faults, who sent it, what the policy says. And the list of calls."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.openmetadata.errors import ApiError
from tests.openmetadata.faults import ANSWERS, Fault
from tests.openmetadata.http_calls import SLASH
from tests.openmetadata.state import State
from tests.openmetadata.tokens import Tokens

FREE = re.compile(r"/api/v1/(system/version|system/config/.*|users/login)")
NO_WRITES = re.compile(r"/lineage/hydrate|/validate(/|$)|/search/")
OPERATIONS = (
    (re.compile(r"/v1/lineage"), "EditLineage"),
    (re.compile(r"/v1/dataQuality/"), "EditTests"),
    (re.compile(r"/v1/pipelines/[^/]+/status"), "EditStatus"),
    (re.compile(r"/v1/tasks"), "ResolveTask"),
    (re.compile(r""), "EditAll"),
)
MORE = {"PUT": "Create", "POST": "Create", "DELETE": "Delete"}


@dataclass
class Call:
    """A request, and its answer."""

    method: str
    path: str
    query: str = ""
    status: int = 0
    """0: none yet, or none at all."""

    @property
    def writes(self) -> bool:
        """Whether it changed something, or tried to."""
        return self.method != "GET" and not NO_WRITES.search(self.path)


class Gate:
    """In front of the routes."""

    def __init__(self, app: ASGIApp, state: State, tokens: Tokens) -> None:
        self.app, self.state, self.tokens = app, state, tokens
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.latency = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        segments = scope["raw_path"].decode("ascii").partition("?")[0].split("/")
        decoded = [unquote(part) for part in segments]
        call = Call(scope["method"], "/".join(decoded), scope["query_string"].decode())
        self.calls.append(call)
        scope["path"] = "/".join(part.replace("/", SLASH) for part in decoded)
        fault = self.fault_of(call)
        body = await read(receive)
        if self.latency:
            await asyncio.sleep(self.latency)
        if fault is not None and fault.kind == "reset":
            await self.close(scope, receive, reset=True)
            return
        if fault is not None and fault.kind == "stall":
            gone = asyncio.ensure_future(receive())
            try:
                while not fault.released.is_set() and not gone.done():
                    await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                # The server goes down. Left open, the connection would get uvicorn's 500.
                scope["state"]["transport"].abort()
                raise
            if gone.done():
                return
            gone.cancel()
        if fault is not None and fault.kind in ANSWERS:
            status, text, headers = ANSWERS[fault.kind]
            answer = refusal(ApiError(status, text), headers)
        else:
            answer = await self.answered(scope, call, body)
        call.status = answer[0]["status"]
        if fault is not None and fault.kind == "accept-then-die":
            await self.close(scope, receive, reset=False)
            return
        for message in answer:
            await send(message)

    def fault_of(self, call: Call) -> Fault | None:
        """What befalls a request: the fault that was set first. All count it."""
        befalling = [fault for fault in self.faults if fault.befalls(call.method, call.path)]
        return befalling[0] if befalling else None

    async def answered(self, scope: Scope, call: Call, body: bytes) -> list[Message]:
        """The answer of the routes, or a refusal."""
        answer: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            answer.append(message)

        scope["state"] |= {"kept": self.state}
        try:
            if not FREE.fullmatch(call.path):
                user, bot = self.tokens.user(dict(scope["headers"]).get(b"authorization", b"").decode())
                scope["state"] |= {"user": user, "bot": bot}
                if bot:
                    self.permit(user, call)
            with self.state.lock:
                await self.app(scope, receive, send)
        except ApiError as error:
            return refusal(error)
        return answer

    def permit(self, user: str, call: Call) -> None:
        """Raises 403 if the policy refuses what the call does."""
        if not call.writes:
            return
        operation = next(name for pattern, name in OPERATIONS if pattern.search(call.path))
        if refused := self.state.setting.denied & {operation, MORE.get(call.method, operation)}:
            message = (
                f"Principal: CatalogPrincipal{{name='{user}'}} operations [{', '.join(sorted(refused))}] not allowed"
            )
            raise ApiError(403, message)

    async def close(self, scope: Scope, receive: Receive, *, reset: bool) -> None:
        """Closes the connection without an answer."""
        transport = scope["state"]["transport"]
        if reset:
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
        await receive()


async def read(receive: Receive) -> bytes:
    """The whole body."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def refusal(error: ApiError, headers: dict[str, str] | None = None) -> list[Message]:
    """An answer other than the one that was asked for."""
    all_headers: dict[str, Any] = {"content-type": "application/json", "www-authenticate": "om-auth", **(headers or {})}
    data = json.dumps(error.body).encode()
    start: Message = {
        "type": "http.response.start", "status": error.code,
        "headers": [(k.encode(), v.encode()) for k, v in {**all_headers, "content-length": str(len(data))}.items()],
    }  # fmt: skip
    return [start, {"type": "http.response.body", "body": data}]
