"""What is set wrong, or not at all, is told at once, with what to set; and the doctor tells the rest."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from governance.errors import UnreachableError
from tests.homes import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One with a sources file of a single stream, on Snowflake by its profile."""
    (tmp_path / "sources.yml").write_text(
        "sources:\n  drops: {kind: files, root: drops, owner: x, streams: {a: {path: '*.csv'}}}\n"
    )
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home", tmp_path / "sources.yml", {"HALLMARK_PROFILE": "snowflake"})


def test_settings_of_snowflake_that_are_missing_are_told_before_a_server_is_started(home: Home) -> None:
    done = home.hallmark("run", "--json")
    error = done.json["error"]
    names = [f"HALLMARK_SNOWFLAKE_{name}" for name in ("ACCOUNT", "USER", "DATABASE")]
    assert done.code == 2 and error["cause"] == f"{names[0]}, {names[1]} and {names[2]} are not set"
    assert all(name in error["remedy"] for name in names) and "docs/production.md" in error["remedy"]
    assert not (home.path / "prefect").exists(), "a server leaves its database there"
    done = home.hallmark("run", "--json", **dict.fromkeys(names[1:], "x"))
    assert done.json["error"]["cause"] == f"{names[0]} is not set"


def test_a_snowflake_that_does_not_answer_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(
        home=home.path, profile="snowflake", snowflake_account="org-name", snowflake_user="u", snowflake_database="d",
        snowflake_password="p", snowflake_host="127.0.0.1", snowflake_port=9, snowflake_protocol="http",
        snowflake_statement_timeout=1,
    )  # fmt: skip
    began = time.monotonic()
    with pytest.raises(UnreachableError) as refused, open_warehouse(settings):
        pass
    assert "127.0.0.1" in refused.value.what and time.monotonic() - began < 30


def test_the_doctor_tells_of_a_home_that_is_missing_and_makes_none(tmp_path: Path) -> None:
    home = Home(tmp_path / "nowhere")
    done = home.hallmark("doctor", "--json", CRM_URL="postgresql://x", DROPS_ROOT=".", MAILROOM_ROOT=".")
    rows = {row["check"]: row for row in done.json}
    assert done.code == 1 and not home.path.exists()
    assert not rows["home"]["ok"] and "hallmark run" in rows["home"]["remedy"] and rows["sources"]["ok"], rows


def test_a_check_of_the_doctor_that_breaks_is_a_finding_beside_the_others(home: Home) -> None:
    home.variables.clear()
    home.with_parse()
    (home.path / "warehouse.duckdb").write_bytes(b"this is no database" * 1000)
    (home.path / "landing").mkdir()
    (home.path / "batch.lock").mkdir()
    done = home.hallmark("doctor", "--sources", str(home.sources), "--json")
    rows = {row["check"]: row for row in done.json}
    assert done.code == 1 and rows["sources"]["ok"] and rows["owners"]["ok"], rows
    for name in ("landing", "warehouse"):
        assert not rows[name]["ok"] and rows[name]["detail"] and rows[name]["remedy"], rows[name]
