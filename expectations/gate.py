"""Runs the suites of a gate and says the verdict.

The only place that starts Great Expectations. It decides nothing about publishing and writes nothing.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from governance.model import CheckResult

if TYPE_CHECKING:
    import duckdb

    from governance.declared_tests import DeclaredTest

Connect = Callable[[Any, str, str], Any]
"""(GX context, name, schema) → a new GX SQL datasource of the tables in that schema."""
Place = Callable[[str], str]
"""A dataset as readers know it → `<schema>.<table>` where the gate reads it."""

_ONE_AT_A_TIME = threading.Lock()  # a GX context is global to the process and not thread-safe


def on_duckdb(connection: duckdb.DuckDBPyConnection) -> Connect:
    """Checks in the DuckDB instance that `connection` has open. They see what is committed."""

    def connect(context: Any, name: str, schema: str) -> Any:
        from expectations.datasource import add_duckdb

        return add_duckdb(context, name, schema, connection)

    return connect


def on_snowflake(connect: Callable[[], Any]) -> Connect:
    """Checks in the database of the connection (snowflake.connector's, paramstyle pyformat) that `connect` opens.

    One is opened per schema, and closed when its suites have run. What `connect` raises as a HallmarkError, `run`
    raises.
    """

    def datasource(context: Any, name: str, schema: str) -> Any:
        from expectations.snowflake import add_snowflake

        return add_snowflake(context, name, schema, connect)

    return datasource


def published(dataset: str) -> str:
    """The place of a dataset that readers see."""
    return dataset


def audit(layer: str) -> Place:
    """Where a gate reads while `layer` is under build: that layer from its audit schema, the others as published."""

    def place(dataset: str) -> str:
        schema, _, table = dataset.partition(".")
        return f"{schema}__audit.{table}" if schema == layer else dataset

    return place


def staged(tables: Mapping[str, str]) -> Place:
    """Where a gate reads the datasets of a load that is not published: dataset → `<schema>.<table>`."""
    return lambda dataset: tables.get(dataset, dataset)


@cache
def warm() -> threading.Thread:
    """Begin to import Great Expectations in the background, once per process; `run` waits for the end of it."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read while GX is imported
    thread = threading.Thread(target=_import, name="warm-great-expectations", daemon=True)
    thread.start()
    return thread


def run(tests: Sequence[DeclaredTest], connect: Connect, place: Place = published) -> tuple[CheckResult, ...]:
    """Execute the tests, in their order: one result each.

    A test that cannot run (no such table or column, an error in its SQL) is a failed check with the cause in
    `observed`. Raises ConfigurationError for a test that no expectation stands for; that a connection cannot be made
    is GX's TestConnectionError.
    """
    if not tests:
        return ()
    warm().join()
    with _ONE_AT_A_TIME, _quiet():
        context = _context()
        found: dict[str, CheckResult] = {}
        by_schema = sorted(tests, key=lambda t: place(t.dataset))
        for schema, members in groupby(by_schema, key=lambda t: place(t.dataset).split(".", 1)[0]):
            name = f"gate_{uuid.uuid4().hex}"
            datasource = connect(context, name, schema)
            try:
                found |= _run_schema(list(members), datasource, place)
            finally:
                datasource.get_execution_engine().close()
                datasource.get_engine().dispose()
                context.data_sources.delete(name)
    return tuple(found[t.check_id] for t in tests)


def blocked(results: Iterable[CheckResult]) -> list[CheckResult]:
    """The failed checks that keep a layer from being published."""
    return [r for r in results if not r.success and r.severity == "critical" and not r.waived]


def waive(results: Iterable[CheckResult], waivers: Mapping[str, str]) -> tuple[CheckResult, ...]:
    """The results, of which those that block say who lets them fail; check id → that, in a line."""
    found = list(results)
    of = {r.check_id: waivers[r.check_id] for r in blocked(found) if r.check_id in waivers}
    return tuple(r.model_copy(update={"waived": of[r.check_id]}) if r.check_id in of else r for r in found)


def _import() -> None:
    import expectations.datasource
    import expectations.translate  # noqa: F401


@cache
def _context() -> Any:
    import great_expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = great_expectations.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _run_schema(tests: Sequence[DeclaredTest], datasource: Any, place: Place) -> dict[str, CheckResult]:
    from great_expectations import ExpectationSuite
    from great_expectations.datasource.fluent.interfaces import TestConnectionError
    from great_expectations.exceptions import GreatExpectationsError
    from sqlalchemy import quoted_name
    from sqlalchemy.exc import SQLAlchemyError

    from expectations import translate
    from expectations.sql import Dialect

    dialect = Dialect(datasource.get_engine().dialect.identifier_preparer.quote, place)
    expectations = {t.check_id: translate.expectation(t, dialect) for t in tests}
    found: dict[str, CheckResult] = {}
    for dataset, members in groupby(tests, key=lambda t: t.dataset):
        asked = {t.check_id: t for t in members}
        try:
            # GX takes a plain text as SQL: `Odd "one"` would read the table odd. Quoting is the dialect's.
            table = quoted_name(place(dataset).split(".", 1)[1], quote=None)
            asset = datasource.add_table_asset(name=dataset, table_name=table)
            batch = asset.add_batch_definition_whole_table(dataset).get_batch()
            suite = ExpectationSuite(name=dataset, expectations=[expectations[i] for i in asked])
            validations = batch.validate(suite, result_format="BASIC").results
        except (GreatExpectationsError, TestConnectionError, SQLAlchemyError) as error:
            found |= {i: translate.failure(t, str(error)) for i, t in asked.items()}
            continue
        for validation in validations:
            check_id = validation.expectation_config.meta["check_id"]
            found[check_id] = translate.result(asked[check_id], validation)
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """GX logs every failed metric with a traceback; a gate tells it as a check."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
