"""The little of search that clients rely on: entities by exact name, or all of a kind."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request, Response

from tests.openmetadata.http_calls import answer, state_of, whole
from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.views import shown

router = APIRouter(prefix="/search")
EXACT = re.compile(r'(fullyQualifiedName|name)(?:\.keyword)?:\s*"?((?:[^"\\]|\\.)+)"?')


@router.get("/query", response_model=None)
async def query(request: Request) -> Response:
    """Entities that search knows of: `q` is `*`, or a name. `index` is `table_search_index`, or `all`."""
    state, params = state_of(request), request.query_params
    wanted = params.get("index", "all").replace("_search_index", "").replace("_", "").lower()
    exact = EXACT.search(params.get("q", "*").replace("\\", ""))
    hits = []
    for id_, type_ in state.search.read("entity").items():
        record = state.records.get(str(id_))
        if record is None or record.deleted or wanted not in ("all", "dataasset", type_.lower()):
            continue
        member = record.fqn if exact and exact[1] == "fullyQualifiedName" else record.doc["name"]
        if exact is None or exact[2] == member:
            fields = frozenset({"owners", "tags", "domains"}) & BY_TYPE[record.type].members
            source = {**shown(state, record, fields), "entityType": record.type}
            hits.append({"_id": record.id, "_index": f"{type_}_search_index", "_source": source})
    start, size = whole(request, "from", 0), whole(request, "size", 15)
    total = {"value": len(hits), "relation": "eq"}
    return answer({"hits": {"total": total, "hits": hits[start : start + size]}, "aggregations": {}})
