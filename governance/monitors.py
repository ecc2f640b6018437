"""Which measures of which datasets are watched, and how: the defaults, and what dbt's `meta` changes of them. Pure.

meta: {watch: {columns: [total], volume: {sensitivity: 2}, null_rate: {enabled: false}, all: {training: true}}}

`watch: false` watches nothing of a dataset. Columns that are watched are those of the primary key, those listed under
`columns`, and those that have `watch: true` in their own `meta`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from governance.business_hours import BusinessHours
from governance.errors import ConfigurationError
from governance.manifest import dataset_name, meta_of
from governance.model import Dataset, Frozen, Severity

Measure = Literal["volume", "null_rate", "distinct", "mean", "quantile", "file_count", "file_size"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
OF_COLUMNS: tuple[Measure, ...] = ("null_rate", "distinct", "mean", "quantile")
OF_FILES: tuple[Measure, ...] = ("file_count", "file_size")
ALL, COLUMNS = "all", "columns"


class Monitor(Frozen):
    """How a measure is watched. These are the defaults."""

    enabled: bool = True
    sensitivity: float = Field(1.0, gt=0)
    """2: half the deviation is unusual already; 0.5: only twice as much is."""
    warm_up: int = Field(112, ge=14)
    """Slots that must have been seen before a value can be unusual; 112 are four weeks."""
    training: bool = False
    """Judged and shown, but never told as a failure."""
    severity: Severity = "warning"


class Watched(Frozen):
    """What is watched of a dataset."""

    dataset: str
    columns: tuple[str, ...] = ()
    monitors: Mapping[Measure, Monitor] = Field(default_factory=dict)
    """Those that are enabled."""
    hours: BusinessHours | None = None


def declared_watches(manifest: Mapping[str, Any], datasets: Iterable[Dataset]) -> dict[str, Watched]:
    """dataset → what is watched of it; without those of which nothing is.

    Raises ConfigurationError for a key, a column or a value that `meta.watch` cannot have.
    """
    nodes = {
        dataset_name(n): n for n in (*manifest.get("sources", {}).values(), *manifest.get("nodes", {}).values())
        if n["resource_type"] in ("source", "model")
    }  # fmt: skip
    found = {d.name: _watched(d, nodes[d.name]) for d in datasets if d.name in nodes}
    return {name: watched for name, watched in found.items() if watched.monitors}


def _watched(dataset: Dataset, node: Mapping[str, Any]) -> Watched:
    meta, where = meta_of(node), f"meta.watch of {dataset.name}"
    declared = meta.get("watch", {})
    if declared is False:
        return Watched(dataset=dataset.name)
    if not isinstance(declared, Mapping):
        raise ConfigurationError(where, "it is no mapping", "write `watch: false`, or a mapping of monitors")
    if unknown := set(declared) - {ALL, COLUMNS, *MEASURES}:
        valid = ", ".join((ALL, COLUMNS, *MEASURES))
        raise ConfigurationError(where, f"there is no {', '.join(sorted(unknown))}", f"use {valid}")
    try:
        asked = {m: Monitor.model_validate({**declared.get(ALL, {}), **declared.get(m, {})}) for m in MEASURES}
    except ValidationError as error:
        raise ConfigurationError.of_validation(where, error) from None
    return Watched(
        dataset=dataset.name, columns=_columns(dataset, node, declared.get(COLUMNS, ()), where),
        monitors={m: monitor for m, monitor in asked.items() if monitor.enabled}, hours=BusinessHours.declared(node),
    )  # fmt: skip


def _columns(dataset: Dataset, node: Mapping[str, Any], listed: Sequence[str], where: str) -> tuple[str, ...]:
    known = [c.name for c in dataset.columns]
    if unknown := set(listed) - set(known):
        raise ConfigurationError(where, f"there is no column {', '.join(sorted(unknown))}", "name a declared column")
    marked = [str(c["name"]).lower() for c in (node.get("columns") or {}).values() if meta_of(c).get("watch")]
    wanted = {*dataset.primary_key, *listed, *marked}
    return tuple(c for c in known if c in wanted)
