"""How dbt reaches Snowflake."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from blocks.dbt import DbtProject
from blocks.settings import Settings
from blocks.warehouses.snowflake_session import connect
from blocks.warehouses.tags import tagged
from governance.errors import ConfigurationError, HallmarkError
from tests.homes import holding

PASSWORD = "hunter2-not-to-be-seen"


class Refusing(BaseHTTPRequestHandler):
    """Snowflake's login, which refuses everybody and keeps what it was asked."""

    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Refuse."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if "login-request" in self.path:
            self.asked.append(json.loads(body)["data"])
        answer = json.dumps(
            {"data": {}, "code": "390100", "message": "Incorrect username or password", "success": False}
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@pytest.fixture
def refusing() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Port of a Snowflake that refuses every login, and what it was asked."""
    asked: list[dict[str, Any]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (Refusing,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, asked
    server.shutdown()
    server.server_close()


def test_a_session_is_tagged_and_the_password_is_nowhere(
    tmp_path: Path, refusing: tuple[int, list[dict[str, Any]]]
) -> None:
    port, asked = refusing
    settings = Settings(
        home=tmp_path, profile="snowflake", snowflake_account="org-name", snowflake_user="LOADER",
        snowflake_password=SecretStr(PASSWORD), snowflake_host="127.0.0.1", snowflake_port=port,
        snowflake_protocol="http", snowflake_database="PRODUCTION", snowflake_warehouse="LOADING",
        snowflake_transform_warehouse="TRANSFORMING", snowflake_statement_timeout=77,
    )  # fmt: skip
    with tagged(slot="2026-11-22T00:00:00Z", flow_run="f1"), pytest.raises(HallmarkError) as raised:
        DbtProject(settings, "silver").invoke(["run", "--select", "slv_teams"])
    assert asked, raised.value
    parameters = asked[0]["SESSION_PARAMETERS"]
    tag = {"slot": "2026-11-22T00:00:00Z", "flow_run": "f1", "layer": "silver"}
    assert json.loads(parameters["QUERY_TAG"]) == tag
    assert (parameters["TIMEZONE"], parameters["STATEMENT_TIMEOUT_IN_SECONDS"]) == ("UTC", 77)
    assert (asked[0]["LOGIN_NAME"], asked[0]["PASSWORD"]) == ("LOADER", PASSWORD)
    assert PASSWORD not in str(raised.value)
    assert not holding(tmp_path, {"password": PASSWORD})


def test_the_block_logs_dbt_in_too(
    tmp_path: Path, refusing: tuple[int, list[dict[str, Any]]], prefect_server: str
) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from prefect_snowflake import SnowflakeConnector, SnowflakeCredentials

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    credentials = SnowflakeCredentials(account="org-name", user="BLOCK_USER", private_key=key, role="BLOCK_ROLE")
    block = SnowflakeConnector(credentials=credentials, database="D", warehouse="W", schema="S")
    block.save("hallmark", overwrite=True)
    port, asked = refusing
    settings = Settings(
        home=tmp_path, profile="snowflake", snowflake_host="127.0.0.1", snowflake_port=port,
        snowflake_protocol="http", snowflake_database="PRODUCTION", snowflake_role="ROLE_OF_THE_ENVIRONMENT",
    )  # fmt: skip
    try:
        with pytest.raises(HallmarkError) as raised:
            DbtProject(settings, "silver").invoke(["run", "--select", "slv_teams"])
    finally:
        SnowflakeConnector.delete("hallmark")
    assert asked, raised.value
    assert (asked[0]["LOGIN_NAME"], asked[0]["AUTHENTICATOR"]) == ("BLOCK_USER", "SNOWFLAKE_JWT")
    assert not holding(tmp_path, {"key": key.decode().splitlines()[1]})


@pytest.mark.parametrize(
    "key", ["/no/such/file.p8", "-----".join(("", "BEGIN PRIVATE KEY", "\nabcd\n", "END PRIVATE KEY", "")), ""]
)
def test_a_key_that_is_none_is_one_clear_error(tmp_path: Path, key: str) -> None:
    settings = Settings(
        home=tmp_path, profile="snowflake", snowflake_account="a", snowflake_user="u", snowflake_database="D",
        snowflake_private_key=SecretStr(key),
    )  # fmt: skip
    with pytest.raises(ConfigurationError) as raised:
        connect(settings)
    assert "PRIVATE_KEY" in raised.value.cause if not key else "PEM" in raised.value.cause
    assert not key or key not in str(raised.value)
