"""The little of search that clients rely on: entities by exact name, or all of a kind, or by a pattern."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

from fastapi import APIRouter, Request, Response

from tests.openmetadata.errors import bad
from tests.openmetadata.http_calls import answer, state_of, whole
from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.state import Record
from tests.openmetadata.views import shown

router = APIRouter(prefix="/search")
EXACT = re.compile(r'(fullyQualifiedName|name)(?:\.keyword)?:\s*"?((?:[^"\\]|\\.)+)"?')


@router.get("/query", response_model=None)
async def query(request: Request) -> Response:
    """Entities that search knows of: `q` is `*`, or a name. `index` is `table_search_index`, or `all`."""
    params = request.query_params
    exact = EXACT.search(params.get("q", "*").replace("\\", ""))
    if exact is None:
        return found(request, lambda record: True)
    by_fqn, wanted = exact[1] == "fullyQualifiedName", exact[2]
    return found(request, lambda record: wanted == (record.fqn if by_fqn else record.doc["name"]))


@router.get("/fieldQuery", response_model=None)
async def field_query(request: Request) -> Response:
    """Entities whose fully qualified name is as a pattern with `*`; such names are indexed in lower case."""
    params = request.query_params
    if params.get("fieldName") != "fullyQualifiedName":
        raise bad(f"no such field: {params.get('fieldName')}")
    pattern = params.get("fieldValue", "*").lower()
    return found(request, lambda record: fnmatchcase(record.fqn.lower(), pattern))


def found(request: Request, wanted: Callable[[Record], bool]) -> Response:
    """The page of those of the index that search knows of."""
    state, params = state_of(request), request.query_params
    index = params.get("index", "all").replace("_search_index", "").replace("_", "").lower()
    hits = []
    for id_, type_ in state.search.read("entity").items():
        record = state.records.get(str(id_))
        if record is None or record.deleted or index not in ("all", "dataasset", type_.lower()):
            continue
        if wanted(record):
            fields = frozenset({"owners", "tags", "domains"}) & BY_TYPE[record.type].members
            source = {**shown(state, record, fields), "entityType": record.type}
            hits.append({"_id": record.id, "_index": f"{type_}_search_index", "_source": source})
    start, size = whole(request, "from", 0), whole(request, "size", 15)
    total = {"value": len(hits), "relation": "eq"}
    return answer({"hits": {"total": total, "hits": hits[start : start + size]}, "aggregations": {}})
