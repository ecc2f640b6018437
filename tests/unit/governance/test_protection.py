"""What dbt's YAML declares of who may see what, as the warehouses are told it."""

import pytest

from blocks.dbt import DbtProject
from blocks.settings import Settings
from governance.protection import Protection, protections
from tests.homes import parsed

DECLARED = Protection(personal={"email": "email", "email_at": "contact"})


@pytest.fixture(scope="module")
def found() -> dict[str, Protection]:
    """Of the repository's own project."""
    return protections(DbtProject(Settings(home=parsed().parent)).manifest())


@pytest.mark.parametrize(
    ("dataset", "column", "kind"),
    [
        ("silver.slv_people", "email", "email"),
        ("bronze.drops__events", "properties", "free_text"),
        ("silver.slv_events__rejected", "raw", "free_text"),
    ],
)
def test_what_is_personal_is_known_by_dataset(
    found: dict[str, Protection], dataset: str, column: str, kind: str
) -> None:
    assert found[dataset].personal[column] == kind


def test_a_team_sees_its_own_rows_of_what_says_so(found: dict[str, Protection]) -> None:
    [(dataset, one)] = [(d, p) for d, p in found.items() if p.team_column]
    assert (dataset, one.team_column) == ("gold.mrt_platform_cost", "team")
    assert "client-services" in one.teams


def test_what_grows_is_clustered(found: dict[str, Protection]) -> None:
    assert found["silver.slv_events"].cluster_by == ("_slot",)


def test_readers_are_those_of_the_grants() -> None:
    node = {
        "resource_type": "model", "name": "dim", "schema": "gold__audit", "fqn": ["hallmark", "gold", "dim"],
        "config": {"grants": {"select": ["READER"]}, "schema": "gold"}, "columns": {},
    }  # fmt: skip
    manifest = {"groups": {}, "sources": {}, "nodes": {"model.hallmark.dim": node}}
    assert protections(manifest) == {"gold.dim": Protection(readers=("READER",))}


@pytest.mark.parametrize(
    ("column", "kind"),
    [("email", "email"), ("email__varchar", "email"), ("email_at", "contact"), ("email_atx", None), ("mail", None)],
)
def test_a_column_of_another_type_is_as_personal(column: str, kind: str | None) -> None:
    assert DECLARED.personal_of([column]).get(column) == kind
