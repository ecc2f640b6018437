"""Personal data along column edges."""

from __future__ import annotations

import pytest

from governance.column_lineage import model_edges
from governance.model import Column, Dataset, LineageEdge
from governance.pii import Finding, findings, inherit, personal_columns

SCHEMA = {
    "bronze": {"p": {"id": "bigint", "email": "varchar", "name": "varchar", "ill": "boolean", "team": "varchar"}},
    "silver": {"p": {"x": "varchar"}},
}
BRONZE = Dataset(
    name="bronze.p",
    layer="bronze",
    columns=(
        Column(name="id", type="bigint"),
        Column(name="email", type="varchar", pii="email"),
        Column(name="name", type="varchar", pii="name"),
        Column(name="ill", type="boolean", pii="health"),
        Column(name="team", type="varchar"),
    ),
)


def edges(sql: str, target: str = "silver.p") -> list[LineageEdge]:
    """Of a model."""
    return model_edges(sql, "duckdb", SCHEMA, target)


def made(*columns: Column, name: str = "silver.p") -> Dataset:
    """A model with these columns."""
    return Dataset(name=name, layer="gold" if name.startswith("gold") else "silver", columns=columns)


@pytest.mark.parametrize(
    ("expression", "type", "kind"),
    [
        ("email", "varchar", "email"),
        ("cast(email as varchar)", "varchar", "email"),
        ("lower(trim(email))", "varchar", "email"),
        ("'mailto:' || email", "varchar", "email"),
        ("coalesce(email, team)", "varchar", "email"),
        ("case when team = 'x' then email end", "varchar", "email"),
        ("name || ' <' || email || '>'", "varchar", "personal"),
        ("md5(email)", "varchar", "email"),
        ("max(email) over (partition by team)", "varchar", "email"),
        ("string_agg(name, ',') over ()", "varchar", "name"),
        ("count(email) over ()", "bigint", "email"),
        ("length(email)", "bigint", "email"),
        ("split_part(email, '@', 2)", "varchar", "email"),
        ("email is not null", "boolean", None),
        ("email like '%@x.com'", "BOOLEAN", None),
        ("ill", "boolean", "health"),
        ("not ill", "boolean", "health"),
        ("(select max(name) from bronze.p)", "varchar", "name"),
        ("row_number() over (order by email)", "bigint", None),
        ("team", "varchar", None),
        ("count(*) over ()", "bigint", None),
        ("'x'", "varchar", None),
    ],
)
def test_what_is_made_of_a_personal_column_is_personal(expression: str, type: str, kind: str | None) -> None:
    found = edges(f"select {expression} as x from bronze.p")
    silver = made(Column(name="x", type=type))
    assert [f.kind for f in findings([BRONZE, silver], found)] == ([kind] if kind else [])
    assert inherit(silver, found, personal_columns([BRONZE], [])).columns[0].pii == kind


def test_what_only_decides_the_rows_makes_nothing_personal() -> None:
    found = edges("select team as x from bronze.p where email = 'a@b.c' order by name")
    assert any(e.kind == "indirect" for e in found)
    assert findings([BRONZE, made(Column(name="x", type="varchar"))], found) == []


def test_a_finding_says_from_where_and_what_to_do() -> None:
    found = edges("select lower(email) as x from bronze.p")
    found += [LineageEdge(source="silver.p.x", target="gold.p.y", expression="UPPER(x)", model="gold.p")]
    datasets = [BRONZE, made(Column(name="x", type="varchar")), made(Column(name="y", type="varchar"), name="gold.p")]
    gold, silver = findings(datasets, found)
    assert (gold.column, gold.inherits_from) == ("gold.p.y", ("bronze.p.email",))
    assert gold.path == ("bronze.p.email", "silver.p.x", "gold.p.y")
    assert (silver.column, silver.expression) == ("silver.p.x", "LOWER(p.email)")
    assert "pii: email" in silver.remedy and "pii_declined" in silver.remedy
    assert str(gold).startswith("gold.p.y: undeclared, email by bronze.p.email → silver.p.x → gold.p.y (UPPER(x)). Rem")


@pytest.mark.parametrize(
    "column",
    [
        Column(name="x", type="varchar", pii="email"),
        Column(name="x", type="varchar", pii="contact"),
        Column(name="x", type="varchar", pii_declined="A hash, and salted."),
    ],
)
def test_a_declaration_holds_for_what_is_made_of_it(column: Column) -> None:
    found = edges("select md5(email) as x from bronze.p")
    found += [LineageEdge(source="silver.p.x", target="gold.p.y")]
    gold = made(Column(name="y", type="varchar"), name="gold.p")
    names = [(f.column, f.kind) for f in findings([BRONZE, made(column), gold], found)]
    assert names == ([("gold.p.y", column.pii)] if column.pii else [])
    known = personal_columns([BRONZE, made(column), gold], found)
    assert known.get("gold.p.y") == column.pii
    assert inherit(made(column), found, known) == made(column)


@pytest.mark.parametrize(
    ("sql", "column", "problem"),
    [
        ("select email as x from bronze.p", Column(name="x", pii_declined=""), "unreasoned"),
        ("select email as x from bronze.p", Column(name="x", pii_declined="True"), "unreasoned"),
        ("select team as x from bronze.p", Column(name="x", pii_declined="It is no person's."), "needless"),
        ("select email as x from bronze.p", Column(name="x", pii="email", pii_declined="It is none."), "contradictory"),
    ],
)
def test_a_decline_has_a_reason_and_a_need(sql: str, column: Column, problem: str) -> None:
    (found,) = findings([BRONZE, made(column)], edges(sql))
    assert isinstance(found, Finding) and found.problem == problem


def test_it_is_inherited_over_a_column_that_nobody_declares() -> None:
    found = [
        LineageEdge(source="bronze.p.email", target="silver.p.hidden"),
        LineageEdge(source="silver.p.hidden", target="gold.p.y"),
    ]
    gold = made(Column(name="y", type="varchar"), name="gold.p")
    assert [f.path for f in findings([BRONZE, gold], found)] == [("bronze.p.email", "silver.p.hidden", "gold.p.y")]


def test_a_column_of_another_type_is_what_its_first_was() -> None:
    found = [LineageEdge(source="bronze.p.email__json", target="silver.p.x")]
    silver = made(Column(name="x", type="varchar"))
    assert [f.path for f in findings([BRONZE, silver], found)] == [("bronze.p.email", "silver.p.x")]
    assert inherit(silver, found, {"bronze.p.email": "email"}).columns[0].pii == "email"


def test_a_model_that_reads_itself_ends() -> None:
    found = [
        LineageEdge(source="silver.p.x", target="silver.p.x"),
        LineageEdge(source="bronze.p.name", target="silver.p.x"),
    ]
    silver = made(Column(name="x", type="varchar"))
    assert [f.kind for f in findings([BRONZE, silver], found)] == ["name"]
