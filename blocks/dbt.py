"""dbt, in this process: the project's settings from prefect-dbt, the run by dbt's own runner.

`PrefectDbtRunner` costs 0.8 s a node (docs: facts in CONTRIBUTING.md), so one Prefect task runs the whole layer.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from blocks.settings import Settings
from governance.errors import HallmarkError

PROJECT = Path(__file__).resolve().parent.parent / "dbt"
INPUTS = ("models", "macros", "seeds", "tests")


class DbtProject:
    """The dbt project on the warehouse of the settings."""

    def __init__(self, settings: Settings, layer: str = "all", project: Path = PROJECT) -> None:
        self.settings, self.layer, self.project = settings, layer, project
        # A folder for each layer: a changed var, as the layer is one, makes dbt parse everything anew.
        self.target = settings.home / "dbt" / layer

    @property
    def manifest_path(self) -> Path:
        """Where the last invocation wrote manifest.json."""
        return self.target / "manifest.json"

    def manifest(self) -> dict[str, Any]:
        """The manifest of the last invocation; parses the project when it was another one then."""
        mark = self.target / "fingerprint"
        if not (self.manifest_path.is_file() and mark.is_file() and mark.read_text() == self.fingerprint()):
            self.invoke(["parse"])
        return dict(json.loads(self.manifest_path.read_text(encoding="utf-8")))

    def fingerprint(self, *folders: str) -> str:
        """sha256 over the project's files; another one builds incremental models in full."""
        digest = hashlib.sha256()
        for folder in folders or INPUTS:
            for path in sorted((self.project / folder).rglob("*")):
                if path.suffix in (".sql", ".yml", ".csv"):
                    digest.update(path.relative_to(self.project).as_posix().encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    def invoke(self, arguments: Iterable[str], values: Mapping[str, object] | None = None) -> None:
        """Run a dbt command; `values` are those of macros/slots.sql.

        Raises HallmarkError naming each node that failed, with its message.
        """
        from prefect_dbt import PrefectDbtSettings

        settings = PrefectDbtSettings(
            project_dir=self.project, profiles_dir=self.project, target_path=self.target.resolve()
        )
        environment = {f"DBT_RUN_{name.upper()}": str(value) for name, value in (values or {}).items()}
        environment["HALLMARK_HOME"] = str(self.settings.home)
        from dbt.cli.main import dbtRunner

        target = "duckdb" if self.settings.profile == "local" else self.settings.profile
        common = [
            "--project-dir", str(settings.project_dir), "--profiles-dir", str(settings.profiles_dir),
            "--target", target, "--target-path", str(settings.target_path),
            "--log-path", str(self.settings.home / "logs"), "--log-level", "none", "--log-level-file", "info",
            "--no-send-anonymous-usage-stats",
        ]  # fmt: skip
        call = [*arguments, *common, "--vars", json.dumps({"layer": self.layer})]
        fingerprint = self.fingerprint()  # before dbt reads the files, so that one changed meanwhile is seen
        with _environment(environment):
            result = dbtRunner().invoke(call)
        if isinstance(result.exception, KeyboardInterrupt):
            raise result.exception
        if not result.success:
            raise HallmarkError(f"dbt {call[0]}", _failures(result), f"see {self.settings.home / 'logs' / 'dbt.log'}")
        (self.target / "fingerprint").write_text(fingerprint)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables, for the time of a call."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _failures(result: Any) -> str:
    if result.exception:
        return str(result.exception)[:1000]
    failed = [r for r in getattr(result.result, "results", ()) if str(r.status) in ("error", "fail")]
    return "; ".join(f"{r.node.name}: {' '.join(str(r.message).split())[:300]}" for r in failed) or "it failed"
