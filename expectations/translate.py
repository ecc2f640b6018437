"""One declared test is one expectation, and one validation result is one CheckResult.

No connection. Imports Great Expectations: import this module inside a function.
"""

from __future__ import annotations

import re
from typing import Any, cast

from great_expectations.expectations.expectation import Expectation

from expectations.counted import ColumnsPresent, FailingRows, NotNull, RowCount
from expectations.sql import QUERIES, Dialect, argument, column_of, failing_rows
from governance.declared_tests import DeclaredTest
from governance.errors import ConfigurationError
from governance.model import CheckResult

LAYERS = ("bronze", "silver", "gold")
TYPES = (*QUERIES, "columns_present", "row_count_at_least")
OF_THE_TABLE = ("columns_present", "row_count_at_least", "share_below")
"""Types whose threshold is about the whole table: a filter would change what it means."""
LIMIT = 300
"""Characters of an error that a result keeps."""
_NAMES = re.compile(r"\b\w+ '[^'\n]*' does not exist[^\n]*|invalid identifier '[^'\n]*'")
"""Snowflake's errors about names, which it quotes as if they were values."""
_HARMLESS = re.compile(r"\b(Binder|Catalog|Parser|Permission) Error: [^\n]*|[^\n]*does not exist[^\n]*")


def expectation(test: DeclaredTest, dialect: Dialect) -> Expectation:
    """The expectation of a test; its meta holds the check_id.

    Raises ConfigurationError for a type without translation, a missing argument, or a dataset of no layer.
    """
    if test.dataset.split(".")[0] not in LAYERS:
        raise ConfigurationError(
            f"check {test.check_id}", f"dataset {test.dataset} is in no layer", f"name it <{'|'.join(LAYERS)}>.<table>"
        )
    if test.type not in TYPES:
        raise ConfigurationError(
            f"check {test.check_id}", f"a gate has no expectation for tests of type {test.type}",
            f"declare it as one of {', '.join(sorted(TYPES))}, or add its SQL to expectations/sql.py",
        )  # fmt: skip
    if test.type in OF_THE_TABLE and test.kwargs.get("where"):
        raise ConfigurationError(
            f"check {test.check_id}", f"a test of type {test.type} cannot have a `where`", "put it into the condition"
        )
    common: dict[str, Any] = {"severity": test.severity, "meta": {"check_id": test.check_id}}
    if test.type == "columns_present":
        return ColumnsPresent(column_set=list(argument(test, "columns")), exact_match=False, **common)
    if test.type == "row_count_at_least":
        return RowCount(min_value=int(argument(test, "minimum")), **common)
    if test.type == "not_null" and not test.kwargs.get("where"):
        return NotNull(column=column_of(test), **common)
    if test.type == "share_below":
        common["max_share"] = float(argument(test, "max_share"))
    return FailingRows(unexpected_rows_query=failing_rows(test, dialect), **common)


def result(test: DeclaredTest, validation: Any) -> CheckResult:
    """What GX found, in counts and never in values."""
    if cause := _cause(validation.exception_info):
        return failure(test, cause)
    success, found = bool(validation.success), validation.result
    if test.type == "columns_present":
        missing = found.get("details", {}).get("mismatched", {}).get("missing", [])
        told = f"missing: {', '.join(missing)}" if missing else "all present"
        return _made(test, success, told, f"{len(argument(test, 'columns'))} columns")
    if test.type == "row_count_at_least":
        rows = int(found["observed_value"])
        return _made(test, success, f"{rows} rows", f"at least {argument(test, 'minimum')} rows", 0, rows)
    failed, rows = int(found["unexpected_count"] or 0), int(found["element_count"])
    if test.type == "share_below":
        share = failed / rows if rows else 0.0
        return _made(test, success, f"{share:.4f} of rows", f"at most {argument(test, 'max_share')}", failed, rows)
    return _made(test, success, f"{failed} rows", "0 rows", failed, rows)


def failure(test: DeclaredTest, cause: str) -> CheckResult:
    """The result of a test that could not run: failed, whatever the data is."""
    return _made(test, False, f"not run: {_told(cause)}", "to run")


def _made(
    test: DeclaredTest, success: bool, observed: str, threshold: str, failed: int = 0, rows: int | None = None
) -> CheckResult:
    return CheckResult(
        check_id=test.check_id, layer=cast(Any, test.dataset.split(".")[0]), dataset=test.dataset, column=test.column,
        type=test.type, severity=test.severity, success=success, observed=observed, threshold=threshold,
        failed_rows=failed, rows=rows,
    )  # fmt: skip


def _cause(info: dict[str, Any]) -> str | None:
    """The first message in GX's exception_info, which is one record or one per metric."""
    records = [info] if "raised_exception" in info else list(info.values())
    raised = [r for r in records if r.get("raised_exception")]
    return str(raised[0].get("exception_message") or "unknown error") if raised else None


def _told(cause: str) -> str:
    """An error's text. A conversion error quotes the value that it failed on, so only errors about names are told."""
    if named := _NAMES.search(cause):
        return named[0][:LIMIT]
    found = _HARMLESS.search(cause)
    if not found:
        kind = re.search(r"\b[A-Z]\w+(?: \w+)? ?(?:Error|Exception)\b", cause)
        return f"{kind[0] if kind else 'error'} (its text may hold values)"
    return re.sub(r"'[^']*'", "'…'", found[0])[:LIMIT]
