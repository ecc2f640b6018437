"""docs/production.md and its SQL files, held against the code: settings, commands, types, rights.

The SQL is not executed: the emulator of Snowflake knows no role, grant, monitor or integration.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
import typer
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from pydantic_core import PydanticUndefined

from blocks.landing_s3 import GRANTS
from blocks.settings import PREFIX, Settings
from blocks.warehouses.dialect import Snowflake
from flows.cli import app

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "production.md").read_text("utf-8")
SQL, ENTERPRISE, STAGE = (
    (DOCS / f"{name}.sql").read_text("utf-8") for name in ("production", "production-enterprise", "production-stage")
)
TEXT, NAME, ROLE = r"'[^']*'", r"[A-Z][\w.]*", r"(?:HALLMARK_[A-Z]+|PII_READER)"
# What Standard edition refuses, by https://docs.snowflake.com/en/user-guide/intro-supported-features
OF_ENTERPRISE = r"\b(TAG|MASKING POLICY|ROW ACCESS POLICY)\b|DATA_RETENTION_TIME_IN_DAYS = (?![01]\b)"
# What sqlglot does not read, in the form of https://docs.snowflake.com/en/sql-reference/sql-all
FORMS = (
    rf"CREATE ROLE IF NOT EXISTS {ROLE} COMMENT = {TEXT}",
    rf"GRANT ROLE {ROLE} TO (ROLE|USER) {NAME}",
    rf"GRANT DATABASE ROLE SNOWFLAKE\.[A-Z_]+ TO ROLE {ROLE}",
    rf"GRANT USAGE ON INTEGRATION {NAME} TO ROLE {ROLE}",
    rf"GRANT OWNERSHIP ON FUTURE (TABLES|VIEWS|STAGES) IN SCHEMA {NAME} TO ROLE {ROLE}",
    rf"GRANT OWNERSHIP ON SCHEMA {NAME} TO ROLE {ROLE} COPY CURRENT GRANTS",
    rf"CREATE RESOURCE MONITOR IF NOT EXISTS {NAME} WITH CREDIT_QUOTA = \d+ FREQUENCY = MONTHLY START_TIMESTAMP = "
    r"IMMEDIATELY TRIGGERS( ON \d+ PERCENT DO (NOTIFY|SUSPEND|SUSPEND_IMMEDIATE))+",
    rf"CREATE USER IF NOT EXISTS {NAME} TYPE = SERVICE RSA_PUBLIC_KEY = 'PUBLIC_KEY' DEFAULT_ROLE = {ROLE} "
    rf"DEFAULT_WAREHOUSE = {NAME} DEFAULT_SECONDARY_ROLES = \(\) COMMENT = {TEXT}",
    rf"ALTER USER {NAME} SET TIMEZONE = {TEXT}",
)


def statements(sql: str) -> list[str]:
    """The statements of a file, each on a line."""
    return [" ".join(s.split()) for s in re.sub(r"^--.*$", "", sql, flags=re.M).split(";") if s.strip()]


STATEMENTS = [s for sql in (SQL, ENTERPRISE, STAGE) for s in statements(sql)]


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the page's table with this heading."""
    assert f"\n{heading}\n" in PAGE, heading
    for line in PAGE.split(f"\n{heading}\n")[1].splitlines()[1:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def code(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", text)


def block(mark: str) -> str:
    """The block of code below a mark."""
    found = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```", PAGE, re.S)
    assert found, mark
    return found[1]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: "-".join(s.split()[:8]))
def test_a_statement_has_a_form_that_snowflake_reads(statement: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "sqlglot"):
        parsed = sqlglot.parse_one(statement, read="snowflake")
    if isinstance(parsed, sqlglot.exp.Command):
        assert any(re.fullmatch(form, statement) for form in FORMS)


def test_standard_edition_stops_at_nothing() -> None:
    assert not [s for sql in (SQL, STAGE) for s in statements(sql) if re.search(OF_ENTERPRISE, s)]
    assert all(re.search(OF_ENTERPRISE, s) for s in statements(ENTERPRISE)[1:])


def test_the_page_names_the_rights_that_are_granted() -> None:
    granted = set()
    for statement in STATEMENTS:
        found = re.fullmatch(rf"GRANT (.+?) (?:ON (.+) )?TO ROLE ({ROLE})(?: COPY CURRENT GRANTS)?", statement)
        if found:
            right, on, role = found.groups()
            if on is None:
                right, _, on = right.rpartition(" ")
            granted.add((role, right, re.sub(r"\bHALLMARK\.", "", on)))
    told = {
        (role, right, on)
        for roles, rights, objects, _ in rows("| role | right | on | why |")
        for role in code(roles)
        for right in code(rights)
        for on in code(objects)
    }
    assert told == granted


@pytest.mark.drift
def test_the_page_names_the_settings_of_snowflake_and_the_landing_zone() -> None:
    heading = "| variable | meaning | example | default |"
    told = {name.removeprefix(PREFIX).lower(): default for v, _, _, default in rows(heading) for name in code(v)}
    ours = {name for name in Settings.model_fields if name.startswith(("snowflake_", "landing"))}
    assert {name for name in told if name.startswith(("snowflake_", "landing"))} == ours
    assert set(told) <= set(Settings.model_fields)
    for name, text in told.items():
        default = Settings.model_fields[name].default
        if default not in (None, PydanticUndefined):
            assert text == f"`{default}`", name


def test_every_variable_that_the_page_names_is_a_setting() -> None:
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    objects = {name for statement in STATEMENTS for name in re.findall(rf"\b{PREFIX}\w+", statement)}
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", PAGE)) <= settings | objects | {PREFIX}


@pytest.mark.drift
def test_every_command_that_the_page_names_exists() -> None:
    commands = typer.main.get_command(app)
    named = {
        *re.findall(r"`(hallmark [^`]+)`", PAGE),
        *(line.partition("#")[0] for line in re.findall(r"^hallmark .*$", PAGE, re.M)),
    }
    assert len(named) > 6
    for line in named:
        words, command = shlex.split(line)[1:], commands
        while words and words[0] in (known := getattr(command, "commands", {})):
            command = known[words.pop(0)]
        assert not hasattr(command, "commands"), f"{line}: no such command"
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


@pytest.mark.drift
def test_the_page_names_the_types_of_snowflake() -> None:
    for types, becomes in rows("| DuckDB | Snowflake |"):
        for type_ in code(types):
            assert Snowflake().type(type_) == (code(becomes) or [type_])[0]


def test_the_policy_grants_what_the_landing_zone_asks_for() -> None:
    policy = json.loads(re.split("(?m)^.*EOF$", block("role"))[1])
    allowed = {a for s in policy["Statement"] for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])}
    asked = set(re.findall(r"s3:\w+", GRANTS))
    assert asked
    assert asked <= allowed


def test_the_key_is_one_that_the_connectors_read(tmp_path: Path) -> None:
    subprocess.run(["bash", "-euc", block("keys")], cwd=tmp_path, check=True, capture_output=True)
    key = tmp_path / "hallmark.p8"
    assert key.stat().st_mode & 0o077 == 0
    private = load_pem_private_key(key.read_bytes(), password=None)
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    line = (tmp_path / "hallmark.pub.line").read_text()
    assert base64.b64decode(line, validate=True) == private.public_key().public_bytes(*form)
