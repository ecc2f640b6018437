"""Snowflake's SQL API with one user, who has two public keys; logins are checked by them, statements kept."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.serialization import load_der_public_key

USER, ACCOUNT, ROLE = "HALLMARK_BATCH", "ACME-PROD", "HALLMARK_ROTATION"
PLACES = ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")


@dataclass
class Account:
    """What the server knows, and what it was told."""

    url: str = ""
    keys: dict[str, str] = field(default_factory=lambda: dict.fromkeys(PLACES, ""))
    """Place → public key."""
    statements: list[str] = field(default_factory=list)
    down: int = 0
    """So many requests get 503."""

    def login(self, token: str) -> bool:
        """Whether one of the two keys has signed the token of the user."""
        for key in filter(None, self.keys.values()):
            try:
                claims = jwt.decode(token, cast(Any, load_der_public_key(base64.b64decode(key))), ["RS256"])
            except jwt.InvalidTokenError:
                continue
            subject = f"{ACCOUNT}.{USER}"
            lasts = claims["exp"] - time.time() <= 3600
            return bool(lasts) and claims["sub"] == subject and claims["iss"] == f"{subject}.{fingerprint(key)}"
        return False

    def run(self, statement: str) -> list[list[Any]]:
        """The rows of a statement that the rotation may use; no other is known."""
        self.statements.append(re.sub(r"'[^']+'", "'…'", statement))
        if statement == f"DESC USER {USER}":
            return [["NAME", USER, None, ""]] + [
                [f"{place}_FP", fingerprint(key) if key else None, None, ""] for place, key in self.keys.items()
            ]
        if statement == "SELECT CURRENT_USER()":
            return [[USER]]
        if found := re.fullmatch(rf"ALTER USER {USER} SET (\w+) = '([\w+/=]+)'", statement):
            assert found[1] in PLACES
            self.keys[found[1]] = found[2]
        elif found := re.fullmatch(rf"ALTER USER {USER} UNSET (\w+)", statement):
            assert found[1] in PLACES
            self.keys[found[1]] = ""
        else:
            raise AssertionError(statement)
        return [["Statement executed successfully."]]


def fingerprint(key: str) -> str:
    """As DESC USER shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(key)).digest()).decode()


@contextlib.contextmanager
def snowflake_api() -> Iterator[Account]:
    """The server, without a key yet."""
    account = Account()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            token = self.headers["Authorization"].removeprefix("Bearer ")
            if account.down:
                account.down -= 1
                self.answer(503, {})
            elif self.headers["X-Snowflake-Authorization-Token-Type"] != "KEYPAIR_JWT" or not account.login(token):
                self.answer(401, {"code": "390144", "message": "JWT token is invalid."})
            elif self.path != "/api/v2/statements" or body["role"] != ROLE:
                self.answer(422, {"code": "000904"})
            else:
                self.answer(200, {"data": account.run(body["statement"])})

        def answer(self, status: int, body: object) -> None:
            self.send_response_only(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    account.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield account
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
