"""What the catalog is told of a deployment before it has run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from flows import pipelines

AT = datetime(2026, 11, 22, 6, tzinfo=UTC)
DECLARED = yaml.safe_load((Path(__file__).resolve().parents[3] / "prefect.yaml").read_text("utf-8"))["deployments"]
NO_SOURCES: Any = SimpleNamespace(sources=())


@pytest.mark.parametrize("name", pipelines.WHOLE)
def test_a_deployment_is_told_with_what_prefect_yaml_says_of_it(name: str) -> None:
    [declared] = [d for d in DECLARED if d["name"] == name]
    run = pipelines.begun(NO_SOURCES, name, AT)
    assert run.description == declared["description"] != ""
    assert run.schedule == "".join(s["cron"] for s in declared.get("schedules", ()))
    assert bool(run.schedule) is (name == "batch")
    assert pipelines.ended(run, "completed", AT, None).schedule == run.schedule


def test_an_ingest_that_waits_for_the_batch_has_no_schedule() -> None:
    run = pipelines.ingested("crm", AT, AT, [])
    assert run.schedule == "" and "crm" in run.description


def test_without_the_file_of_the_deployments_a_run_is_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "DEPLOYMENTS", tmp_path / "prefect.yaml")
    pipelines._deployments.cache_clear()
    try:
        assert pipelines.begun(NO_SOURCES, "batch", AT).schedule == ""
    finally:
        pipelines._deployments.cache_clear()
