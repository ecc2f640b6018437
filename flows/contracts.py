"""The data contracts of gold as commands and files have them: from dbt's manifest alone, without a warehouse."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blocks.dbt import DbtProject
from blocks.settings import Settings
from governance.contracts import DataContract, declared_contracts
from governance.errors import ConfigurationError
from governance.odcs import odcs
from governance.oncall import load_ownership


def known_contracts(settings: Settings) -> tuple[DataContract, ...]:
    """Every contract, by name. Where there is no home none is made: dbt parses into a folder that goes again."""
    teams = load_ownership().teams
    if settings.home.is_dir():
        return declared_contracts(DbtProject(settings).manifest(), teams)
    with tempfile.TemporaryDirectory(prefix="hallmark-") as folder:
        return declared_contracts(DbtProject(settings.model_copy(update={"home": Path(folder)})).manifest(), teams)


def select(contracts: Sequence[DataContract], wanted: Sequence[str]) -> list[DataContract]:
    """Those of these datasets, with or without the schema; all of them if none is named.

    Raises ConfigurationError for one that has no contract.
    """
    by_name = {name: c for c in contracts for name in (c.dataset, c.name)}
    for name in wanted:
        if name.lower() not in by_name:
            import difflib

            near = difflib.get_close_matches(name.lower(), by_name, 1, 0.5)
            datasets = ", ".join(c.dataset for c in contracts)
            remedy = f"did you mean {near[0]}?" if near else f"use one of {datasets}"
            raise ConfigurationError(f"contract of {name}", "there is none: gold's tables have contracts", remedy)
    chosen = {by_name[name.lower()].dataset for name in wanted}
    return [c for c in contracts if not wanted or c.dataset in chosen]


def export(contracts: Sequence[DataContract], settings: Settings, folder: Path) -> list[Path]:
    """Write each as `<dataset>.odcs.yaml`. Raises ConfigurationError where the folder cannot be written."""
    import yaml

    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for contract in contracts:
            path = folder / f"{contract.dataset}.odcs.yaml"
            body = odcs(contract, servers(settings))
            path.write_text(yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
            written.append(path)
    except OSError as error:
        cause = f"it cannot be written: {error.strerror or error}"
        raise ConfigurationError(f"folder {folder}", cause, "give one that you may write by --output") from None
    return written


def servers(settings: Settings) -> list[dict[str, Any]]:
    """Where gold is read: the warehouse of the settings, or nothing while they name no account."""
    if settings.profile == "local":
        file = str(settings.home / "warehouse.duckdb")
        return [{"server": "local", "type": "duckdb", "database": file, "schema": "gold"}]
    if not (settings.snowflake_account and settings.snowflake_database):
        return []
    place = {"account": settings.snowflake_account, "database": settings.snowflake_database, "schema": "gold"}
    return [{"server": "snowflake", "type": "snowflake", **place}]
