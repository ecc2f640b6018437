"""The workflows of GitHub and the scripts they call: what each may do, for how long, and that no secret is printed."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = sorted(p for p in (ROOT / "deploy" / "github").iterdir() if p.suffix != ".md")
EVENTS = {"push", "pull_request", "workflow_call"}
WRITES = {"id-token", "pull-requests"}
FROM_OUTSIDE = re.compile(r"\$\{\{")

each = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda f: f.stem)


def parsed(file: Path) -> dict[str, Any]:
    """A workflow; YAML 1.1 reads its `on` as true."""
    body = yaml.safe_load(file.read_text("utf-8"))
    body["on"] = body.pop(True)
    return dict(body)


def jobs(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The jobs that have steps of their own."""
    yield from ((name, job) for name, job in parsed(file)["jobs"].items() if "uses" not in job)


def steps(file: Path) -> Iterator[dict[str, Any]]:
    """Every step."""
    yield from (step for _, job in jobs(file) for step in job["steps"])


def test_there_are_those_that_are_documented() -> None:
    text = (ROOT / "docs" / "ci.md").read_text("utf-8")
    assert {f.name for f in WORKFLOWS} == set(re.findall(r"workflows/(\w+\.yml)\)", text))
    used = {name for f in WORKFLOWS for name in re.findall(r"\b(?:vars|secrets)\.(\w+)", f.read_text("utf-8"))}
    assert used == set(re.findall(r"^\| `([A-Z_]+)`", text, re.M))


@each
def test_only_events_without_rights_of_others_start_it(file: Path) -> None:
    assert set(parsed(file)["on"]) <= EVENTS


@each
def test_every_job_says_what_it_may_and_for_how_long(file: Path) -> None:
    whole = parsed(file)
    assert whole["permissions"] in ({}, {"contents": "read"})
    for name, job in jobs(file):
        allowed = job.get("permissions", whole["permissions"])
        assert allowed, f"{name} has no permissions of its own"
        assert {what for what, how in allowed.items() if how == "write"} <= WRITES, name
        assert 0 < job["timeout-minutes"] <= 90, name


@each
def test_runs_of_one_thing_do_not_meet(file: Path) -> None:
    whole = parsed(file)
    alone = "concurrency" in whole or all("concurrency" in job for _, job in jobs(file))
    assert alone


@each
def test_actions_are_pinned_to_a_commit_with_its_version_beside_it(file: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", file.read_text("utf-8"))
    for action, comment in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_an_action_has_one_version_everywhere() -> None:
    used = {action for file in WORKFLOWS for action in re.findall(r"uses: ([^.\s]\S+)", file.read_text("utf-8"))}
    names = [action.partition("@")[0] for action in used]
    assert sorted(names) == sorted(set(names))


@each
def test_no_checkout_leaves_its_token(file: Path) -> None:
    for step in steps(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@each
def test_no_step_writes_an_expression_into_a_shell(file: Path) -> None:
    assert not [step["run"] for step in steps(file) if FROM_OUTSIDE.search(step.get("run", ""))]


@each
def test_secrets_are_in_the_environment_of_a_step_alone(file: Path) -> None:
    for step in steps(file):
        names = [name for name, value in step.get("env", {}).items() if "secrets." in str(value)]
        for name in names:
            assert f"${name}" not in step["run"] and f"${{{name}" not in step["run"]
    held = json.dumps([{k: v for k, v in step.items() if k != "env"} for step in steps(file)])
    assert "secrets." not in held and "secrets" not in parsed(file).get("env", {})


def test_who_may_write_a_comment_has_no_code_of_the_pull_request() -> None:
    for _, job in jobs(ROOT / ".github" / "workflows" / "review.yml"):
        if job["permissions"].get("pull-requests") == "write":
            assert not [s for s in job["steps"] if "checkout" in s.get("uses", "") or "deploy/" in s.get("run", "")]
            break
    else:
        pytest.fail("nobody writes the comment")


def test_production_gets_what_staging_had_after_an_approval() -> None:
    found = dict(jobs(ROOT / ".github" / "workflows" / "main.yml"))
    staging, production = found["staging"], found["production"]
    assert production["environment"] == "production" and "staging" in production["needs"]
    assert staging["steps"] == production["steps"]
    assert staging["steps"][-1]["env"]["IMAGE"] == "${{ needs.image.outputs.image }}"
    assert not [s for s in production["steps"] if "make" in s.get("run", "")]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.name)
def test_a_script_is_called_stops_at_an_error_and_shows_no_command(script: Path) -> None:
    text = script.read_text("utf-8")
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail" in text and "set -x" not in text
    assert not re.search(r"(echo|printf)[^\n]*(AUTH_STRING|PASSWORD|TOKEN|SECRET)", text)
    assert [f.name for f in WORKFLOWS if f"deploy/github/{script.name}" in f.read_text("utf-8")]


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A script of the folder, as a workflow calls it."""
    command = ["bash", str(ROOT / "deploy" / "github" / script), *arguments]
    variables = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


def test_the_environments_are_those_that_are_there(tmp_path: Path) -> None:
    assert run("environments", ROOT=str(tmp_path)).stdout == "folders=[]\n"
    for name in ("prod/aws", "dev/aws"):
        (tmp_path / "terraform" / "environments" / name).mkdir(parents=True)
        (tmp_path / "terraform" / "environments" / name / "versions.tf").touch()
    (tmp_path / "terraform" / "environments" / "dev" / "notes").mkdir()
    done = run("environments", ROOT=str(tmp_path))
    assert json.loads(done.stdout.removeprefix("folders=")) == [
        "terraform/environments/dev/aws",
        "terraform/environments/prod/aws",
    ]


def test_only_a_digest_is_released() -> None:
    done = run("release", "registry.example.com/hallmark:1.0.0", PREFECT_API_URL="http://127.0.0.1:1/api")
    assert done.returncode == 2 and "it names no digest" in done.stderr
