"""What breaks a reader of a contract, and what does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance.contract_changes import ContractChange, contract_changes, major
from governance.contracts import ContractColumn, DataContract, Terms, contract_of
from governance.declared_tests import DeclaredTest
from governance.model import Column, Dataset

COLUMNS = (
    Column(name="id", type="bigint"),
    Column(name="amount", type="numeric(38,2)"),
    Column(name="status", type="varchar"),
)


def check(type: str, column: str | None = None, **more: Any) -> DeclaredTest:
    """A test of the dataset."""
    return DeclaredTest(check_id=f"gold.t.{column}.{type}", dataset="gold.t", column=column, type=type, **more)


CHECKS = (
    check("not_null", "id"), check("unique", "id"), check("accepted_values", "status", kwargs={"values": ["a", "b"]}),
    check("share_below", "amount", severity="warning"),
)  # fmt: skip


def contract(
    columns: tuple[Column, ...] = COLUMNS, checks: tuple[DeclaredTest, ...] = CHECKS, **terms: Any
) -> DataContract:
    """A contract of gold.t."""
    dataset = Dataset(name="gold.t", layer="gold", owner="finance", columns=columns)
    return contract_of(dataset, checks, Terms(**{"version": "1.2.0", "latency": timedelta(hours=9), **terms}))


def with_column(name: str, **update: Any) -> tuple[Column, ...]:
    """The columns, one of them changed."""
    return tuple(c.model_copy(update=update) if c.name == name else c for c in COLUMNS)


def without(type: str) -> tuple[DeclaredTest, ...]:
    """The checks but for those of a type."""
    return tuple(c for c in CHECKS if c.type != type)


def said(after: DataContract | None) -> list[tuple[bool, str | None, str]]:
    """What is found."""
    found = contract_changes([contract()], [after] if after else [])
    assert {(c.dataset, c.owner) for c in found} <= {("gold.t", "finance")}
    return [(c.breaking, c.column, c.what) for c in found]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (None, [(None, "the dataset is gone")]),
        (contract(COLUMNS[:2]), [("status", "the column is gone")]),
        (contract(with_column("amount", type="varchar")), [("amount", "numeric(38,2) → varchar")]),
        (contract(checks=without("not_null")), [("id", "may be NULL now"), (None, "key id → none")]),
        (contract(checks=without("unique")), [("id", "may repeat now"), (None, "key id → none")]),
        (contract(checks=without("accepted_values")), [("status", "check gold.t.status.accepted_values is gone")]),
        (contract(latency=timedelta(hours=12)), [(None, "latency 9:00:00 → 12:00:00")]),
        (contract(latency=None), [(None, "latency 9:00:00 → none")]),
        (contract(status="retired"), [(None, "status draft → retired")]),
        (contract(with_column("status", pii="name")), [("status", "is personal (name) now: masked")]),
    ],
)
def test_less_than_before_breaks(after: DataContract | None, expected: list[tuple[str | None, str]]) -> None:
    assert [(column, what) for breaking, column, what in said(after) if breaking] == expected


@pytest.mark.parametrize(
    "after",
    [
        contract((*COLUMNS, Column(name="more", type="date"))),
        contract(with_column("amount", type="numeric(18,2)")),
        contract(checks=(*CHECKS, check("not_null", "amount"), check("accepted_range", "amount"))),
        contract(checks=without("share_below")),
        contract(latency=timedelta(hours=3)),
        contract(status="active"),
        contract(with_column("status", description="Better words.")),
    ],
)
def test_more_or_the_same_breaks_nobody(after: DataContract) -> None:
    assert not [change for change in said(after) if change[0]]


def test_the_same_contract_has_no_change() -> None:
    assert said(contract()) == []
    assert said(contract(version="1.3.0")) == []


def test_another_major_declares_it() -> None:
    def found(version: str) -> list[ContractChange]:
        return [c for c in contract_changes([contract()], [contract(COLUMNS[:2], version=version)]) if c.breaking]

    assert [c.declared for c in found("2.0.0")] == [True]
    assert [c.declared for c in found("1.9.0")] == [False]
    assert [major(v) for v in ("1.2.0", "2", "0.3.1", "0.4")] == ["1", "2", "0.3", "0.4"]


def test_readers_who_lose_their_role_are_named() -> None:
    before = contract().model_copy(update={"readers": ("ANALYST", "FINANCE")})
    after = contract().model_copy(update={"readers": ("FINANCE",)})
    (change,) = contract_changes([before], [after])
    assert change.breaking and change.what == "may not be read any more by ANALYST"
    assert isinstance(before.columns[0], ContractColumn)
