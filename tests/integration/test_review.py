"""`hallmark review` in a repository of git: what dbt builds of a change, whose contracts break, who must hear of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.homes import Done, Home

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "dbt"


def git(folder: Path, *arguments: str) -> str:
    """What git says."""
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def replace(file: Path, old: str, new: str) -> None:
    """Change a file at the one place that has this text."""
    before = file.read_text("utf-8")
    assert before.count(old) == 1, f"{file}: {old}"
    file.write_text(before.replace(old, new), "utf-8")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that holds the dbt project as it is."""
    folder: Path = tmp_path_factory.mktemp("clone")
    shutil.copytree(PROJECT, folder / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "The base")
    return folder


@pytest.fixture(scope="module")
def reviewed(first: Home, clone: Path) -> tuple[Done, Done]:
    """A column of gold renamed, one computed anew and a name changed: as JSON and, without data, as the comment."""
    gold = clone / "dbt" / "models" / "gold"
    replace(gold / "dim_team.sql", "teams.timezone,", "teams.timezone as time_zone,")
    replace(gold / "dim_team.yml", "- name: timezone", "- name: time_zone")
    replace(gold / "dim_team.sql", "coalesce(members.people, 0)", "coalesce(members.people, 0) + teams.team_id % 2")
    replace(gold / "dim_customer.sql", "    name,", "    name || '!' as name,")
    git(clone, "commit", "--all", "--quiet", "--message", "The change")
    project = str(clone / "dbt")
    return (
        first.hallmark("review", "HEAD^1", "--project", project, "--json"),
        first.hallmark("review", "HEAD^1", "--project", project, "--no-data", "--allow-breaking"),
    )


def tables(done: Done) -> dict[str, Any]:
    """The reviewed tables, by name."""
    return {t["dataset"]: t for t in done.json["tables"]}


def test_rows_are_counted_as_they_differ(first: Home, reviewed: tuple[Done, Done]) -> None:
    done, _ = reviewed
    team = tables(done)["gold.dim_team"]
    rows, odd = first.value("SELECT count(*) FROM gold.dim_team"), first.value(
        "SELECT count(*) FROM gold.dim_team WHERE team_id % 2 = 1")  # fmt: skip
    assert 0 < odd < rows
    assert (team["how"], team["rows_before"], team["rows_after"], team["changed"]) == ("modified", rows, rows, odd)
    assert (team["only_before"], team["only_after"]) == (0, 0)
    assert (team["columns_gone"], team["columns_new"]) == (["timezone"], ["time_zone"])
    example = team["examples"][0]
    assert example["column"] == "people" and int(example["after"]) == int(example["before"]) + 1


def test_what_is_downstream_is_built_and_the_rest_is_not(reviewed: tuple[Done, Done]) -> None:
    found = tables(reviewed[0])
    assert found["gold.mrt_campaign"]["how"] == "downstream" and found["gold.mrt_campaign"]["changed"] == 0
    assert "gold.dim_date" in found and "gold.mrt_platform_cost" not in found
    assert not [name for name in found if name.startswith("silver.")]


def test_personal_values_are_masked(first: Home, reviewed: tuple[Done, Done]) -> None:
    done, _ = reviewed
    customer = tables(done)["gold.dim_customer"]
    assert customer["changed"] == first.value("SELECT count(*) FROM gold.dim_customer WHERE name IS NOT NULL")
    shown = {(c["before"], c["after"]) for c in customer["examples"] if c["column"] == "name"}
    assert shown == {("*****", "*****")}
    names = [name for (name,) in first.rows("SELECT name FROM gold.dim_customer WHERE length(name) > 8")]
    assert names and not [name for name in names if name in done.out + done.err]


def test_a_broken_contract_is_named_with_its_owner_and_its_readers(reviewed: tuple[Done, Done]) -> None:
    done, comment = reviewed
    broken = [c for c in done.json["changes"] if c["breaking"]]
    assert [(c["dataset"], c["column"], c["what"], c["owner"]) for c in broken] == [
        ("gold.dim_team", "timezone", "the column is gone", "delivery")
    ]
    readers = {r["name"]: (r["owner"], r["channel"]) for r in done.json["readers"]}
    assert readers["exposure.team_productivity"] == ("client-services", "#client-services-data")
    assert done.code == 1, "a contract breaks, and nobody has said that it may"
    assert comment.code == 0, comment.err
    assert "**1 contract broken**, allowed by a label" in comment.out
    assert "| `gold.dim_team` | `timezone` | the column is gone | delivery | no |" in comment.out
    assert "| `exposure.team_productivity` | client-services |" in comment.out


def test_a_change_of_nothing_says_so(first: Home, clone: Path, reviewed: tuple[Done, Done]) -> None:
    done = first.hallmark("review", "HEAD", "--project", str(clone / "dbt"))
    assert done.code == 0, done.err
    assert done.out.endswith("no model changed, and no contract.\n\n")


def test_a_base_that_is_not_there_is_named(first: Home, clone: Path, tmp_path: Path) -> None:
    done = first.hallmark("review", "--project", str(clone / "dbt"), "--json", "--", "no-such-branch")
    assert done.code == 2 and done.json["error"]["what"] == "base no-such-branch"
    option = first.hallmark("review", "--project", str(clone / "dbt"), "--json", "--", "--output=x")
    assert option.code == 2 and not (clone / "x").exists()
    outside = first.hallmark("review", "HEAD", "--project", str(tmp_path), "--json")
    assert outside.code == 2 and outside.json["error"]["what"] == f"project {tmp_path}"
