"""`hallmark contract`: what readers of gold are promised, from dbt's YAML alone; no warehouse is opened."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import AsJson, Profile
from flows.console import console, dump, plain, table

if TYPE_CHECKING:
    from governance.contracts import DataContract

SHOWN = ("dataset", "version", "status", "owner", "columns", "checks", "frequency", "latency")


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Data contracts of gold: list, show, export.", rich_markup_mode=None)
    group.command("list")(list_contracts)
    group.command("show")(show)
    group.command("export")(export)
    app.add_typer(group, name="contract")


def list_contracts(as_json: AsJson = False) -> None:
    """List the contracts: one for each table of gold."""
    from blocks.settings import Settings
    from flows.contracts import known_contracts

    rows = [_row(contract) for contract in known_contracts(Settings.load())]
    if as_json:
        dump(rows)
    else:
        table(f"{len(rows)} contracts", SHOWN, rows, ("columns", "checks"), ("frequency", "columns"))


def show(
    dataset: Annotated[str, typer.Argument(help="gold.dim_customer, or dim_customer.")],
    as_json: AsJson = False,
) -> None:
    """Show what is promised of a dataset; with --json as the Open Data Contract Standard has it."""
    from blocks.settings import Settings
    from flows.contracts import known_contracts, select, servers
    from governance.odcs import odcs

    settings = Settings.load()
    (contract,) = select(known_contracts(settings), [dataset])
    if as_json:
        dump(odcs(contract, servers(settings)))
        return
    out, row = console(), _row(contract)
    out.print(f"{contract.dataset} {contract.terms.version} ({contract.terms.status})", style="bold")
    out.print(plain(contract.description, 1000))
    for name in ("owner", "frequency", "latency"):
        out.print(f"{name:10} {plain(row[name])}")
    columns = [
        {"column": c.name, "type": c.type, "required": "yes" if c.required else "", "unique": "yes" if c.unique else "",
         "key": c.key, "pii": c.pii, "description": c.description}
        for c in contract.columns
    ]  # fmt: skip
    table("columns", ("column", "type", "required", "unique", "key", "pii", "description"), columns)
    checks = [{"check": c.check_id, "severity": c.severity, "description": c.description} for c in contract.checks]
    table("checks", ("check", "severity", "description"), checks)


def export(
    output: Annotated[Path, typer.Option("--output", help="Folder to write `<dataset>.odcs.yaml` to.")],
    datasets: Annotated[list[str] | None, typer.Argument(help="Datasets; default: all of gold.")] = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Write contracts as YAML of the Open Data Contract Standard 3.1."""
    from blocks.settings import Settings
    from flows.contracts import export as write
    from flows.contracts import known_contracts, select

    settings = Settings.load(profile=profile)
    written = [str(path) for path in write(select(known_contracts(settings), datasets or ()), settings, output)]
    if as_json:
        dump({"files": written})
    else:
        console().print(f"{len(written)} contracts in {output}")


def _row(contract: DataContract) -> dict[str, Any]:
    """What the listing has of a contract."""
    terms = contract.terms
    return {
        "dataset": contract.dataset, "id": contract.id, "version": terms.version, "status": terms.status,
        "owner": contract.owner, "domain": contract.domain, "tier": contract.tier, "columns": len(contract.columns),
        "checks": len(contract.checks), "semantics": len(contract.semantics), "frequency": _said(terms.frequency),
        "latency": _said(terms.latency), "fingerprint": contract.fingerprint,
    }  # fmt: skip


def _said(age: timedelta | None) -> str | None:
    """6h, or 1h 30m."""
    if age is None:
        return None
    hours, minutes = divmod(int(age.total_seconds()) // 60, 60)
    return " ".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m")) if n)
