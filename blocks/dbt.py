"""dbt, in this process: the project's settings from prefect-dbt, the run by dbt's own runner.

`PrefectDbtRunner` costs 0.8 s a node (docs: facts in CONTRIBUTING.md), so one Prefect task runs the whole layer.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from blocks import interrupt
from blocks.settings import Settings
from blocks.warehouses.tags import query_tag, tagged
from governance.errors import HallmarkError

PROJECT = Path(__file__).resolve().parent.parent / "dbt"
INPUTS = ("models", "macros", "seeds", "tests")
PARSED = "partial_parse.msgpack"


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
        if not (self.manifest_path.is_file() and self._is_parsed(self._mark())):
            self.invoke(["parse"])
        return dict(json.loads(self.manifest_path.read_text(encoding="utf-8")))

    def fingerprint(self, *folders: str) -> str:
        """sha256 over the project's files; another one builds incremental models in full."""
        digest = hashlib.sha256((self.project / "dbt_project.yml").read_bytes())  # its vars stand in the models' SQL
        for folder in folders or INPUTS:
            for path in sorted((self.project / folder).rglob("*")):
                if path.suffix in (".sql", ".yml", ".csv"):
                    digest.update(path.relative_to(self.project).as_posix().encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    def invoke(self, arguments: Iterable[str], values: Mapping[str, object] | None = None) -> Any:
        """Run a dbt command; `values` are those of macros/slots.sql. What dbt gives of it.

        Raises HallmarkError naming each node that failed, with its message.
        """
        from prefect_dbt import PrefectDbtSettings

        settings = PrefectDbtSettings(
            project_dir=self.project, profiles_dir=self.project, target_path=self.target.resolve()
        )
        environment = {f"DBT_RUN_{name.upper()}": str(value) for name, value in (values or {}).items()}
        environment |= {"HALLMARK_HOME": str(self.settings.home), **_snowflake_environment(self.settings)}
        environment |= _snowflake_login(self.settings)
        from dbt.cli.main import dbtRunner

        target = "duckdb" if self.settings.profile == "local" else self.settings.profile
        common = [
            "--project-dir", str(settings.project_dir), "--profiles-dir", str(settings.profiles_dir),
            "--target", target, "--target-path", str(settings.target_path),
            "--log-path", str(self.settings.home / "logs"), "--log-level", "none", "--log-level-file", "info",
            "--no-send-anonymous-usage-stats",
        ]  # fmt: skip
        call = [*arguments, *common, "--vars", json.dumps({"layer": self.layer})]
        mark = self._mark()  # before dbt reads the files, so that one changed meanwhile is seen
        manifest = self._parsed(mark)
        if manifest is None:
            (self.target / "fingerprint").unlink(missing_ok=True)  # dbt parses into this folder now, and may fail then
        with _environment(environment), self._sessions():
            result = dbtRunner(manifest).invoke(call)
        interrupt.look()
        if isinstance(result.exception, KeyboardInterrupt):
            raise result.exception
        if not result.success:
            raise HallmarkError(f"dbt {call[0]}", _failures(result), f"see {self.settings.home / 'logs' / 'dbt.log'}")
        (self.target / "fingerprint").write_text(mark)
        return result.result

    def _mark(self) -> str:
        """sha256 over all that dbt's parse depends on, but the layer."""
        known = [self.fingerprint(), self.settings.profile]
        known += [version("dbt-core"), version("dbt-duckdb"), version("dbt-snowflake")]
        given = {**os.environ, **_snowflake_environment(self.settings)}
        # A run's values are no part of it, nor are secrets.
        known += [f"{k}={given[k]}" for k in sorted(given) if re.match("DBT_(?!RUN_|ENV_SECRET_)", k)]
        return hashlib.sha256("\0".join(known).encode()).hexdigest()

    def _is_parsed(self, mark: str) -> bool:
        """Whether the target folder holds the parse of what has this mark."""
        file = self.target / "fingerprint"
        return file.is_file() and file.read_text() == mark and (self.target / PARSED).is_file()

    def _parsed(self, mark: str) -> Any:
        """What an earlier call parsed, if it is still so.

        dbt's own look at that takes half a second a call, and in a home that was copied or moved, whose warehouse has
        another path, it parses everything anew (3 to 5 s a layer).
        """
        if not self._is_parsed(mark):
            return None
        from dbt.contracts.graph.manifest import Manifest
        from dbt.parser.manifest import extended_mashumuro_decoder

        manifest: Any = Manifest.from_msgpack((self.target / PARSED).read_bytes(), decoder=extended_mashumuro_decoder)
        manifest.build_flat_graph()
        return manifest

    @contextmanager
    def _sessions(self) -> Iterator[None]:
        """Sessions of Snowflake that are opened meanwhile are in UTC, end long statements, and are tagged for the cost.

        dbt-snowflake 1.12 hands no session parameter to the connector but a query tag of the profile, and every
        change of the profile makes dbt parse the whole project anew.
        """
        if self.settings.profile == "local":
            yield
            return
        import snowflake.connector

        connector: Any = snowflake.connector
        connect = connector.connect
        with tagged(layer=self.layer):
            parameters = {
                "QUERY_TAG": query_tag(), "TIMEZONE": "UTC",
                "STATEMENT_TIMEOUT_IN_SECONDS": self.settings.snowflake_statement_timeout,
            }  # fmt: skip

        def with_parameters(**arguments: Any) -> Any:
            given = arguments.pop("session_parameters", None) or {}
            return connect(**arguments, session_parameters={**given, **parameters})

        connector.connect = with_parameters
        try:
            yield
        finally:
            connector.connect = connect


def _snowflake_environment(settings: Settings) -> dict[str, str]:
    """The variables of dbt/profiles.yml; what is not set is left to its default there."""
    values = {
        "DBT_SNOWFLAKE_ACCOUNT": settings.snowflake_account,
        "DBT_SNOWFLAKE_USER": settings.snowflake_user,
        "DBT_SNOWFLAKE_HOST": settings.snowflake_host,
        "DBT_SNOWFLAKE_PORT": settings.snowflake_port,
        "DBT_SNOWFLAKE_PROTOCOL": settings.snowflake_protocol,
        "DBT_SNOWFLAKE_DATABASE": settings.snowflake_database,
        "DBT_SNOWFLAKE_WAREHOUSE": settings.snowflake_transform_warehouse or settings.snowflake_warehouse,
        "DBT_SNOWFLAKE_ROLE": settings.snowflake_role,
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def _snowflake_login(settings: Settings) -> dict[str, str]:
    """Who logs in, and by what, as in the other steps. Read for each call, since a key may be rotated between two."""
    if settings.profile == "local":
        return {}
    from blocks.warehouses.snowflake_session import credentials_of

    login = credentials_of(settings)
    key, password = login.resolve_private_key(), login.password
    found = {
        "DBT_SNOWFLAKE_ACCOUNT": login.account, "DBT_SNOWFLAKE_USER": login.user, "DBT_SNOWFLAKE_ROLE": login.role,
        "DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY": base64.b64encode(key).decode() if key else None,
        "DBT_ENV_SECRET_SNOWFLAKE_PASSWORD": password.get_secret_value() if password and not key else None,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


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
