"""How dbt reaches Snowflake, and the SQL that the emulator cannot run: policies, tags and grants.

That SQL is not executed here. sqlglot's Snowflake parser reads the statements that it knows whole; of a policy it
reads the expression, and of the rest only that it is one statement.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from pydantic import SecretStr
from sqlglot import exp

from blocks.dbt import PROJECT, DbtProject
from blocks.settings import Settings
from blocks.warehouses.tags import tagged
from governance.errors import HallmarkError
from tests.homes import holding

PASSWORD = "hunter2-not-to-be-seen"


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What `dbt run-operation apply_policies` would run, with a role of readers."""
    from dbt.cli.main import dbtRunner

    target, printed = tmp_path_factory.mktemp("dbt"), []

    def keep(event: Any) -> None:
        if event.info.name == "PrintEvent":
            printed.append(event.data.msg)

    folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target", "snowflake"]
    places = ["--target-path", str(target), "--log-path", str(target), "--log-level", "none"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_SNOWFLAKE_READER_ROLE", "READER")
        call = ["run-operation", "apply_policies", "--args", "{dry_run: true}", *folders, *places]
        result = dbtRunner(callbacks=[keep]).invoke(call)
    assert result.success, result.exception
    return printed


def test_statements_are_what_snowflake_reads(statements: list[str]) -> None:
    assert len(statements) > 50
    for statement in statements:
        [parsed] = sqlglot.parse(statement.rstrip(";"), read="snowflake")
        kinds = (exp.Create, exp.Grant, exp.Alter, exp.Command)
        assert isinstance(parsed, kinds), statement
        head, arrow, body = statement.rstrip(";").partition(" -> ")
        assert ("policy if not exists" in head) == bool(arrow), statement
        if arrow:
            assert not isinstance(sqlglot.parse_one(body, read="snowflake"), exp.Command), body


def test_what_is_personal_is_tagged_and_masked(statements: list[str]) -> None:
    text = "\n".join(statements)
    for column in (
        "alter table HALLMARK.silver.slv_people modify column email set tag HALLMARK.ops.pii = 'email'",
        "alter view HALLMARK.bronze.drops__events modify column properties set tag HALLMARK.ops.pii = 'free_text'",
        "alter table HALLMARK.silver.slv_events__rejected modify column raw set tag HALLMARK.ops.pii = 'free_text'",
    ):
        assert f"{column};" in statements
    assert "__audit" not in text
    assert "is_role_in_session('PII_READER')" in text


def test_a_team_sees_its_own_rows(statements: list[str]) -> None:
    [policy] = [s for s in statements if s.startswith("create row access policy")]
    assert "when 'client-services' then is_role_in_session('CLIENT_SERVICES')" in policy
    added = "alter table HALLMARK.gold.mrt_platform_cost add row access policy HALLMARK.ops.rows_of_mrt_platform_cost"
    assert f"{added} on (team);" in statements


def test_readers_are_granted_the_published_tables(statements: list[str]) -> None:
    granted = [s for s in statements if s.startswith("grant ")]
    assert "grant select on table HALLMARK.gold.dim_customer to role READER;" in granted
    assert all(isinstance(sqlglot.parse_one(s, read="snowflake"), exp.Grant) for s in granted)


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
    parameters = asked[0]["SESSION_PARAMETERS"]
    tag = {"slot": "2026-11-22T00:00:00Z", "flow_run": "f1", "layer": "silver"}
    assert json.loads(parameters["QUERY_TAG"]) == tag
    assert (parameters["TIMEZONE"], parameters["STATEMENT_TIMEOUT_IN_SECONDS"]) == ("UTC", 77)
    assert (asked[0]["LOGIN_NAME"], asked[0]["PASSWORD"]) == ("LOADER", PASSWORD)
    assert PASSWORD not in str(raised.value)
    assert not holding(tmp_path, {"password": PASSWORD})
