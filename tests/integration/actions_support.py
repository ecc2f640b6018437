"""A shop of two streams, on DuckDB or an emulated Snowflake, whose checks are those that a test declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from flows.context import Context
from governance.declared_tests import DeclaredTest
from governance.model import Severity
from tests.homes import Done, Home, Summary
from tests.snowflake_support import environment_of

STREAMS = {
    "visits": {"path": "visits/*.csv", "settle": "0s"},
    "orders": {"path": "orders/*.csv", "settle": "0s"},
}


def values_of(column: str, severity: Severity, *values: str) -> DeclaredTest:
    """A check that a column of the orders has only these values."""
    return DeclaredTest(
        check_id=f"bronze.shop__orders.{column}.accepted_values", dataset="bronze.shop__orders", column=column,
        type="accepted_values", kwargs={"values": list(values)}, severity=severity,
    )  # fmt: skip


def variables_of(request: pytest.FixtureRequest) -> dict[str, str]:
    """Of a home on the warehouse that the fixture's parameter names, a database of its own."""
    if request.param == "duckdb":
        return {}
    account = environment_of(request.getfixturevalue("snowflake"), f"B{uuid4().hex}".upper())
    return {"HALLMARK_PROFILE": "snowflake", **account}


def later(**hours: float) -> str:
    """A time that lies ahead, as a person writes it."""
    return (datetime.now(UTC) + timedelta(**hours)).strftime("%Y-%m-%dT%H:%M:%S")


@dataclass
class Shop:
    """A home with files of its own."""

    home: Home

    @classmethod
    def at(cls, folder: Path, variables: dict[str, str]) -> Shop:
        """A new one, that has not run yet."""
        source = {"kind": "files", "root": str(folder / "shop"), "owner": "growth", "streams": STREAMS}
        (folder / "shop").mkdir(parents=True)
        (folder / "sources.yml").write_text(yaml.safe_dump({"sources": {"shop": source}}))
        return cls(Home(folder / "home", folder / "sources.yml", variables))

    def drop(self, stream: str, name: str, text: str) -> None:
        """A new file."""
        assert self.home.sources
        path = self.home.sources.parent / "shop" / stream / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def run(self, tests: Sequence[DeclaredTest] = (), now: str | None = None, **arguments: Any) -> Summary:
        """One batch, with these checks beside those that are made of the streams."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Context, "declared_tests", tuple(tests))
            if now:
                patch.setenv("HALLMARK_NOW", f"{now}Z")
            return self.home.run(**arguments)

    def hallmark(self, *arguments: str, **more: str) -> Done:
        """A command, with `--json`."""
        return self.home.hallmark(*arguments, "--json", **more)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the warehouse."""
        with self.home.environment(), open_warehouse(Settings.load()) as warehouse:
            return warehouse.execute(sql)

    def timeline(self, id: str) -> list[str]:
        """What is said of an incident."""
        return [e["what"] for e in self.hallmark("incident", "show", id).json["timeline"]]


def actions(shop: Shop) -> list[tuple[Any, ...]]:
    """What people did."""
    return shop.rows('SELECT action, target, reason, until IS NOT NULL FROM ops.actions ORDER BY "at"')
