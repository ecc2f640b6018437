"""`hallmark quarantine`: rows that were kept back, and reading them again."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import AsJson, reading
from flows.console import console, dump, plain, table
from governance.errors import ConfigurationError, HallmarkError

if TYPE_CHECKING:
    from blocks.settings import Settings
    from blocks.warehouses.base import Warehouse

COLUMNS = (
    "id", "load_id", "source", "stream", "layer", "position", "reason_code", "reason", "quarantined_at", "attempts",
    "replayed_at", "replay_load_id",
)  # fmt: skip
Source = Annotated[str | None, typer.Option("--stream", help="Only this source, or source.stream.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Only this reason code.")]


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        no_args_is_help=True, help="Rows that were kept back: list, show, replay.", rich_markup_mode=None
    )
    group.command("list")(list_rows)
    group.command("show")(show)
    group.command("replay")(replay)
    app.add_typer(group, name="quarantine")


def list_rows(
    stream: Source = None,
    reason: Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="Replayed rows too.")] = False,
    limit: Annotated[int, typer.Option(help="At most this many rows; 0 is no limit.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List quarantined rows, without their content."""
    from blocks.warehouses import open_warehouse

    where, values = _where(stream, reason, everything)
    with open_warehouse(reading()) as warehouse:
        _check_stream(warehouse, stream)
        total = warehouse.query(f"SELECT count(*) AS n FROM ops.quarantine WHERE {where}", values)[0]["n"]
        cut = f" LIMIT {limit}" if limit and not as_json else ""
        order = "ORDER BY quarantined_at, load_id, byte_from, position"
        rows = warehouse.query(f"SELECT {', '.join(COLUMNS)} FROM ops.quarantine WHERE {where} {order}{cut}", values)
    if as_json:
        dump(rows)
        return
    short = [
        {**r, "id": r["id"][:10], "stream": f"{r['source']}.{r['stream']}", "reason": r["reason_code"]} for r in rows
    ]
    table(f"{total} rows", ("id", "stream", "position", "reason"), short)
    if len(rows) < total:
        console().print(f"{total - len(rows)} more: --limit 0 shows all")


def show(
    id: Annotated[str, typer.Argument(help="The id, or the beginning of it.")],
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the row as it was read; recorded with your name.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one quarantined row. Its content may be personal: it is masked unless --reveal is given."""
    from blocks.warehouses import open_warehouse

    with open_warehouse(reading()) as warehouse:
        found = f"SELECT {', '.join(COLUMNS)}, raw FROM ops.quarantine WHERE left(id, ?) = ?"
        rows = warehouse.query(found, (len(id), id))
        if len(rows) != 1:
            cause = "no row has this id" if not rows else f"{len(rows)} rows have an id that begins so"
            raise ConfigurationError(f"quarantined row {id}", cause, "see `hallmark quarantine list`")
        if reveal:
            warehouse.ledger.act(getpass.getuser(), "quarantine.reveal", rows[0]["id"])
    row: dict[str, Any] = rows[0] if reveal else {**rows[0], "raw": mask(rows[0]["raw"])}
    if as_json:
        dump(row)
        return
    for name, value in row.items():
        console().print(f"{name:15} {plain(value, 4000)}")


def mask(raw: str | None) -> str | None:
    """The shape of a text: letters become x, digits 9."""
    if raw is None:
        return None
    return "".join("x" if c.isalpha() else "9" if c.isdigit() else c for c in raw)


def replay(
    stream: Source = None,
    reason: Reason = None,
    ids: Annotated[list[str] | None, typer.Option("--id", help="Only these rows.")] = None,
    note: Annotated[str, typer.Option("--note", help="Why, in a line; recorded with your name.")] = "",
    sources: Annotated[str | None, typer.Option(help="A sources.yml; default: flows/sources.yml.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read quarantined rows again by today's rules, into a load of their own."""
    from flows.commands.run import prefect_api, progress

    settings = reading()
    source, _, name = (stream or "").partition(".")
    with prefect_api(settings, server=False), progress(as_json):
        from blocks.warehouses import open_warehouse
        from flows.replay import replay as flow

        with open_warehouse(settings) as warehouse:
            _check_stream(warehouse, stream)
            waiting = warehouse.ledger.quarantined(source or None, name or None, reason, tuple(ids or ()))
        streams = sorted({f"{r['source']}.{r['stream']}" for r in waiting})
        try:
            counts = flow(source or None, name or None, reason, tuple(ids or ()), sources)
        except ConfigurationError as error:
            if sources is None:
                error.remedy = f"{error.remedy}; or give the file that the rows came by: --sources FILE"
            raise
        except HallmarkError as error:
            _record(settings, streams, reason, f"failed: {error.cause}", note)
            raise
        if counts["selected"]:
            _record(settings, streams, reason, f"{counts['published']} of {counts['selected']} rows published", note)
    if as_json:
        dump(counts)
        return
    console().print(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items()))


def _record(settings: Settings, streams: list[str], reason: str | None, what: str, note: str) -> None:
    from flows.incidents import acted
    from governance.incidents.signals import bronze

    rows = f" ({reason})" if reason else ""
    acted(settings, "quarantine.replay", f"{', '.join(streams)}{rows}: {what}", map(bronze, streams), note)


def _check_stream(warehouse: Warehouse, wanted: str | None) -> None:
    """Raises ConfigurationError for a stream of which the ledger knows nothing."""
    if not wanted:
        return
    sql = "SELECT source, stream FROM ops.loads UNION SELECT source, stream FROM ops.quarantine ORDER BY 1, 2"
    known = warehouse.execute(sql)
    if not any(wanted in (source, f"{source}.{stream}") for source, stream in known):
        names = ", ".join(f"{source}.{stream}" for source, stream in known)
        remedy = f"use one of {names}" if names else "run `hallmark run` first"
        raise ConfigurationError(f"stream {wanted}", "nothing was loaded of it", remedy)


def _where(stream: str | None, reason: str | None, everything: bool) -> tuple[str, list[object]]:
    clauses, values = ["true" if everything else "replayed_at IS NULL"], []
    source, _, name = (stream or "").partition(".")
    for column, value in (("source", source), ("stream", name), ("reason_code", reason)):
        if value:
            clauses.append(f"{column} = ?")
            values.append(value)
    return " AND ".join(clauses), list(values)
