"""What of a changed dbt project is built for its review."""

from __future__ import annotations

from pathlib import Path

from blocks.dbt import PROJECT, DbtProject
from blocks.settings import Settings
from flows.review import selection


def test_a_changed_var_builds_everything(tmp_path: Path) -> None:
    text = (PROJECT / "dbt_project.yml").read_text("utf-8")
    assert text.count("attribution_days: 90") == 1
    same, other = tmp_path / "same", tmp_path / "other"
    for folder, body in (
        (same, text + "# words\n"),
        (other, text.replace("attribution_days: 90", "attribution_days: 30")),
    ):
        folder.mkdir()
        (folder / "dbt_project.yml").write_text(body, "utf-8")
    settings = Settings(home=tmp_path)
    base, reworded, changed = (DbtProject(settings, project=p) for p in (PROJECT, same, other))
    assert selection(base, reworded) == "state:modified+"
    assert selection(base, changed) == "fqn:*"
