"""`hallmark lineage`, `report` and `reconcile`: what is known about the data, here and in the catalog."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.options import AsJson, reading
from flows.console import console, dump, plain, table
from governance.errors import ConfigurationError


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("lineage")(lineage)
    app.command("report")(report)
    app.command("reconcile")(reconcile)


def lineage(
    column: Annotated[str, typer.Argument(help="schema.table.column, or postgres:crm.public.projects.rate.")],
    everything: Annotated[bool, typer.Option("--all", help="Also what only decides which rows there are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Where a column comes from, and what is made of it."""
    from blocks.warehouses import open_warehouse
    from flows.state import known_edges
    from governance.lineage import trace

    with open_warehouse(reading()) as warehouse:
        edges = known_edges(warehouse)
    name = column.lower()
    if not any(name in (e.source, e.target) for e in edges):
        import difflib

        near = difflib.get_close_matches(name, sorted({n for e in edges for n in (e.source, e.target)}), 1, 0.5)
        remedy = f"did you mean {near[0]}?" if near else "give it as schema.table.column"
        raise ConfigurationError(f"column {column}", "nothing is known of it", remedy)
    found = trace(edges, name)
    if as_json:
        dump(found)
        return
    out = console()
    for direction in ("upstream", "downstream"):
        shown = [e for e in found[direction] if everything or e["kind"] == "direct"]
        hidden = len(found[direction]) - len(shown)
        more = f", and {hidden} that only decide which rows there are (--all)" if hidden else ""
        out.print(f"{direction}: {len(shown)} columns{more}", style="bold")
        for edge in shown:
            out.print(f"  {plain(edge['from'])} → {plain(edge['to'])}")
            out.print(f"      {plain(edge['expression'], 160)}", style="dim")


def report(
    slot: Annotated[str | None, typer.Option(help="Slot; default: the newest.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the page of a slot again, and print where it is."""
    from flows.report import rewrite

    path = str(rewrite(reading(), slot))
    dump({"report": path}) if as_json else console().print(path)


def reconcile(as_json: AsJson = False) -> None:
    """Compare the OpenMetadata catalog with what is published here, and mend it. What people wrote there stays."""
    from flows.reconcile import mend

    settings = reading()
    out = console(stderr=True)
    with out.status("comparing with the catalog"):
        found = mend(settings)
    if as_json:
        dump(found)
        return
    counts = ", ".join(f"{found[k]} {k}" for k in ("created", "updated", "deleted", "kept"))
    console().print(f"catalog: {counts}")
    for title, key in (
        ("column edges that it does not have", "missing_edges"), ("owners that are no team there", "unknown_owners"),
    ):  # fmt: skip
        for one in found[key]:
            console().print(f"  {title}: {plain(one)}")
    if found["overridden"]:
        table("values of people that gave way", ("entity", "field", "was", "now", "editor", "at"), found["overridden"])
