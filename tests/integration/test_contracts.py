"""The data contracts of gold: what `hallmark contract` writes, by the standard's own tool, and on real data."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks.dbt import DbtProject
from blocks.settings import Settings
from flows.contracts import known_contracts
from governance.contracts import DataContract, judge
from governance.manifest import datasets
from governance.model import CheckResult
from tests.homes import Home

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".venv-datacontract"
"""`make .venv-datacontract/.ready` makes it."""


@pytest.fixture(scope="module")
def exported(first: Home, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every contract, as a person exports them."""
    done = first.hallmark("contract", "export", "--output", str(tmp_path_factory.mktemp("contracts")), "--json")
    assert done.code == 0, done.err
    return [Path(file) for file in done.json["files"]]


@pytest.fixture(scope="module")
def contracts(first: Home) -> tuple[DataContract, ...]:
    """The same as values."""
    return known_contracts(Settings(home=first.path))


def rules(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Every quality rule of a document."""
    (table,) = document["schema"]
    return [*table.get("quality", []), *(rule for column in table["properties"] for rule in column.get("quality", []))]


def test_every_gold_table_has_a_contract(first: Home, exported: list[Path]) -> None:
    manifest = DbtProject(Settings(home=first.path)).manifest()
    gold = {d.name for d in datasets(manifest) if d.layer == "gold" and d.kind != "exposure"}
    assert {file.name for file in exported} == {f"{name}.odcs.yaml" for name in gold}


def lint(file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """What the standard's tool says of a file."""
    command = [str(ENVIRONMENT / "bin" / "datacontract"), "lint", str(file), "--all-errors", *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_official_schema_finds_nothing(exported: list[Path]) -> None:
    (schema,) = ENVIRONMENT.glob("lib/python3*/site-packages/datacontract/schemas/odcs-3.1.0.schema.json")
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda file: lint(file, "--json-schema", str(schema)), exported))
    wrong = [f"{file.name}: {done.stdout}{done.stderr}" for file, done in zip(exported, found, strict=True)
             if done.returncode or "Data contract is valid" not in done.stdout]  # fmt: skip
    assert not wrong, "\n".join(wrong)
    assert "valid against ODCS v3.1.0" in lint(exported[0]).stdout


def test_the_tool_refuses_what_is_no_contract(exported: list[Path], tmp_path: Path) -> None:
    body = yaml.safe_load(exported[0].read_text("utf-8"))
    body["schema"][0]["properties"][0]["logicalType"] = "bigint"
    file = tmp_path / "wrong.odcs.yaml"
    file.write_text(yaml.safe_dump(body), encoding="utf-8")
    assert lint(file).returncode == 1


def test_the_rules_of_a_contract_hold_on_what_was_published(first: Home, exported: list[Path]) -> None:
    found = first.rows("SELECT check_id, bool_and(success) FROM ops.gates WHERE layer = 'gold' GROUP BY 1")
    success = dict(found)
    wrong, tried = [], 0
    for file in exported:
        for rule in rules(yaml.safe_load(file.read_text("utf-8"))):
            assert rule["name"] in success or "mrt_platform_cost" in rule["name"], rule["name"]
            if rule["type"] == "sql" and rule["name"] in success:
                tried += 1
                value = float(first.value(rule["query"]))
                holds = value <= rule["mustBeLessOrEqualTo"] if "mustBeLessOrEqualTo" in rule else value == 0
                wrong += [f"{rule['name']}: {value}"] if holds != success[rule["name"]] else []
    assert not wrong and tried > 40


def test_a_publish_is_judged_by_what_the_gate_found(first: Home, contracts: tuple[DataContract, ...]) -> None:
    names = ("dataset", "check_id", "type", "severity", "success", "failed_rows")
    gates = [dict(zip(names, row, strict=True)) for row in first.rows(
        f"SELECT {', '.join(names)} FROM ops.gates WHERE layer = 'gold'")]  # fmt: skip
    checks = [CheckResult(layer="gold", **gate) for gate in gates]
    built = {c["dataset"] for c in gates}
    for contract in contracts:
        if contract.dataset in built:
            types = dict(first.rows(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name || '.' || table_name = ?",
                contract.dataset))  # fmt: skip
            found = judge(contract, types, checks, timedelta(hours=1))
            assert found.columns.ok and found.sla and not found.not_run, found
            warned = [c for c in checks if c.dataset == contract.dataset and not c.success]
            assert found.overall == ("partly" if warned else "kept"), found


def test_they_are_listed_and_shown(first: Home) -> None:
    listed = first.hallmark("contract", "list", "--json")
    assert listed.code == 0, listed.err
    by_name = {row["dataset"]: row for row in listed.json}
    cost, customer = by_name["gold.mrt_platform_cost"], by_name["gold.dim_customer"]
    assert (customer["version"], customer["status"], customer["latency"]) == ("1.0.0", "active", "9h")
    assert (cost["frequency"], cost["latency"]) == ("6h", "17h")
    shown = first.hallmark("contract", "show", "DIM_CUSTOMER", "--json")
    assert shown.json["id"] == customer["id"]
    text = first.hallmark("contract", "show", "gold.dim_customer").out
    assert "gold.dim_customer 1.0.0 (active)" in text and "gold.dim_customer.customer_key.unique" in text
    assert "customers" not in listed.err


def test_a_dataset_without_a_contract_is_told(first: Home, tmp_path: Path) -> None:
    done = first.hallmark("contract", "show", "gold.dim_custmer", "--json")
    assert (done.code, set(done.json["error"])) == (2, {"what", "cause", "remedy"})
    assert "dim_customer" in done.json["error"]["remedy"]
    (tmp_path / "file").write_text("")
    done = first.hallmark("contract", "export", "dim_date", "--output", str(tmp_path / "file" / "folder"), "--json")
    assert done.code == 2 and "--output" in done.json["error"]["remedy"]


def test_no_home_is_needed_and_none_is_made(tmp_path: Path) -> None:
    home = Home(tmp_path / "none")
    done = home.hallmark("contract", "export", "dim_date", "--output", str(tmp_path / "out"), "--json")
    assert done.code == 0, done.err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["gold.dim_date.odcs.yaml"]
    assert not home.path.exists()
