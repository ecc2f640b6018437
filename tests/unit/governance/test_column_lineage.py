"""Column edges against a truth written by hand: none missing, none made up."""

from __future__ import annotations

import pytest

from governance.column_lineage import column_edges, model_edges, source_edges
from governance.errors import HallmarkError
from tests.unit.governance.column_truth import BOTH, SCHEMA
from tests.unit.governance.column_truth_dialects import DUCKDB, SNOWFLAKE
from tests.unit.governance.column_truth_names import HARDER

ALIKE = BOTH | HARDER


def _found(sql: str, kind: str, dialect: str = "duckdb", schema: object = SCHEMA) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for edge in column_edges(sql, dialect, schema):  # type: ignore[arg-type]
        if edge.kind == kind:
            found.setdefault(edge.target, set()).add(edge.source)
    return found


@pytest.mark.parametrize("kind", ["direct", "indirect"])
@pytest.mark.parametrize(
    ("dialect", "case"),
    [("duckdb", case) for case in ALIKE | DUCKDB] + [("snowflake", case) for case in ALIKE | SNOWFLAKE],
)
def test_edges_are_exactly_those_of_the_truth(dialect: str, case: str, kind: str) -> None:
    own = DUCKDB if dialect == "duckdb" else SNOWFLAKE
    sql, direct, indirect = (ALIKE | own)[case]
    expected = {k: set(v.split()) for k, v in (direct if kind == "direct" else indirect).items()}
    assert _found(sql, kind, dialect) == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"bronze": {"p": {"Rate": "text", "id": "int"}}},
        {"db": {"bronze": {"p": {"rate": "text", "id": "int"}}}},
        {"bronze.p": {"rate": "text", "id": "int"}},
    ],
)
def test_the_schema_may_have_any_depth(schema: dict[str, object]) -> None:
    found = _found('select * from "db"."bronze"."p"', "direct", schema=schema)
    assert found == {"rate": {"bronze.p.rate"}, "id": {"bronze.p.id"}}


def test_two_tables_of_one_name_in_two_schemas_stay_apart() -> None:
    schema = {"bronze": {"p": {"a": "int"}}, "silver": {"p": {"b": "int"}}}
    sql = "select a, b from bronze.p as x join silver.p as y on x.a = y.b"
    assert _found(sql, "direct", schema=schema) == {"a": {"bronze.p.a"}, "b": {"silver.p.b"}}


def test_expressions_say_what_is_done() -> None:
    sql = "with c as (select id, sum(a * 2) as n from t where b > 1 group by id) select n as total from c"
    said = {e.source: (e.kind, e.expression) for e in column_edges(sql, "duckdb", SCHEMA)}
    assert said == {
        "t.a": ("direct", "SUM(t.a * 2)"),
        "t.b": ("indirect", "WHERE t.b > 1"),
        "t.id": ("indirect", "GROUP BY t.id"),
    }


def test_a_model_has_full_names_and_no_edge_from_itself_or_the_ledger() -> None:
    schema = {"bronze": {"p": {"id": "int", "_load_id": "text"}}, "ops": {"loads": {"load_id": "text"}}}
    sql = """select id from "w"."bronze"."p" where _load_id in (select load_id from ops.loads)
             and id > (select max(id) from silver__audit.slv_p)"""
    edges = model_edges(sql, "duckdb", schema, "silver.slv_p")
    assert {(e.source, e.target, e.kind, e.model) for e in edges} == {
        ("bronze.p.id", "silver.slv_p.id", "direct", "silver.slv_p"),
        ("bronze.p._load_id", "silver.slv_p.id", "indirect", "silver.slv_p"),
    }


def test_a_source_column_has_the_name_of_its_place() -> None:
    columns = {"rate": "Rate", "_load_id": "_load_id"}
    (edge,) = source_edges("postgres", "crm", "projects", columns, "public.projects")
    assert (edge.source, edge.target) == ("postgres:crm.public.projects.rate", "bronze.crm__projects.rate")
    (edge,) = source_edges("airbyte", "salesforce", "accounts", {"rate": "Rate"}, "Account")
    assert (edge.source, edge.target) == ("airbyte:salesforce.accounts.rate", "bronze.salesforce__accounts.rate")
    (edge,) = source_edges("files", "drops", "customers", {"revenue": "revenue"})
    assert (edge.source, edge.target) == ("file:drops.customers.revenue", "bronze.drops__customers.revenue")


def test_a_source_column_that_begins_as_those_of_the_load_do_is_none_of_them() -> None:
    columns = {"_id": "_id", "_hash": "#hash", "_index": "_index", "_row_hash": "_row_hash"}
    found = {e.source: e.target for e in source_edges("files", "drops", "events", columns)}
    assert found == {
        f"file:drops.events.{called}": f"bronze.drops__events.{name}"
        for name, called in columns.items() if name != "_row_hash"
    }  # fmt: skip


def test_what_cannot_be_parsed_is_said_in_one_line() -> None:
    with pytest.raises(HallmarkError, match="cannot be parsed") as caught:
        column_edges("select from where (", "duckdb", {})
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
