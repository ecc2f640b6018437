"""`terraform test` of the modules that have tests, with mocked providers; `terraform validate` of every root of AWS."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.terraform.apps_support import ROOT, mirror, terraform

pytestmark = pytest.mark.terraform
TESTED = {p.parents[1] for p in (ROOT / "terraform" / "modules").glob("*/tests/*.tftest.hcl")}
# Those of Snowflake need its provider's schema: test_snowflake_validate.py.
MODULES = sorted(folder for folder in TESTED if not folder.name.startswith("snowflake"))
ROOTS = [*sorted((ROOT / "terraform" / "environments").glob("*/aws")), ROOT / "terraform" / "bootstrap"]


def plugins() -> list[str]:
    """Where Terraform finds the provider; nothing for the registry."""
    return [f"-plugin-dir={found}"] if (found := mirror()) else []


def copied(to: Path) -> Path:
    """A copy of terraform/, so that a test leaves nothing in the tree."""
    shutil.copytree(
        ROOT / "terraform", to / "terraform", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "dist")
    )
    (to / "flows").mkdir()
    shutil.copy(ROOT / "flows" / "sources.yml", to / "flows")
    return to


@pytest.mark.parametrize("folder", ROOTS, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_root_is_valid(folder: Path, tmp_path: Path) -> None:
    work = copied(tmp_path)
    root = work / folder.relative_to(ROOT)
    terraform(root, "init", "-backend=false", "-input=false", *plugins())
    terraform(root, "validate")


@pytest.mark.parametrize("folder", MODULES, ids=lambda p: p.name)
def test_module_passes_its_tests(folder: Path, tmp_path: Path) -> None:
    module = copied(tmp_path) / folder.relative_to(ROOT)
    terraform(module, "init", "-backend=false", "-input=false", *plugins())
    assert "0 failed" in terraform(module, "test")
