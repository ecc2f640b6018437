"""What the columns of the project's own models are made of: nearly all have their edges, and personal data stays named.

Against dbt's compiled SQL and YAML; no warehouse is needed.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from governance.column_lineage import model_edges
from governance.manifest import compiled_models, datasets, declared_columns
from governance.model import Dataset, LineageEdge
from governance.pii import findings
from tests.compiled import compiled

pytestmark = pytest.mark.drift
LAYERS = ("silver", "gold")

WITHOUT_A_SOURCE = {
    "the slot of the build, or what the ledger says of a load (`ops` is hidden from lineage)": """
        silver.slv_customer_names.first_slot silver.slv_customer_names._slot silver.slv_engagement_rows._slot
        silver.slv_engagement_services._slot silver.slv_engagements._slot silver.slv_events._slot
        silver.slv_document_rows._slot silver.slv_time_entries._slot gold.fct_engagement._slot
        silver.slv_engagement_rows._publish_seq silver.slv_document_rows._publish_seq silver.slv_events._publish_seq
    """,
    "count(*), or a sum of ones: how many rows there are": """
        silver.slv_projects.row_count silver.slv_events.repeats_dropped silver.slv_invoices.line_count
        silver.slv_invoices.versions_superseded silver.slv_engagements.repeats_dropped
        silver.slv_engagements.rows_superseded gold.dim_team.people gold.mrt_customer.projects
        gold.mrt_customer.engagements gold.mrt_client_engagement.events gold.mrt_client_engagement.invoices
        gold.mrt_campaign.clicks gold.mrt_campaign.engagements gold.mrt_campaign.projects
        gold.mrt_team_productivity.projects_done
    """,
    "a constant": """
        silver.slv_engagements__rejected.reason_code silver.slv_engagements__rejected.source
        silver.slv_engagements__rejected.stream silver.slv_events__rejected.reason
        silver.slv_events__rejected.reason_code silver.slv_events__rejected.source silver.slv_events__rejected.stream
        silver.slv_invoices__rejected.reason silver.slv_invoices__rejected.reason_code
        silver.slv_invoices__rejected.source silver.slv_invoices__rejected.stream silver.slv_projects__rejected.reason
        silver.slv_projects__rejected.reason_code silver.slv_projects__rejected.source
        silver.slv_projects__rejected.stream
    """,
}
"""Columns whose value is computed from no column of another dataset, by the reason."""


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """dbt's manifest, with the SQL of all models."""
    return compiled()


@pytest.fixture(scope="module")
def known(manifest: dict[str, Any]) -> tuple[Dataset, ...]:
    """Every dataset, the tables of rejected rows among them."""
    return datasets(manifest, rejected=True)


@pytest.fixture(scope="module")
def edges(manifest: dict[str, Any]) -> list[LineageEdge]:
    """Every column edge of every model."""
    columns = declared_columns(manifest)
    models = {k: v for layer in LAYERS for k, v in compiled_models(manifest, layer, rejected=True).items()}
    return [edge for name, sql in models.items() for edge in model_edges(sql, "duckdb", columns, name)]


def columns_of(known: tuple[Dataset, ...]) -> list[str]:
    """The columns of the models."""
    return [f"{d.name}.{c.name}" for d in known if d.name.split(".")[0] in LAYERS for c in d.columns]


def test_every_model_is_compiled(manifest: dict[str, Any], known: tuple[Dataset, ...]) -> None:
    models = {name for layer in LAYERS for name in compiled_models(manifest, layer, rejected=True)}
    assert models == {d.name for d in known if d.name.split(".")[0] in LAYERS}


def test_the_columns_of_models_have_their_edges(known: tuple[Dataset, ...], edges: list[LineageEdge]) -> None:
    columns = columns_of(known)
    without = set(columns) - {edge.target for edge in edges}
    share = 1 - len(without) / len(columns)
    assert share >= 0.95, f"{share:.1%} of {len(columns)} have edges; not: {', '.join(sorted(without))}"
    reasons = {column for columns in WITHOUT_A_SOURCE.values() for column in columns.split()}
    assert without <= reasons


def test_a_column_that_is_made_of_no_other_has_its_reason(known: tuple[Dataset, ...], edges: list[LineageEdge]) -> None:
    without = set(columns_of(known)) - {edge.target for edge in edges if edge.kind == "direct"}
    reasons = {column: reason for reason, columns in WITHOUT_A_SOURCE.items() for column in columns.split()}
    assert sorted(without - set(reasons)) == [], "say in WITHOUT_A_SOURCE why nothing makes them"
    assert sorted(set(reasons) - without) == [], "these have sources now: take them out"


def test_no_edge_is_of_a_column_that_does_not_exist(known: tuple[Dataset, ...], edges: list[LineageEdge]) -> None:
    there = {f"{d.name}.{c.name}" for d in known for c in d.columns}
    ends = {end for edge in edges for end in (edge.source, edge.target)}
    strange = {end for end in ends - there if end.split(".")[0] not in ("seeds", "snowflake", "account_usage")}
    assert not strange, sorted(strange)


def test_what_is_made_of_personal_columns_is_personal_or_says_why_not(
    known: tuple[Dataset, ...], edges: list[LineageEdge]
) -> None:
    found = findings(known, edges)
    assert not found, "\n".join(map(str, found))


def test_a_derived_column_without_its_pii_is_found(manifest: dict[str, Any], edges: list[LineageEdge]) -> None:
    changed = copy.deepcopy(manifest)
    column = changed["nodes"]["model.hallmark.slv_people"]["columns"]["email"]
    column["meta"] = column["config"]["meta"] = {}
    (found,) = findings(datasets(changed, rejected=True), edges)
    assert (found.column, found.problem, found.kind) == ("silver.slv_people.email", "undeclared", "email")
    assert found.path == ("bronze.crm__people.email", "silver.slv_people.email")
