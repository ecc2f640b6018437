"""Checks into the catalog: a definition for each type, a case for each check under its own id, a result for each run.

The case's name is the check's id, so that two checks of one type on one column stay two. Results are told when they
pass and when they fail; a failed one has the query that shows its rows, and a sample of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from governance.model import CheckResult
from governance.openmetadata import bodies, measures
from governance.openmetadata.catalog import Catalog, together
from governance.openmetadata.datasets import stored_of
from governance.openmetadata.entities import Json
from governance.openmetadata.names import Spelling, clean, entity_link, fqn, in_path, join, linkable

DIMENSIONS: Mapping[str, str] = {
    "not_null": "Completeness", "unique": "Uniqueness", "relationships": "Integrity", "accepted_values": "Validity",
    "expression_is_true": "Consistency", "freshness": "Accuracy", "null_rate": "Completeness",
    "volume": "Completeness", "file_count": "Completeness", "distinct": "Uniqueness", "schema": "Consistency",
}  # fmt: skip
RESULT_LIMIT = 2_000


async def push_checks(catalog: Catalog, dataset: str, checks: tuple[CheckResult, ...], at: datetime) -> None:
    """A gate's results on one dataset, at the time of its event.

    Raises TransientError while the dataset is not in the catalog.
    """
    place, found = await stored_of(catalog, dataset, "columns")
    columns = Spelling(c["name"] for c in found["columns"])
    # The first alone: with a table's first case the server makes its suite, of which there is one.
    if checks:
        await _push(catalog, place.fqn, columns, checks[0], at)
    await together(*(_push(catalog, place.fqn, columns, check, at) for check in checks[1:]))


async def _push(catalog: Catalog, table: str, columns: Spelling, check: CheckResult, at: datetime) -> None:
    case = await case_of(catalog, table, column_of(catalog, columns, check.column), check)
    path = f"dataQuality/testCases/testCaseResults/{in_path(case['fullyQualifiedName'])}"
    result = result_of(check, at)
    await catalog.client.post(path, result.json_body())
    if check.success or not (check.sample or check.query):
        return
    # Rows are told also where the result was there already: the connection may have ended between the two. But never
    # those of an older result, after a newer one.
    now = await catalog.client.get(f"dataQuality/testCases/{case['id']}", fields="testCaseResult") or {}
    if (now.get("testCaseResult") or {}).get("timestamp") != result.timestamp:
        return
    if check.sample:
        rows = {"columns": check.sample.columns, "rows": check.sample.rows}
        await catalog.client.put(f"dataQuality/testCases/{case['id']}/failedRowsSample", rows, validate="false")
    if check.query:
        await catalog.client.put_text(f"dataQuality/testCases/{case['id']}/inspectionQuery", check.query)


def column_of(catalog: Catalog, columns: Spelling, column: str | None) -> str | None:
    """The column that a check's case is of; one that the table has not, or that no link can name, leaves the table."""
    found = columns.of(catalog.places.stored(column)) if column else None
    return found if found and linkable(found) else None


def case_fqn(table: str, column: str | None, check_id: str) -> str:
    """The fully qualified name of a check's case."""
    return join(join(table, column) if column else table, clean(check_id))


async def case_of(catalog: Catalog, table: str, column: str | None, check: CheckResult) -> Json:
    """The case of a check, which is made when it is first told of."""
    definition = await _definition(catalog, check.type, column is not None)
    name = clean(check.check_id)
    about = f"{check.type} of {check.column or check.dataset}, {check.severity}."
    body = bodies.TestCase(
        name=name, display_name=name, description=about, test_definition=definition,
        entity_link=entity_link(table, column),
    )  # fmt: skip
    case = case_fqn(table, column, check.check_id)
    stored = await catalog.client.get(f"dataQuality/testCases/name/{in_path(case)}")
    if stored is None:
        stored = catalog.wrote(await catalog.client.put("dataQuality/testCases", body.json_body()))
    return stored


async def _definition(catalog: Catalog, type_: str, of_column: bool) -> str:
    name = clean(f"hallmark_{type_}" if of_column else f"hallmark_table_{type_}")
    body = bodies.TestDefinition(
        name=name, display_name=type_.replace("_", " "), entity_type="COLUMN" if of_column else "TABLE",
        description=f"{type_}, as dbt declares it and a gate or the watch finds it.",
        data_quality_dimension=DIMENSIONS.get(type_, "Validity"),
    )  # fmt: skip
    await catalog.made("dataQuality/testDefinitions", fqn(name), body)
    return fqn(name)


def result_of(check: CheckResult, at: datetime) -> measures.TestResult:
    """A result, with the counts of rows where they are known."""
    counts: dict[str, Any] = {}
    if check.rows is not None and check.failed_rows <= check.rows:
        passed = check.rows - check.failed_rows
        counts = {"passed_rows": passed, "failed_rows": check.failed_rows}
        if check.rows:
            share = 100 / check.rows
            counts |= {"passed_rows_percentage": passed * share, "failed_rows_percentage": check.failed_rows * share}
    elif not check.success:
        counts = {"failed_rows": check.failed_rows}
    said = check.observed or ("passed" if check.success else f"{check.failed_rows} rows failed")
    said += f" ({check.threshold})" if check.threshold else ""
    said += f"; blocked nothing: waived {check.waived}" if check.waived else ""
    return measures.TestResult(
        timestamp=measures.millis(at),
        test_case_status="Success" if check.success else "Failed",
        result=said[:RESULT_LIMIT],
        test_result_value=(
            measures.Value(name="observed", value=check.observed[:RESULT_LIMIT]),
            measures.Value(name="failed_rows", value=str(check.failed_rows)),
        ),
        **counts,
    )
