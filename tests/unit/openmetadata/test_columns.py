"""Columns: what is refused, what is filled in, and what becomes of those that are sent no more."""

from typing import Any

import pytest

from tests.unit.openmetadata.api import COLUMNS, SCHEMA, Api

INT = {"name": "n", "dataType": "INT"}


@pytest.mark.parametrize("dtype", ["CHAR", "VARCHAR", "BINARY", "VARBINARY"])
def test_9_a_type_with_a_length_has_one(bot: Api, dtype: str) -> None:
    bot.refused("tables", name="t", databaseSchema=SCHEMA, columns=[{"name": "c", "dataType": dtype}])
    bot.table("t", columns=[{"name": "c", "dataType": dtype, "dataLength": 4}])


@pytest.mark.parametrize(
    "wrong",
    [
        {"dataType": "ARRAY"},
        {"dataType": "STRUCT"},
        {"dataType": "STRUCT", "children": [INT, INT]},
        {"dataType": "DECIMAL", "scale": 2},
        {"dataType": "DECIMAL", "scale": 5, "precision": 4},
    ],
)
def test_9_a_column_that_says_too_little_or_too_much_is_refused(bot: Api, wrong: dict[str, Any]) -> None:
    bot.refused("tables", name="t", databaseSchema=SCHEMA, columns=[{"name": "c", **wrong}])


def test_9_empty_structures_and_exact_numbers_are_fine(bot: Api) -> None:
    bot.table(
        "t",
        columns=[
            {"name": "s", "dataType": "STRUCT", "children": []},
            {"name": "d", "dataType": "DECIMAL", "precision": 4, "scale": 4},
            {"name": "a", "dataType": "ARRAY", "arrayDataType": "INT"},
        ],
    )


def test_9_there_is_one_primary_key(bot: Api) -> None:
    key = {**INT, "constraint": "PRIMARY_KEY"}
    bot.refused("tables", name="t", databaseSchema=SCHEMA, columns=[key, {**key, "name": "m"}])
    constraint = {"constraintType": "PRIMARY_KEY", "columns": ["n"]}
    bot.refused("tables", name="t", databaseSchema=SCHEMA, columns=[key], tableConstraints=[constraint])
    bot.table("t", columns=[INT], tableConstraints=[constraint])
    unknown = {"constraintType": "UNIQUE", "columns": ["N"]}
    message = bot.refused("tables", name="t", databaseSchema=SCHEMA, columns=[INT], tableConstraints=[unknown])
    assert "Invalid column name" in message


def test_10_a_column_name_is_there_once(bot: Api) -> None:
    bot.refused("tables", name="t", databaseSchema=SCHEMA, columns=[INT, INT])
    bot.table("t", columns=[INT, {**INT, "name": "N"}])


def test_23_columns_that_are_sent_no_more_are_dropped_in_a_major_version(bot: Api) -> None:
    assert bot.table(columns=[*COLUMNS, INT])["version"] == 0.1
    more = bot.table(columns=[*COLUMNS, INT, {**INT, "name": "m"}])
    assert more["version"] == 0.2 and more["changeDescription"]["fieldsAdded"][0]["name"] == "columns"
    less = bot.table(columns=COLUMNS)
    assert less["version"] == 1.2 and [column["name"] for column in less["columns"]] == ["id", "name"]
    assert less["changeDescription"]["fieldsDeleted"][0]["name"] == "columns"


def test_38_the_shown_type_is_in_lower_case_and_only_arrays_have_an_inner_type(bot: Api) -> None:
    columns = [{**INT, "dataTypeDisplay": "NUMBER(38,0)"}, {**COLUMNS[0], "arrayDataType": "INT"}]
    shown, plain = bot.table(columns=columns)["columns"]
    assert (shown["dataTypeDisplay"], plain["dataTypeDisplay"]) == ("number(38,0)", "int")
    assert "arrayDataType" not in plain
