"""Declared tests as SQL."""

import subprocess
import sys
from datetime import date
from decimal import Decimal

import duckdb
import pytest

from expectations import sql
from governance.declared_tests import DeclaredTest
from governance.errors import ConfigurationError

DIALECT = sql.Dialect(quote=lambda name: f'"{name}"', place=lambda dataset: dataset)


def check(type_: str, column: str | None = "c", **kwargs: object) -> DeclaredTest:
    return DeclaredTest(
        check_id=f"silver.t.{type_}", dataset="silver.t", column=column, type=type_, kwargs=kwargs,
        severity="critical", description="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("test", "missing"),
    [
        (check("accepted_values", values=[]), "values"),
        (check("relationships", to="silver.p"), "field"),
        (check("expression_is_true"), "expression"),
        (check("share_below"), "condition"),
        (check("unique_combination"), "combination_of_columns"),
        (check("unique", column=None), "column"),
    ],
)
def test_a_missing_argument_is_named(test, missing):
    with pytest.raises(ConfigurationError, match=missing):
        sql.failing_rows(test, DIALECT)


@pytest.mark.parametrize("value", ["it's", "back\\slash", "\\", "", "'; drop table t; --", "ünï"])
def test_text_survives_as_a_literal(value):
    assert duckdb.execute(f"select {sql.literal(value)}").fetchone() == (value,)


@pytest.mark.parametrize("value", [1, -2.5, Decimal("1.10"), True])
def test_numbers_and_booleans_stay_what_they_are(value):
    assert duckdb.execute(f"select {sql.literal(value)}").fetchone()[0] == value


def test_a_date_is_written_as_text_and_a_structure_is_refused():
    assert sql.literal(date(2026, 11, 22)) == "'2026-11-22'"
    with pytest.raises(ConfigurationError, match="dict"):
        sql.literal({"a": 1})


def test_importing_the_package_does_not_import_great_expectations():
    code = "import sys, expectations.gate, expectations.suites; print('great_expectations' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_rows_themselves_have_their_own_columns_and_no_other():
    duckdb.execute("create or replace temp table t as select 1 as c, 'x' as times union all select 1, '{batch}:v'")
    found = duckdb.execute(sql.rows_themselves(check("unique", where="times <> ':v' -- it's"), DIALECT, "t"))
    assert ([d[0] for d in found.description], found.fetchall()) == (["c", "times"], [(1, "x"), (1, "{batch}:v")])
