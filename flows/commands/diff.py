"""`hallmark diff`: two tables, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import AsJson, Profile
from flows.console import console, dump, plain, table

if TYPE_CHECKING:
    from flows.diff import Compared

SHOWN, IN_JSON = 20, 10_000


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("diff")(diff)


def diff(
    a: Annotated[str, typer.Argument(help="A table: gold.t, gold.t@SLOT, source.stream, postgres://…#schema.table.")],
    b: Annotated[str, typer.Argument(help="Another: also duckdb:FILE#schema.table, or a Parquet or CSV file.")],
    key: Annotated[list[str] | None, typer.Option("--key", help="Columns of the key; default: the stream's.")] = None,
    columns: Annotated[list[str] | None, typer.Option("--columns", help="Compare only these.")] = None,
    exclude: Annotated[list[str] | None, typer.Option("--exclude", help="Do not compare these.")] = None,
    where: Annotated[str, typer.Option("--where", help="Only these rows; SQL that both sides read.")] = "",
    limit: Annotated[int | None, typer.Option(help="Show at most so many rows; all are counted.", min=0)] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal values; recorded with your name.")] = False,
    sources: Annotated[str | None, typer.Option(help="A sources.yml; default: flows/sources.yml.")] = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Compare two tables row by row, by checksums of ranges of their key. Exit status 1 if they differ."""
    from blocks.diff import Wanted
    from blocks.settings import Settings
    from flows.commands.run import progress
    from flows.diff import diff as compare

    wanted = Wanted(
        _split(key),
        _split(columns),
        _split(exclude),
        where,
        (IN_JSON if as_json else SHOWN) if limit is None else limit,
    )
    with progress(as_json):
        found = compare(Settings.load(profile=profile), a, b, wanted, sources, reveal)
    dump(found.as_dict()) if as_json else show(found)
    if not found.found.equal:
        raise typer.Exit(1)


def _split(names: list[str] | None) -> list[str]:
    """Given several times, or by a comma between them."""
    return [name.strip() for text in names or () for name in text.split(",") if name.strip()]


def show(compared: Compared) -> None:
    """The counts, and the rows as a table."""
    found, matched, out = compared.found, compared.found.matched, console()
    a, b = (plain(label) for label in compared.labels)
    for name, rows in ((a, found.rows_a), (b, found.rows_b)):
        out.print(f"{rows:>12,} rows in {name}")
    said = f"{len(matched.pairs)} columns by {', '.join(compared.key)}"
    out.print(f"Equal: {said}" if found.equal else f"Not equal: {said}", style="green" if found.equal else "red")
    for number, what in ((found.only_a, f"only in {a}"), (found.only_b, f"only in {b}"), (found.changed, "changed")):
        if number:
            out.print(f"{number:>12,} {what}")
    for only, name in ((matched.only[0], a), (matched.only[1], b)):
        if only:
            out.print(f"Not compared, only in {name}: {', '.join(map(plain, only))}", style="yellow")
    out.print("That one row has each key was checked only in the ranges that differ.", style="dim")
    if matched.apart:
        out.print(f"Not compared, of types these engines write differently: {', '.join(matched.apart)}", style="yellow")
    if found.rows:
        total = found.only_a + found.only_b + found.changed
        table(f"{found.shown} of {total} rows that differ", ("key", "column", "a", "b"), [_line(r) for r in found.rows])


def _line(row: dict[str, Any]) -> dict[str, Any]:
    key = ", ".join(map(str, row["key"])) if isinstance(row["key"], list) else row["key"]
    if row["kind"] != "changed":
        return {"key": key, "column": "", "a": "", "b": ""} | {row["kind"][-1]: "only here"}
    return {"key": key, "column": row["column"], "a": _value(row["a"]), "b": _value(row["b"])}


def _value(value: object) -> str:
    return "NULL" if value is None else plain(value, 60)
