"""What is watched of a dataset: the defaults, what `meta` changes, and what it cannot say."""

from __future__ import annotations

from typing import Any

import pytest

from governance.errors import ConfigurationError
from governance.model import Column, Dataset
from governance.monitors import MEASURES, Monitor, Watched, declared_watches
from governance.schema_drift import differences, worst

DATASET = Dataset(
    name="gold.t", layer="gold", columns=tuple(Column(name=n) for n in ("id", "total", "name")), primary_key=("id",)
)


def watched(watch: Any = None, column: Any = None) -> Watched | None:
    node = {
        "resource_type": "model", "schema": "gold", "name": "t", "meta": {} if watch is None else {"watch": watch},
        "columns": {"name": {"name": "NAME", "config": {"meta": {"watch": column}}}},
    }  # fmt: skip
    return declared_watches({"nodes": {"x": node}}, [DATASET]).get("gold.t")


def test_everything_is_watched_by_default_and_the_key_is() -> None:
    found = watched()
    assert found and found.columns == ("id",) and found.monitors == dict.fromkeys(MEASURES, Monitor())


def test_meta_changes_one_monitor_or_all() -> None:
    found = watched({"columns": ["total"], "all": {"training": True}, "volume": {"sensitivity": 2}}, column=True)
    assert found and found.columns == ("id", "total", "name")
    assert found.monitors["volume"] == Monitor(sensitivity=2, training=True)
    assert found.monitors["mean"] == Monitor(training=True)
    some = watched({"mean": {"enabled": False}})
    assert some and "mean" not in some.monitors and "volume" in some.monitors
    assert watched(False) is None and watched({"all": {"enabled": False}}) is None


@pytest.mark.parametrize(
    "watch",
    [True, {"rows": {}}, {"volume": {"sensitivity": 0}}, {"columns": ["gone"]}, {"volume": {"sensitive": 1}}],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(watch: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"meta.watch of gold.t"):
        watched(watch)


def test_differences_of_columns_come_worst_first() -> None:
    found = differences(["a", "b"], ["b", "c"], refused="column a vanished", untaken=["d"])
    assert [d.severity for d in found] == ["critical", "warning", "warning", "info"]
    assert worst(found) == "critical" and worst(differences(["a"], ["a", "b"])) == "info"
    assert not differences(["a"], ["a"]) and worst([]) == "warning"
