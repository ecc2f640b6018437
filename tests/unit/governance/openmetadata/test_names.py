"""How names and types are written for the server."""

from __future__ import annotations

from typing import Any

import pytest

from governance.openmetadata.column_types import column_type, field_type
from governance.openmetadata.names import Spelling, clean, entity_link, fqn, in_path, join, linkable, split
from governance.openmetadata.places import Places
from tests.openmetadata.models import check
from tests.openmetadata.names import checked_name, parsed_link
from tests.openmetadata.parts import one_column

ODD = ("a.b", 'say "so"', "a::b", "x>y", "a<b|c", "tab\there", "naïve ☃", " ", "", "n" * 400, "a/b%20c", "::", '"')


@pytest.mark.parametrize("name", ODD)
def test_a_cleaned_name_is_one_that_the_server_takes_and_a_link_can_name(name: str) -> None:
    made = clean(name)
    assert checked_name(made) == made == clean(made) and linkable(made)
    assert parsed_link(entity_link(fqn("s", "d", "x", made))) == ("table", fqn("s", "d", "x", made), None)
    assert parsed_link(entity_link("s.d.x.t", made))[2] == made


def test_long_names_stay_apart() -> None:
    one, other = clean("n" * 300 + "1"), clean("n" * 300 + "2")
    assert one != other and len(one) == len(other) == 256


@pytest.mark.parametrize("parts", [("a", "b"), ("a.b", "c"), ("a", "b.c", "d.e.f"), ("ü", "x y")])
def test_a_name_comes_apart_as_it_was_joined(parts: tuple[str, ...]) -> None:
    assert split(fqn(*parts)) == list(parts) and join(fqn(parts[0]), *parts[1:]) == fqn(*parts)


def test_a_name_within_a_path_leaves_nothing_to_read() -> None:
    assert in_path('s."a.b".t/x?') == "s.%22a.b%22.t%2Fx%3F"


def test_spelling_prefers_what_is_exact_and_guesses_between_no_two() -> None:
    spelling = Spelling(["ID", "id", "Name"])
    assert [spelling.of(n) for n in ("id", "ID", "Id", "name", "other")] == ["id", "ID", None, "Name", None]


@pytest.mark.parametrize(
    ("dataset", "kind", "name"),
    [
        ("silver.orders", "table", "hallmark_warehouse.warehouse.silver.orders"),
        ("postgres:crm.public.projects", "table", "hallmark_crm.crm.public.projects"),
        ("file:drops.customers", "container", "hallmark_landing.drops.customers"),
        ("document:mail.Inbox 2026.eml", "container", 'hallmark_landing.mail."Inbox 2026.eml"'),
        ("airbyte:shop.orders", "container", "hallmark_landing.shop.orders"),
        ("api:shop.orders", "apiEndpoint", "hallmark_shop.shop.orders"),
        ("exposure.board", "dashboard", "hallmark_sigma.board"),
    ],
)
def test_where_a_dataset_stands(dataset: str, kind: str, name: str) -> None:
    place = Places().of(dataset)
    assert (place.kind, place.fqn) == (kind, name)


def test_in_snowflake_names_are_in_upper_case_and_those_of_sources_are_not() -> None:
    places = Places(warehouse_type="Snowflake", database="ANALYTICS")
    assert places.of("gold.fct_invoice").fqn == "hallmark_warehouse.ANALYTICS.GOLD.FCT_INVOICE"
    assert places.of("postgres:crm.public.projects").fqn == "hallmark_crm.crm.public.projects"


