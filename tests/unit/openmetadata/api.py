"""How the tests of the stand-in talk to it, and what they put there first."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from tests.openmetadata.server import Server

Json = dict[str, Any]
COLUMNS: list[Json] = [{"name": "id", "dataType": "INT"}, {"name": "name", "dataType": "VARCHAR", "dataLength": 9}]
SCHEMA = "duck.db.main"


class Api:
    """A client of one user."""

    def __init__(self, server: Server, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=f"{server.url}/v1/", headers=headers, timeout=10)

    def call(self, method: str, path: str, status: int, body: Any = None, **options: Any) -> Any:
        """The answer's JSON, None if it is empty; fails on another status."""
        answer = self.http.request(method, path, json=body, **options)
        assert answer.status_code == status, f"{answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def get(self, path: str, status: int = 200, **params: Any) -> Any:
        """GET."""
        return self.call("GET", path, status, params=params or None)

    def put(self, path: str, status: int = 200, **body: Any) -> Any:
        """PUT of an object; what was created is as good as what was updated."""
        answer = self.http.put(path, json=body)
        assert answer.status_code in {status, 201 if status == 200 else status}, f"{answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def refused(self, path: str, status: int = 400, **body: Any) -> str:
        """The message by which a PUT is refused."""
        answer = self.call("PUT", path, status, body)
        assert answer.keys() >= {"code", "message"} and answer["code"] == status
        return str(answer["message"])

    def patch(self, path: str, *operations: Json, status: int = 200, **headers: str) -> Any:
        """A JSON patch."""
        with_type = {
            "Content-Type": "application/json-patch+json",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        return self.call("PATCH", path, status, list(operations), headers=with_type)

    def named(self, collection: str, fqn: str, status: int = 200, **params: Any) -> Any:
        """An entity by name."""
        return self.get(f"{collection}/name/{quote(fqn, safe='')}", status, **params)

    def table(self, name: str = "orders", **more: Any) -> Any:
        """A table."""
        return self.put("tables", **{"name": name, "databaseSchema": SCHEMA, "columns": COLUMNS, **more})

    def case(self, name: str = "filled", column: str | None = "id", table: str = "orders", **more: Any) -> Any:
        """A test case."""
        below = f"::columns::{column}" if column else ""
        link = f"<#E::table::{SCHEMA}.{table}{below}>"
        of = "columnValuesToBeNotNull"
        return self.put("dataQuality/testCases", **{"name": name, "testDefinition": of, "entityLink": link, **more})

    def result(self, fqn: str, at: int, outcome: str, status: int = 201) -> Any:
        """A result of a test case."""
        body = {"timestamp": at, "testCaseStatus": outcome, "result": outcome, "testResultValue": []}
        return self.call("POST", f"dataQuality/testCases/testCaseResults/{quote(fqn, safe='')}", status, body)


def ref(entity: Json, type_: str) -> Json:
    """A reference to an entity."""
    return {"id": entity["id"], "type": type_}


def furnish(api: Api) -> None:
    """A service, a database, a schema."""
    api.put("services/databaseServices", name="duck", serviceType="CustomDatabase")
    api.put("databases", name="db", service="duck")
    api.put("databaseSchemas", name="main", database="duck.db")
