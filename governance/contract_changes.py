"""What of a data contract is another one after a change of its declaration, and whether that breaks its readers. Pure.

A reader is broken by what he had and has no more: a column, its type, its certainty that a value is there or is the
only one, a check, an age. More than before breaks nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from governance.contracts import ContractColumn, DataContract
from governance.declared_tests import DeclaredTest
from governance.model import Frozen

Said = tuple[bool, str | None, str]


class ContractChange(Frozen):
    """One difference between what was promised and what is."""

    dataset: str
    owner: str
    column: str | None = None
    breaking: bool
    what: str
    """In a few words."""
    declared: bool = False
    """Whether the contract says so itself: by another major version."""


def contract_changes(before: Iterable[DataContract], after: Iterable[DataContract]) -> tuple[ContractChange, ...]:
    """Every difference, those that break first, by dataset."""
    old, new = ({c.dataset: c for c in contracts} for contracts in (before, after))
    found = [change for name in sorted({*old, *new}) for change in _of(old.get(name), new.get(name))]
    return tuple(sorted(found, key=lambda c: (not c.breaking, c.dataset)))


def major(version: str) -> str:
    """What a breaking change must raise: of 0.x, which promises nothing yet, the number behind it too."""
    first, _, rest = version.partition(".")
    return f"0.{rest.partition('.')[0]}" if first == "0" else first


def _of(old: DataContract | None, new: DataContract | None) -> Iterator[ContractChange]:
    known = new or old
    if known is None or (old and new and old.fingerprint == new.fingerprint):
        return
    if old is None or new is None:
        what = "the dataset is gone" if new is None else "a new dataset"
        yield ContractChange(dataset=known.dataset, owner=known.owner, breaking=new is None, what=what)
        return
    raised = major(old.terms.version) != major(new.terms.version)
    for breaking, column, what in (*_columns(old, new), *_key(old, new), *_checks(old, new), *_terms(old, new)):
        yield ContractChange(
            dataset=old.dataset, owner=old.owner or new.owner, column=column, breaking=breaking, what=what,
            declared=raised and breaking,
        )  # fmt: skip


def _columns(old: DataContract, new: DataContract) -> Iterator[Said]:
    before, after = ({c.name: c for c in contract.columns} for contract in (old, new))
    for name, column in before.items():
        if name not in after:
            yield True, name, "the column is gone"
        else:
            yield from _column(column, after[name])
    yield from ((False, name, "a new column") for name in after if name not in before)


def _column(old: ContractColumn, new: ContractColumn) -> Iterator[Said]:
    if old.type.lower() != new.type.lower():
        yield old.logical_type != new.logical_type, old.name, f"{old.type or 'no type'} → {new.type or 'no type'}"
    for was, now, lost, won in (
        (old.required, new.required, "may be NULL now", "is never NULL now"),
        (old.unique, new.unique, "may repeat now", "is unique now"),
    ):
        if was != now:
            yield was, old.name, lost if was else won
    if old.pii != new.pii:
        yield bool(new.pii), old.name, f"is personal ({new.pii}) now: masked" if new.pii else "is not personal now"


def _key(old: DataContract, new: DataContract) -> Iterator[Said]:
    before, after = (key_of(c) for c in (old, new))
    if before != after:
        yield bool(before), None, f"key {', '.join(before) or 'none'} → {', '.join(after) or 'none'}"


def key_of(contract: DataContract) -> list[str]:
    """The columns that name a row of it, in their order."""
    return [c.name for c in sorted(contract.columns, key=lambda c: c.key or 0) if c.key]


def _checks(old: DataContract, new: DataContract) -> Iterator[Said]:
    left = {c.name for c in new.columns}  # of a column that is gone it is said already
    before = _by_id(c for c in old.checks if c.column is None or c.column in left)
    after = _by_id(new.checks)
    implied = {"not_null", "unique"}  # told of the column already
    for check_id, check in before.items():
        now = after.get(check_id)
        if now is None:
            if check.type not in implied:
                yield check.severity == "critical", check.column, f"check {check_id} is gone"
        elif now.severity != check.severity:
            yield check.severity == "critical", check.column, f"check {check_id}: {check.severity} → {now.severity}"
        elif now.kwargs != check.kwargs:
            yield False, check.column, f"check {check_id} asks for something else"
    for check_id, check in after.items():
        if check_id not in before and check.type not in implied:
            yield False, check.column, f"new check {check_id}"


def _by_id(checks: Iterable[DeclaredTest]) -> Mapping[str, DeclaredTest]:
    return {check.check_id: check for check in checks}


def _terms(old: DataContract, new: DataContract) -> Iterator[Said]:
    for name in ("frequency", "latency"):
        was, now = getattr(old.terms, name), getattr(new.terms, name)
        if was != now:
            slower = was is not None and (now is None or now > was)
            yield slower, None, f"{name} {was or 'none'} → {now or 'none'}"
    if old.terms.status != new.terms.status:
        yield new.terms.status == "retired", None, f"status {old.terms.status} → {new.terms.status}"
    if lost := sorted(set(old.readers) - set(new.readers)):
        yield True, None, f"may not be read any more by {', '.join(lost)}"
    if old.owner != new.owner:
        yield False, None, f"owner {old.owner or 'none'} → {new.owner or 'none'}"