DECIMAL = {"dataType": "DECIMAL", "precision": 18, "scale": 2}
STRUCT = {"dataType": "STRUCT", "children": [{"name": "a", "dataType": "INT"}, {"name": "b", **DECIMAL}]}
TYPES: dict[str, dict[str, dict[str, Any]]] = {
    "duckdb": {
        "BIGINT": {"dataType": "BIGINT"}, "HUGEINT": {"dataType": "LARGEINT"}, "UBIGINT": {"dataType": "UINT"},
        "DECIMAL(18,2)": DECIMAL, "VARCHAR": {"dataType": "STRING"}, "DOUBLE": {"dataType": "DOUBLE"},
        "TIMESTAMP": {"dataType": "TIMESTAMP"}, "TIMESTAMP WITH TIME ZONE": {"dataType": "TIMESTAMPZ"},
        "TIMESTAMP_NS": {"dataType": "TIMESTAMP"}, "BLOB": {"dataType": "BLOB"}, "UUID": {"dataType": "UUID"},
        "JSON": {"dataType": "JSON"}, "ENUM('a', 'b')": {"dataType": "ENUM"}, "BIT": {"dataType": "BIT"},
        "VARCHAR[]": {"dataType": "ARRAY", "arrayDataType": "STRING"},
        "INTEGER[3]": {"dataType": "ARRAY", "arrayDataType": "INT"},
        "INTEGER[][]": {"dataType": "ARRAY", "arrayDataType": "ARRAY"},
        "STRUCT(a INTEGER, b DECIMAL(18,2))": STRUCT,
        "STRUCT(a INTEGER, b DECIMAL(18,2))[]": {"dataType": "ARRAY", "arrayDataType": "STRUCT",
                                                 "children": STRUCT["children"]},
        "MAP(VARCHAR, INTEGER)": {"dataType": "MAP"}, "UNION(num INTEGER, str VARCHAR)": {"dataType": "UNION"},
        'STRUCT("x::y" INTEGER, "x_y" INTEGER)': {"dataType": "STRUCT", "children": [
            {"name": "x_y", "dataType": "INT"}, {"name": "x_y_", "dataType": "INT"}]},
        "FANCY(": {"dataType": "UNKNOWN"}, "BIGNUM": {"dataType": "UNKNOWN"},
    },
    "snowflake": {
        "NUMBER(38,0)": {"dataType": "DECIMAL", "precision": 38, "scale": 0}, "FLOAT": {"dataType": "DOUBLE"},
        "VARCHAR(16777216)": {"dataType": "VARCHAR", "dataLength": 16777216}, "TEXT": {"dataType": "STRING"},
        "BINARY(8388608)": {"dataType": "BINARY", "dataLength": 8388608}, "BOOLEAN": {"dataType": "BOOLEAN"},
        "TIMESTAMP_NTZ(9)": {"dataType": "TIMESTAMP"}, "TIMESTAMP_TZ(9)": {"dataType": "TIMESTAMPZ"},
        "TIMESTAMP_LTZ(9)": {"dataType": "TIMESTAMPZ"}, "DATE": {"dataType": "DATE"}, "TIME(9)": {"dataType": "TIME"},
        "VARIANT": {"dataType": "VARIANT"}, "OBJECT": {"dataType": "JSON"}, "GEOGRAPHY": {"dataType": "GEOGRAPHY"},
        "ARRAY": {"dataType": "ARRAY", "arrayDataType": "UNKNOWN"}, "VECTOR(FLOAT, 256)": {"dataType": "UNKNOWN"},
        "ARRAY(NUMBER(38,0))": {"dataType": "ARRAY", "arrayDataType": "DECIMAL"},
    },
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "type_"), [(d, t) for d, types in TYPES.items() for t in types])
def test_a_type_of_a_warehouse(dialect: str, type_: str) -> None:
    found = column_type(type_, dialect)
    assert found == {**TYPES[dialect][type_], "dataTypeDisplay": type_.lower()}
    assert one_column({"name": "c", **found}, "s.d.x.t")["dataTypeDisplay"] == type_.lower()


FIELD_TYPES: dict[str, dict[str, Any]] = {
    "INTEGER": {"dataType": "INT"}, "BIGINT": {"dataType": "LONG"}, "VARCHAR(9)": {"dataType": "STRING"},
    "BLOB": {"dataType": "BYTES"}, "DECIMAL(18,2)": {"dataType": "UNKNOWN"}, "JSON": {"dataType": "UNKNOWN"},
    "TIMESTAMP WITH TIME ZONE": {"dataType": "TIMESTAMPZ"}, "INTEGER[]": {"dataType": "ARRAY"},
    "STRUCT(a INTEGER, b STRUCT(c UUID))[]": {"dataType": "ARRAY", "children": [
        {"name": "a", "dataType": "INT"},
        {"name": "b", "dataType": "RECORD", "children": [{"name": "c", "dataType": "STRING"}]}]},
}  # fmt: skip


@pytest.mark.parametrize("type_", FIELD_TYPES)
def test_a_type_of_what_an_endpoint_answers(type_: str) -> None:
    found = field_type(type_)
    assert found == {**FIELD_TYPES[type_], "dataTypeDisplay": type_.lower()}
    check("type.schema:FieldModel", {"name": "c", **found})


@pytest.mark.parametrize(("dialect", "type_"), [(d, t) for d, types in TYPES.items() for t in types])
def test_any_type_is_one_that_an_endpoint_can_answer(dialect: str, type_: str) -> None:
    check("type.schema:FieldModel", {"name": "c", **field_type(type_, dialect)})


def test_a_type_that_is_not_known_yet() -> None:
    assert column_type("") == {"dataType": "UNKNOWN"}
