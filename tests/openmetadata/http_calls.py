"""What every route needs of a request, and how it answers."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request, Response

from tests.openmetadata import models
from tests.openmetadata.errors import ApiError, bad
from tests.openmetadata.precedence import Writer
from tests.openmetadata.state import State

SLASH = "\0"
"""Stands for an encoded slash in a segment of a path, which no name can hold."""


def state_of(request: Request) -> State:
    """What the server keeps."""
    found: State = request.scope["state"]["kept"]
    return found


def writer_of(request: Request, *, override: bool = False) -> Writer:
    """Who sent the request."""
    user: str = request.scope["state"]["user"]
    return Writer(user, bot=request.scope["state"]["bot"], override=override)


def segment(request: Request, name: str) -> str:
    """A variable part of the path."""
    return str(request.path_params[name]).replace(SLASH, "/")


def flag(request: Request, name: str, default: bool = False) -> bool:
    """A query parameter that is true or false."""
    return request.query_params.get(name, str(default)).lower() == "true"


def whole(request: Request, name: str, default: int) -> int:
    """A query parameter that is a number."""
    value = request.query_params.get(name, str(default))
    if not value.lstrip("-").isdigit():
        raise ApiError(400, f"query param {name} must be a number, got {value!r}")
    return int(value)


async def body_of(request: Request, where: str | None = None) -> Any:
    """The JSON body, which fits the model."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise bad("Malformed JSON") from None
    if where:
        models.check(where, body)
    return body


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    data = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(data, status, headers, media_type="application/json")
