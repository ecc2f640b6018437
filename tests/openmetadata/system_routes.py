"""What the server says about itself."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tests.openmetadata.http_calls import answer, state_of, writer_of
from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.views import requested, shown

router = APIRouter()
BUILD = {"revision": "0000000", "timestamp": 1760000000000}


@router.get("/system/version", response_model=None)
async def version(request: Request) -> Response:
    """Its release; needs no token."""
    return answer({"version": state_of(request).setting.release, **BUILD})


@router.get("/system/config/{what}", response_model=None)
async def config(_: Request) -> Response:
    """How to log in; needs no token."""
    return answer({"provider": "basic", "providerName": "basic"})


@router.get("/users/loggedInUser", response_model=None)
async def logged_in(request: Request) -> Response:
    """Who calls: a probe of a token."""
    state = state_of(request)
    fields = requested(BY_TYPE["user"], request.query_params.get("fields"))
    return answer(shown(state, state.named("user", writer_of(request).user), fields))
