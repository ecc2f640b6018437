"""The repository's dbt project with the SQL of its models, compiled once in a session, without a warehouse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.once import once

PROJECT = Path(__file__).resolve().parents[1] / "dbt"


def compiled() -> dict[str, Any]:
    """manifest.json of `dbt compile` for DuckDB: incremental models as they are built in full."""
    folder, _ = once("compiled", _compile)
    return dict(json.loads((folder / "manifest.json").read_text("utf-8")))


def _compile(folder: Path) -> None:
    import pytest
    from dbt.cli.main import dbtRunner

    places = ["--target-path", str(folder), "--log-path", str(folder)]
    project = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target", "duckdb"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HALLMARK_HOME", str(folder))
        patch.setenv("DBT_RUN_SLOT", "2026-11-22T06:00:00Z")
        result = dbtRunner().invoke(["--quiet", "--log-level", "none", "compile", "--no-introspect", *project, *places])
    assert result.success, result.exception
