"""The application: all routes."""

from __future__ import annotations

from functools import cache

from fastapi import FastAPI, HTTPException, Request, Response

from tests.openmetadata import (
    bulk,
    contract_routes,
    entity_routes,
    incident_routes,
    lineage_routes,
    pipelines,
    quality_routes,
    query_routes,
    search_routes,
    system_routes,
    table_routes,
    type_routes,
)
from tests.openmetadata.errors import ApiError
from tests.openmetadata.http_calls import answer
from tests.openmetadata.kinds import KINDS

SPECIAL = (
    system_routes.router, search_routes.router, lineage_routes.router, incident_routes.tasks, incident_routes.rows,
    quality_routes.cases, quality_routes.suites, pipelines.router, table_routes.router, contract_routes.router,
    query_routes.router, type_routes.router, type_routes.usage, type_routes.products,
)  # fmt: skip


@cache
def application() -> FastAPI:
    """The one application; a request brings the state that it works on."""
    app = FastAPI(openapi_url=None)
    # What is special comes first: a generic path with an id would match it.
    for router in SPECIAL:
        app.include_router(router, prefix="/api/v1")
    for kind in KINDS:
        if kind.bulk:
            app.include_router(bulk.routes(kind), prefix="/api/v1")
        app.include_router(entity_routes.routes(kind), prefix="/api/v1")
    app.add_exception_handler(ApiError, refused)
    app.add_exception_handler(HTTPException, unknown)
    app.add_exception_handler(404, unknown)
    app.add_exception_handler(405, unknown)
    return app


async def refused(_: Request, error: Exception) -> Response:
    """An error in the server's form."""
    assert isinstance(error, ApiError)
    return answer(error.body, error.code, {"www-authenticate": "om-auth"})


async def unknown(_: Request, error: Exception) -> Response:
    """A path or a method that the server does not have."""
    assert hasattr(error, "status_code") and hasattr(error, "detail")
    return answer({"code": error.status_code, "message": f"HTTP {error.status_code} {error.detail}"}, error.status_code)
