"""Terraform itself over the Snowflake side, by a provider that has the published schema and nothing else.

`validate` of the roots, and the module's own tests, which mock what Snowflake would answer.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.terraform.trees import HERE, PYTHON, TERRAFORM, schema

pytestmark = pytest.mark.terraform
SOURCE = "registry.terraform.io/snowflakedb/snowflake"


class Terraform:
    """A copy of the tree, and terraform in it, which finds no other provider than that of the schema."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.plugins, self.home = folder / "terraform", folder / "plugins", folder / "home"
        self.home.mkdir()
        shutil.copytree(TERRAFORM, self.tree, ignore=shutil.ignore_patterns(".terraform*", "lambda"))
        known = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
        self.environment = {**known, "HOME": str(self.home)}  # without a configuration that names other mirrors
        self._install(folder / "schema.json")

    def _install(self, file: Path) -> None:
        file.write_text(json.dumps(schema()))
        version = schema()["provider"]
        answer = self("version", "-json", at=".")
        place = self.plugins / SOURCE / version / json.loads(answer.stdout)["platform"]
        place.mkdir(parents=True)
        program = place / f"terraform-provider-snowflake_v{version}"
        program.write_text(f"#!/bin/sh\nexec '{PYTHON}' '{HERE / 'serve_schema.py'}' '{file}'\n")
        program.chmod(0o755)

    def __call__(self, *arguments: str, at: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self.tree / at,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def ready(self, at: str) -> None:
        """Initialize a folder without its backend."""
        done = self("init", "-backend=false", "-input=false", f"-plugin-dir={self.plugins}", at=at)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    return Terraform(tmp_path_factory.mktemp("terraform"))


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_root_is_valid(terraform: Terraform, environment: str) -> None:
    at = f"environments/{environment}/snowflake"
    terraform.ready(at)
    done = terraform("validate", "-no-color", at=at)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["snowflake_access", "snowflake"])
def test_the_tests_of_a_module_pass(terraform: Terraform, module: str) -> None:
    terraform.ready(f"modules/{module}")
    done = terraform("test", "-no-color", at=f"modules/{module}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed" in done.stdout


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("warehouse_size ", "warehouse_sise ", "Unsupported argument"),
        ('comment                        = "Hall', 'coment                        = "Hall', "Unsupported argument"),
        ("  credit_quota              = each.value.monthly_credits", '  credit_quota = "many"', "a number is required"),
        ("snowflake_database.this.name", "snowflake_database.this.nome", "Unsupported attribute"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_not_valid(terraform: Terraform, before: str, after: str, said: str) -> None:
    file, at = terraform.tree / "modules" / "snowflake" / "main.tf", "environments/dev/snowflake"
    right = file.read_text("utf-8")
    assert before in right
    terraform.ready(at)
    try:
        file.write_text(right.replace(before, after))
        done = terraform("validate", "-no-color", at=at)
    finally:
        file.write_text(right)
    assert done.returncode == 1
    assert said in done.stderr
