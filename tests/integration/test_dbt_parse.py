"""dbt's parse of the project: done once, taken along with a home that is copied, done anew for another project."""

from __future__ import annotations

import shutil
from pathlib import Path

from blocks.dbt import PARSED, PROJECT, DbtProject
from blocks.settings import Settings
from tests.homes import parsed


def parsed_at(dbt: DbtProject) -> int:
    """When dbt wrote what it parsed."""
    return (dbt.target / PARSED).stat().st_mtime_ns


def test_a_copied_home_is_not_parsed_anew_and_a_changed_project_is(tmp_path: Path) -> None:
    shutil.copytree(parsed(), tmp_path / "home" / "dbt")
    project = shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("target", "logs"))
    dbt = DbtProject(Settings(home=tmp_path / "home"), "silver", project)
    before = parsed_at(dbt)
    dbt.invoke(["seed", "--select", "number_words"])
    assert dbt.manifest_path.is_file() and parsed_at(dbt) == before
    (project / "models" / "silver" / "slv_extra.sql").write_text("select 1 as one")
    assert "model.hallmark.slv_extra" in dbt.manifest()["nodes"] and parsed_at(dbt) > before
