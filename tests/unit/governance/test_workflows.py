"""What is filled into OpenMetadata's workflows, and how their secrets stay out of sight."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from governance import workflows
from governance.errors import ConfigurationError
from governance.workflows import NAMES, filled

KEY = "-----BEGIN KEY-----\nline-one-of-it\nline-two-of-it\n-----END KEY-----\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(workflows, "FOLDER", tmp_path)
    return tmp_path


def test_a_placeholder_alone_keeps_the_type_and_one_in_a_text_is_part_of_it(folder: Path) -> None:
    (folder / "w.yml").write_text('{port: "${port}", at: "${host}:${port}", fixed: 1, list: ["${host}"]}')
    assert filled("w", {"port": 80, "host": "h"}).config == {"port": 80, "at": "h:80", "fixed": 1, "list": ["h"]}


def test_what_may_be_absent_is_left_out_with_its_key(folder: Path) -> None:
    (folder / "w.yml").write_text('{a: "${a?}", b: {c: "${a?}"}, d: ["${a?}", 1], e: "${e?}"}')
    assert filled("w", {"a": None, "e": 0}).config == {"b": {}, "d": [1], "e": 0}


def test_what_is_needed_and_absent_names_its_setting(folder: Path) -> None:
    (folder / "w.yml").write_text('{a: "${sigma_url}"}')
    with pytest.raises(ConfigurationError, match="HALLMARK_SIGMA_URL"):
        filled("w", {"sigma_url": None})


def test_a_placeholder_that_nobody_knows_names_the_nearest(folder: Path) -> None:
    (folder / "w.yml").write_text('{a: "x ${sigma_ulr}"}')
    with pytest.raises(ConfigurationError, match="use sigma_url"):
        filled("w", {"sigma_url": "u", "catalog_url": "c"})


def test_a_value_is_no_template(folder: Path) -> None:
    (folder / "w.yml").write_text('{a: "${a}"}')
    assert filled("w", {"a": "${b}", "b": SecretStr("hidden")}).config == {"a": "${b}"}


def test_secrets_are_masked_in_each_form_that_they_take(folder: Path) -> None:
    (folder / "w.yml").write_text('{a: "${secret}", key: "${key}"}')
    ready = filled("w", {"secret": SecretStr("p/w+ö 'x"), "key": SecretStr(KEY)})
    assert ready.config["a"] == "p/w+ö 'x"
    shown = ready.masked(
        f"p/w+ö 'x, p%2Fw%2B%C3%B6%20%27x, p%2Fw%2B%C3%B6+%27x, {KEY!r}, {KEY} and line-two-of-it; line"
    )
    assert shown == "***, ***, ***, '***', *** and ***; line"
    assert "p/w" not in repr(ready) and "p/w" not in str(ready)


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_takes_nothing_away_and_keeps_no_login(name: str) -> None:
    declared = yaml.safe_load((workflows.FOLDER / f"{name}.yml").read_text("utf-8"))
    server = declared["workflowConfig"]["openMetadataServerConfig"]
    assert server["storeServiceConnection"] is False
    assert server["securityConfig"] == {"jwtToken": "${catalog_token}"}
    config = declared["source"]["sourceConfig"]["config"]
    assert not [key for key, value in config.items() if key.startswith(("markDeleted", "override")) and value]
    if config["type"] == "DashboardMetadata":  # true by default
        assert {"markDeletedDashboards", "markDeletedDataModels", "markDeletedCharts"} <= set(config)


def test_the_profiler_stores_no_value_of_a_row() -> None:
    declared = yaml.safe_load((workflows.FOLDER / "snowflake_profiler.yml").read_text("utf-8"))
    values = {"min", "max", "median", "firstQuartile", "thirdQuartile", "histogram", "valueRank", "sum"}
    assert not values & set(declared["source"]["sourceConfig"]["config"]["metrics"])
