"""What the flows that have a small role do with the ledger when they run, against what that role may do in Snowflake.

They run on DuckDB, which knows no roles: their statements are written down, and each table of `ops` in them is looked
up among the grants. What is asked on Snowflake alone, other sessions and the ledger's version, is added by its text.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from blocks import migrate
from blocks.settings import Settings
from blocks.warehouses import open_warehouse, snowflake
from blocks.warehouses.duckdb import DuckDBWarehouse
from tests.homes import Home
from tests.terraform.access_support import Access, rights

pytestmark = pytest.mark.terraform
WRITES = {exp.Insert: "INSERT", exp.Update: "UPDATE", exp.Delete: "DELETE", exp.Merge: "UPDATE"}
Done = set[tuple[str, str]]
"""(table of the ledger, privilege that it takes)."""


def done_by(sql: str) -> Done:
    """What a statement does with tables of the ledger."""
    parsed = sqlglot.parse_one(sql, read="duckdb")
    found = {(t.name.upper(), "SELECT") for t in parsed.find_all(exp.Table) if t.db.lower() == "ops"}
    for kind, privilege in WRITES.items():
        for statement in parsed.find_all(kind):
            target = statement.this.find(exp.Table) if statement.this else None
            if target is not None and target.db.lower() == "ops":
                if privilege == "INSERT":  # what is only inserted into is not read
                    found -= {(target.name.upper(), "SELECT")}
                found.add((target.name.upper(), privilege))
    return found


@contextmanager
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Done]:
    """What is done with the ledger from here on, as it is done."""
    found: Done = {("ALEMBIC_VERSION", "SELECT")}
    assert "ops.alembic_version" in migrate.VERSION
    found |= {
        (t.upper(), "SELECT") for t in re.findall(r"FROM ops\.(\w+)", inspect.getsource(snowflake.abort_detached))
    }
    execute, query, insert = DuckDBWarehouse.execute, DuckDBWarehouse.query, DuckDBWarehouse.insert

    def note_execute(self: Any, sql: str, parameters: Sequence[object] = ()) -> Any:
        found.update(done_by(sql))
        return execute(self, sql, parameters)

    def note_query(self: Any, sql: str, parameters: Sequence[object] = ()) -> Any:
        found.update(done_by(sql))
        return query(self, sql, parameters)

    def note_insert(self: Any, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        found.add((table.partition(".")[2].upper(), "INSERT"))
        insert(self, table, columns, rows)

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBWarehouse, "execute", note_execute)
        patch.setattr(DuckDBWarehouse, "query", note_query)
        patch.setattr(DuckDBWarehouse, "insert", note_insert)
        yield found


def watch(home: Home) -> None:
    """A watch that finds what is late, tells of it and pages."""
    from flows.watch import watch as flow

    late = datetime.now(UTC) + timedelta(days=30)
    with home.environment(HALLMARK_NOW=late.isoformat()):
        found = flow(sources=str(home.sources) if home.sources else None)
    assert [f for f in found if not f["success"]]


def deliver(home: Home) -> None:
    """A delivery, and the metrics at its end."""
    from flows import metrics
    from flows.deliver import deliver as flow

    with duckdb.connect(home.path / "warehouse.duckdb") as connection:
        connection.execute("UPDATE ops.events SET relayed_at = NULL")
    with home.environment():
        flow()
        with open_warehouse(Settings.load()) as warehouse:
            assert metrics.begun(warehouse)
            metrics.of_ledger(warehouse, datetime.now(UTC))


def catalog(home: Home) -> None:
    """What is read to mend the catalog."""
    from flows import reconcile

    with home.environment():
        settings = Settings.load()
        with open_warehouse(settings) as warehouse:
            assert reconcile.newest(warehouse, reconcile.published(settings, warehouse))
            reconcile.ever_told(warehouse)


@pytest.mark.parametrize(("role", "flow"), [("WATCHER", watch), ("DELIVERER", deliver), ("CATALOGER", catalog)])
def test_a_role_may_do_what_its_flow_does(
    role: str,
    flow: Callable[[Home], None],
    access: Callable[..., Access],
    first: Home,
    new_home: Callable[[Home], Home],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = new_home(first)
    with noted(monkeypatch) as found:
        flow(home)
    may = {(name, privilege) for kind, name, privilege in rights(access(), role) if kind == "table"}
    assert len(found) > 3
    assert sorted(found - may) == [], "the flow does more than its role may"
    assert sorted(may - found) == [], "the role may do more than its flow does"
