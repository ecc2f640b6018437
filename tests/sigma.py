"""The few answers of Sigma's API that OpenMetadata's connector asks for: one workbook, whose chart reads one table."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

CLIENT_ID, CLIENT_SECRET = "sigma-client", "sigma/secret+of=tests"
BEARER = "bearer-of-the-day"
WORKBOOK, CHART, TEXT = "wb-1", "el-chart", "el-text"


def pages(table: str, url: str) -> dict[str, Any]:
    """Path → answer."""
    book = {"workbookId": WORKBOOK, "name": "Customer value", "ownerId": "m1"}
    entries = lambda *found: {"entries": list(found), "total": len(found), "nextPage": None}  # noqa: E731
    return {
        "/v2/workbooks": entries(book),
        f"/v2/workbooks/{WORKBOOK}": {
            **book, "createdAt": "2026-01-01T00:00:00Z", "url": f"{url}/book", "path": "Sales", "isArchived": False,
            "description": "What a customer is worth",
        },
        f"/v2/workbooks/{WORKBOOK}/pages": entries({"pageId": "p1", "name": "Page 1"}),
        f"/v2/workbooks/{WORKBOOK}/pages/p1/elements": entries(
            {"elementId": CHART, "name": "Revenue", "vizualizationType": "bar", "columns": ["Customer Id", "Revenue"]},
            {"elementId": TEXT, "name": "Heading", "columns": []},
        ),
        f"/v2/workbooks/{WORKBOOK}/queries": entries(
            {"elementId": CHART, "name": "Revenue", "sql": f"select customer_id, total_revenue from {table}"}
        ),
    }  # fmt: skip


class Sigma:
    """A context manager. `secret` is what it lets in; `asked` the paths that it was asked for."""

    def __init__(self, table: str) -> None:
        self.secret = CLIENT_SECRET
        self.broken = ""
        """A path that it cannot answer."""
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._pages = pages(table, self.url)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sigma = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                wanted = base64.b64encode(f"{CLIENT_ID}:{sigma.secret}".encode()).decode()
                if self.path != "/v2/auth/token" or self.headers["Authorization"] != f"Basic {wanted}":
                    # A server may repeat what it was sent.
                    return self.answer(401, {"message": f"invalid client {self.headers['Authorization']}"})
                return self.answer(200, {"access_token": BEARER, "token_type": "bearer", "expires_in": 3600})

            def do_GET(self) -> None:
                sigma.asked.append(self.path)
                if self.headers["Authorization"] != f"Bearer {BEARER}":
                    return self.answer(401, {"message": "not logged in"})
                if self.path == sigma.broken:
                    return self.answer(500, {"message": "this workbook cannot be read"})
                found = sigma._pages.get(self.path)
                return self.answer(404, {"message": "no such thing"}) if found is None else self.answer(200, found)

            def answer(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                with suppress(ConnectionError):
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        return Handler
