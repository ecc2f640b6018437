"""Whether the warehouse has the columns that are declared, both ways, after real batches."""

from __future__ import annotations

import pytest

from blocks.dbt import DbtProject
from blocks.settings import Settings
from governance.manifest import datasets
from tests.homes import Home

ADS = {"bronze.ads__users", "bronze.ads__purchases"}


def columns(home: Home) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """(declared, in the warehouse): dataset → its columns, of bronze, silver and gold."""
    with home.environment():
        manifest = DbtProject(Settings.load()).manifest()
    declared = {d.name: {c.name for c in d.columns} for d in datasets(manifest) if d.kind != "exposure"}
    found: dict[str, set[str]] = {}
    for schema, table, column in home.rows(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        "WHERE schema_name IN ('bronze', 'silver', 'gold') AND table_name NOT LIKE '%\\_\\_rejected' ESCAPE '\\'"
    ):
        found.setdefault(f"{schema}.{table}", set()).add(column)
    return declared, found


def differences(declared: dict[str, set[str]], found: dict[str, set[str]]) -> list[str]:
    """One line for each column or dataset that one side has alone."""
    lines = [f"{name}: declared, not in the warehouse" for name in sorted(declared.keys() - found.keys())]
    lines += [f"{name}: in the warehouse, not declared" for name in sorted(found.keys() - declared.keys())]
    for name in sorted(declared.keys() & found.keys()):
        lines += [f"{name}.{c}: declared, not in the warehouse" for c in sorted(declared[name] - found[name])]
        lines += [f"{name}.{c}: in the warehouse, not declared" for c in sorted(found[name] - declared[name])]
    return lines


def of_ingested(home: Home) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """The same without the tables of connectors, which these homes do not ingest; `test_ingest_ads.py` holds them."""
    declared, found = columns(home)
    assert set(declared) - set(found) == ADS
    return {name: names for name, names in declared.items() if name not in ADS}, found


def test_the_warehouse_has_what_is_declared(first: Home) -> None:
    assert not differences(*of_ingested(first))


def test_new_columns_of_the_sources_are_the_only_differences_afterwards(second: Home) -> None:
    [event] = second.truth()["waves"][0]["events"]["new_columns"]
    assert differences(*of_ingested(second)) == [
        "bronze.crm__projects.priority: in the warehouse, not declared",
        f"bronze.drops__events.{event}: in the warehouse, not declared",
    ]


@pytest.mark.parametrize("side", ["declared", "found"])
def test_a_difference_is_told(first: Home, side: str) -> None:
    declared, found = of_ingested(first)
    (declared if side == "declared" else found)["gold.mrt_customer"].discard("projects")
    (difference,) = differences(declared, found)
    assert difference.startswith("gold.mrt_customer.projects: ")
