"""What the server says about itself."""

from __future__ import annotations

from uuid import NAMESPACE_DNS, uuid5

from fastapi import APIRouter, Request, Response

from tests.openmetadata.errors import not_found
from tests.openmetadata.http_calls import answer, segment, state_of, writer_of
from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.views import requested, shown

router = APIRouter()
BUILD = {"revision": "0000000", "timestamp": 1760000000000}
# Of the connectors that the tests run, which steps their own test has; whether one must pass.
STEPS = {
    "Sigma": {"GetToken": True, "GetWorkbooks": True},
    "Snowflake": {
        "CheckAccess": True, "GetDatabases": True, "GetSchemas": True, "GetTables": True, "GetViews": False,
        "GetTags": False, "GetQueries": False,
    },
}  # fmt: skip


@router.get("/system/version", response_model=None)
async def version(request: Request) -> Response:
    """Its release; needs no token."""
    return answer({"version": state_of(request).setting.release, **BUILD})


@router.get("/system/config/{what}", response_model=None)
async def config(_: Request) -> Response:
    """How to log in; needs no token."""
    return answer({"provider": "basic", "providerName": "basic"})


@router.get("/system/settings/profilerConfiguration", response_model=None)
async def profiler(_: Request) -> Response:
    """What profilers measure, as an administrator has it: whatever they like."""
    return answer({"config_type": "profilerConfiguration", "config_value": {"metricConfiguration": []}})


@router.get("/users/loggedInUser", response_model=None)
async def logged_in(request: Request) -> Response:
    """Who calls: a probe of a token."""
    state = state_of(request)
    fields = requested(BY_TYPE["user"], request.query_params.get("fields"))
    return answer(shown(state, state.named("user", writer_of(request).user), fields))


@router.get("/services/testConnectionDefinitions/name/{fqn}", response_model=None)
async def test_of_a_connection(request: Request) -> Response:
    """What a connector tries before it begins."""
    fqn = segment(request, "fqn")
    kind, _, rest = fqn.partition(".")
    if kind not in STEPS or rest != "testConnectionDefinition":
        raise not_found("testConnectionDefinition", fqn)
    steps = [{"name": n, "description": n, "errorMessage": n, "mandatory": m} for n, m in STEPS[kind].items()]
    if kind == "Snowflake":
        steps[0]["shortCircuit"] = True
    about = {"name": kind, "displayName": kind, "description": kind, "fullyQualifiedName": fqn}
    return answer({"id": str(uuid5(NAMESPACE_DNS, fqn)), **about, "steps": steps})
