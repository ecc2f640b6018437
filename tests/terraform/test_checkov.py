"""checkov over all of Terraform's files: nothing fails that terraform/checkov.yml does not list with its reason."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.terraform.trees import ROOT, TERRAFORM

pytestmark = pytest.mark.terraform
CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"
SKIPS = yaml.safe_load((TERRAFORM / "checkov.yml").read_text("utf-8"))["skips"]


def checked(folder: Path) -> list[dict[str, Any]]:
    """The failed checks of a folder; the servers of the vendor are not asked."""
    command = [str(CHECKOV), "-d", str(folder), "--framework", "terraform", "secrets", "--skip-download"]
    command += ["--output", "json", "--quiet", "--download-external-modules", "false", "--skip-path", r"\.terraform/"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr[-2000:]
    answer = json.loads(done.stdout)
    reports = answer if isinstance(answer, list) else [answer]
    failures = [failed for report in reports for failed in report.get("results", {}).get("failed_checks", [])]
    assert not [e for report in reports for e in report.get("results", {}).get("parsing_errors", [])]
    return failures


@functools.cache
def failures() -> tuple[tuple[str, str, str, str], ...]:
    """(check, resource, file, what it asks) of the whole tree, each once."""
    found = {(f["check_id"], f["resource"], f["file_path"], f["check_name"]) for f in checked(TERRAFORM)}
    return tuple(sorted(found))


def is_of(skip: dict[str, str], check: str, resource: str) -> bool:
    """Whether a row passes over this; a resource within modules has theirs before its name."""
    at = re.search(rf"(^|\.)({skip['resource']})(\[.*\])?$", resource)
    return bool(re.fullmatch(skip["check"], check) and at)


def test_nothing_fails_that_is_not_listed() -> None:
    left = [f for f in failures() if not any(is_of(skip, f[0], f[1]) for skip in SKIPS)]
    assert not left, "\n".join(f"{check} {resource} ({file}): {what}" for check, resource, file, what in left)


@pytest.mark.parametrize("skip", SKIPS, ids=lambda s: f"{s['check']}-{s['resource']}")
def test_a_row_has_its_reason_and_passes_something_over(skip: dict[str, str]) -> None:
    assert set(skip) == {"check", "resource", "reason"}
    assert len(skip["reason"].split()) >= 8, "why?"
    assert [f for f in failures() if is_of(skip, f[0], f[1])], "passes over nothing: take it out"


def test_nothing_is_passed_over_in_the_files() -> None:
    texts = {p: p.read_text("utf-8") for p in TERRAFORM.rglob("*.tf") if ".terraform" not in p.parts}
    assert not [str(p) for p, text in texts.items() if "checkov:skip" in text]


def test_what_is_open_is_found(tmp_path: Path) -> None:
    """checkov runs, and by its own rules: an open security group fails."""
    shutil.copytree(TERRAFORM / "modules" / "snowflake_access", tmp_path / "module")
    (tmp_path / "open.tf").write_text(
        'resource "aws_security_group_rule" "ssh" {\n  type = "ingress"\n  protocol = "tcp"\n  from_port = 22\n'
        '  to_port = 22\n  cidr_blocks = ["0.0.0.0/0"]\n  security_group_id = "sg-1"\n}\n'
    )
    assert "CKV_AWS_24" in {f["check_id"] for f in checked(tmp_path)}
