"""Data contracts of gold: what dbt's YAML promises of a dataset, as one value, and whether a publish kept it. Pure.

Schema, owner and description are the model's; its tests are the quality, and those that say something of each row the
semantics; `meta` of the model or its folder has the terms:

    meta: {contract_status: active, contract_version: 1.0.0, frequency: 6h, latency: 9h, usage: …, limitations: …}

Not here: how a contract is written down for others (`odcs.py`), and where results go.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from governance.declared_tests import DeclaredTest, declared_tests
from governance.errors import ConfigurationError
from governance.freshness import declared_freshness
from governance.logical_types import LogicalType, logical_type
from governance.manifest import EXPOSURES, dataset_name, datasets, meta_of, table_edges
from governance.model import EVENT_NAMESPACE, CheckResult, Column, Dataset, Frozen
from governance.oncall import Team
from governance.protection import protections

Status = Literal["proposed", "draft", "active", "deprecated", "retired"]
STATUSES: tuple[Status, ...] = ("proposed", "draft", "active", "deprecated", "retired")
SEMANTIC = frozenset({"expression_is_true", "accepted_values", "relationships", "accepted_range"})
"""Types of tests that say more of a row than its types do."""
_AGE = re.compile(r"(\d+) ?(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Terms(Frozen):
    """What is declared of the contract itself."""

    status: Status = "draft"
    version: str = "0.1.0"
    frequency: timedelta | None = None
    """How often the dataset is published."""
    latency: timedelta | None = None
    """How old the newest data in it may be."""
    usage: str = ""
    limitations: str = ""


class ContractColumn(Frozen):
    """A column that is promised."""

    name: str
    type: str
    """As declared for DuckDB."""
    logical_type: LogicalType
    description: str = ""
    required: bool = False
    unique: bool = False
    key: int | None = None
    """Its place in the primary key, from 1."""
    pii: str | None = None
    tags: tuple[str, ...] = ()


class DataContract(Frozen):
    """What the owner of a dataset promises its readers."""

    id: str
    """The same for a dataset for ever."""
    name: str
    dataset: str
    terms: Terms
    description: str = ""
    owner: str = ""
    team: Team | None = None
    domain: str | None = None
    tier: str | None = None
    tags: tuple[str, ...] = ()
    columns: tuple[ContractColumn, ...] = ()
    checks: tuple[DeclaredTest, ...] = ()
    """The quality: every check of the gate."""
    readers: tuple[str, ...] = ()
    """Roles that may read it."""
    consumers: tuple[str, ...] = ()
    """Dashboards and other exposures that are made of it."""

    @property
    def semantics(self) -> tuple[DeclaredTest, ...]:
        """The checks that say more of a row than its types do."""
        return tuple(c for c in self.checks if c.type in SEMANTIC)

    @property
    def check_ids(self) -> tuple[str, ...]:
        """Of the quality."""
        return tuple(c.check_id for c in self.checks)

    @property
    def fingerprint(self) -> str:
        """sha256 of all that is promised, but the version: another one under the same version is a silent change."""
        promised = self.model_dump(mode="json", exclude={"terms": {"version"}, "team": True, "consumers": True})
        return hashlib.sha256(json.dumps(promised, sort_keys=True, default=str).encode()).hexdigest()


class Part(Frozen):
    """How a part of a contract was kept."""

    passed: int
    failed: int
    failures: tuple[str, ...] = ()
    """What is broken: check ids, or sentences about columns."""

    @property
    def total(self) -> int:
        """All that was looked at."""
        return self.passed + self.failed

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed


class ContractResult(Frozen):
    """Whether a publish kept its contract."""

    contract: str
    """Its id."""
    dataset: str
    version: str
    columns: Part
    """The schema."""
    semantics: Part
    quality: Part
    not_run: tuple[str, ...] = ()
    """Checks that are promised and have no result."""
    sla: bool | None = None
    """None where nothing is promised, or the age is not known."""
    overall: Literal["kept", "partly", "broken"]
    """broken: a column, a critical check or the age; partly: a warning, or a check that did not run. What is `info`
    only counts."""


def declared_contracts(
    manifest: Mapping[str, Any], teams: Mapping[str, Team] | None = None
) -> tuple[DataContract, ...]:
    """The contract of every gold table, by name. Raises ConfigurationError for terms that cannot be read."""
    tests, shields = declared_tests(manifest), protections(manifest)
    fresh = {f.dataset: f.error_after or f.warn_after for f in declared_freshness(manifest)}
    metas = {dataset_name(n): meta_of(n) for n in manifest["nodes"].values() if n["resource_type"] == "model"}
    read_by: dict[str, list[str]] = {}
    for edge in table_edges(manifest):
        if edge.target.startswith(f"{EXPOSURES}."):
            read_by.setdefault(edge.source, []).append(edge.target.partition(".")[2])
    found = []
    for dataset in datasets(manifest):
        if dataset.layer == "gold" and dataset.kind != "exposure":
            terms = terms_of(dataset.name, metas.get(dataset.name, {}), fresh.get(dataset.name))
            made = contract_of(dataset, [t for t in tests if t.dataset == dataset.name], terms)
            readers = shields[dataset.name].readers if dataset.name in shields else ()
            more = {"team": (teams or {}).get(dataset.owner), "readers": readers}
            found.append(made.model_copy(update={**more, "consumers": tuple(sorted(read_by.get(dataset.name, ())))}))
    return tuple(found)


def contract_of(dataset: Dataset, tests: Sequence[DeclaredTest], terms: Terms) -> DataContract:
    """The contract of one dataset, whose tests these are."""
    identity = uuid.uuid5(EVENT_NAMESPACE, f"contract\x1f{dataset.name}")
    strict = [t for t in tests if t.severity == "critical" and not t.kwargs.get("where")]
    required = {t.column for t in strict if t.type == "not_null"}
    unique = {t.column for t in strict if t.type == "unique"}
    key = _key(dataset, strict, required, unique)
    columns = tuple(_column(c, c.name in required, c.name in unique, key) for c in dataset.columns)
    return DataContract(
        id=str(identity), name=dataset.name.partition(".")[2], dataset=dataset.name, terms=terms,
        description=dataset.description, owner=dataset.owner, domain=dataset.domain, tier=dataset.tier,
        tags=dataset.tags, columns=columns, checks=tuple(tests),
    )  # fmt: skip


def terms_of(dataset: str, meta: Mapping[str, Any], fresh: timedelta | None = None) -> Terms:
    """The terms that `meta` declares; dbt's own `freshness` of the model is its latency where there is no other.

    Raises ConfigurationError naming what it may be.
    """
    status = str(meta.get("contract_status", "draft"))
    if status not in STATUSES:
        raise ConfigurationError(
            f"contract of {dataset}", f"status {status}", f"use one of {', '.join(STATUSES)} as contract_status"
        )
    ages = {}
    for name in ("frequency", "latency"):
        if (said := meta.get(name)) is not None:
            found = _AGE.fullmatch(str(said).strip())
            if not found or not int(found[1]):
                raise ConfigurationError(f"contract of {dataset}", f"{name} {said}", "write it as 30m, 6h or 1d")
            ages[name] = timedelta(**{_UNITS[found[2]]: int(found[1])})
    return Terms(
        status=status,
        version=str(meta.get("contract_version", "0.1.0")),
        frequency=ages.get("frequency"),
        latency=ages.get("latency", fresh),
        usage=str(meta.get("usage") or "").strip(),
        limitations=str(meta.get("limitations") or "").strip(),
    )


def judge(
    contract: DataContract,
    columns: Mapping[str, str],
    checks: Iterable[CheckResult],
    age: timedelta | None = None,
) -> ContractResult:
    """Whether a publish kept its contract.

    `columns`: name → type as the warehouse has it, or empty where it is not known; one more than promised breaks
    nothing, and types are compared by what they mean, so that BIGINT is NUMBER(38,0). `checks`: the results of its
    gate, others are left out. `age`: of the newest data that was published.
    """
    there = {name.lower(): found for name, found in columns.items()}
    broken = tuple(said for c in contract.columns if (said := _mismatch(c, there)))
    promised = set(contract.check_ids)
    results = {r.check_id: r for r in checks if r.check_id in promised}
    semantic = {c.check_id for c in contract.semantics}
    bad = [r for r in results.values() if not r.success]
    latency = contract.terms.latency
    sla = None if latency is None or age is None else age <= latency
    not_run = tuple(sorted(promised - set(results)))
    overall: Literal["kept", "partly", "broken"] = "kept"
    if broken or sla is False or any(r.severity == "critical" for r in bad):
        overall = "broken"
    elif not_run or any(r.severity == "warning" for r in bad):
        overall = "partly"
    return ContractResult(
        contract=contract.id, dataset=contract.dataset, version=contract.terms.version,
        columns=Part(passed=len(contract.columns) - len(broken), failed=len(broken), failures=broken),
        semantics=_part([r for r in results.values() if r.check_id in semantic]), quality=_part(results.values()),
        not_run=not_run, sla=sla, overall=overall,
    )  # fmt: skip


def _part(results: Iterable[CheckResult]) -> Part:
    results = list(results)
    failures = tuple(sorted(r.check_id for r in results if not r.success))
    return Part(passed=len(results) - len(failures), failed=len(failures), failures=failures)


def _mismatch(column: ContractColumn, there: Mapping[str, str]) -> str | None:
    if column.name not in there:
        return f"{column.name} is not there"
    found = logical_type(there[column.name])
    if column.logical_type and found and found != column.logical_type:
        return f"{column.name} is {there[column.name]}, promised is {column.type}"
    return None


def _key(
    dataset: Dataset, strict: Sequence[DeclaredTest], required: set[str | None], unique: set[str | None]
) -> list[str]:
    """The columns that name a row: the first that is never NULL and unique, else such a combination."""
    for column in dataset.columns:
        if column.name in required & unique:
            return [column.name]
    for test in strict:
        names = [str(n).lower() for n in test.kwargs.get("combination_of_columns") or ()]
        if names and set(names) <= required:
            return names
    return []


def _column(column: Column, required: bool, unique: bool, key: Sequence[str]) -> ContractColumn:
    return ContractColumn(
        name=column.name, type=column.type, logical_type=logical_type(column.type), description=column.description,
        required=required, unique=unique, key=key.index(column.name) + 1 if column.name in key else None,
        pii=column.pii, tags=column.tags,
    )  # fmt: skip
