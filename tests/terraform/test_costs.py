"""The table of costs: what docs/costs.md shows is what the command prints, of the sizes that Terraform makes."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from tests.terraform.apps_support import ROOT
from tests.terraform.trees import TERRAFORM

pytestmark = pytest.mark.terraform
SCRIPT = TERRAFORM / "costs.py"
SIZE = re.compile(r"\b(?:db\.)?[a-z]\d\w*\.\w+(?:\.search)?\b")


@pytest.fixture(scope="module")
def script() -> Any:
    """The command, as a module."""
    spec = importlib.util.spec_from_file_location("costs", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def costs() -> dict[str, Any]:
    """The file of prices and quantities."""
    return tomllib.loads((TERRAFORM / "costs.toml").read_text("utf-8"))


def settings(environment: str) -> str:
    """What sets the sizes of an environment."""
    return (TERRAFORM / "environments" / environment / "aws" / "terraform.tfvars").read_text("utf-8")


def test_the_page_shows_what_the_command_prints() -> None:
    printed = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs" / "costs.md").read_text("utf-8")
    shown = re.search(r"<!-- docs/output/costs.txt -->\n```text\n(.*?)```\n", page, re.S)
    assert shown and shown[1] == printed, "put the output of `make costs` into the page"


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_sizes_are_those_that_terraform_makes(costs: dict[str, Any], environment: str) -> None:
    counted = {unit.split(" ")[0] for line in costs["lines"] for unit, _ in line[environment] if SIZE.match(unit)}
    # Of several sizes of spot nodes the first is counted.
    made = {SIZE.findall(line)[0] for line in settings(environment).splitlines() if SIZE.search(line)}
    assert counted == made


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_budget_holds_what_is_expected(script: Any, costs: dict[str, Any], environment: str) -> None:
    found = re.search(r"^budget_usd\s*= (\d+)", settings(environment), re.M)
    assert found and script.totals(costs, "aws")[environment] <= int(found[1])


def test_a_quantity_is_a_sum_of_products(script: Any) -> None:
    assert script.quantity("2 * hours + 10 / 4", {"hours": 730}) == 1462.5
    for wrong in ("weeks", "hours - 1", "__import__('os')", "'a'"):
        with pytest.raises(ValueError, match="numbers and of hours"):
            script.quantity(wrong, {"hours": 730})


def test_each_price_is_asked_for(costs: dict[str, Any]) -> None:
    asked = {unit for line in costs["lines"] for name in ("dev", "prod") for unit, _ in line[name]}
    assert asked == set(costs["prices"])
