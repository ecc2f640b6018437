"""`hallmark incident`: what fails, and what a person does about it. Answers while a batch runs."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands.options import AsJson, at, reading
from flows.console import console, dump, plain, table
from governance.errors import ConfigurationError

Id = Annotated[str, typer.Argument(help="Its id, or the beginning of it.")]
Note = Annotated[str, typer.Option("--note", help="Why, in a line.")]
COLUMNS = ("id", "state", "what", "owner", "count")


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="What fails, and who is on it.", rich_markup_mode=None)
    for name, command in (
        ("list", list_rows), ("show", show), ("ack", ack), ("assign", assign), ("resolve", resolve), ("mute", mute),
        ("preview", preview),
    ):  # fmt: skip
        group.command(name)(command)
    app.add_typer(group, name="incident")


def list_rows(
    everything: Annotated[bool, typer.Option("--all", help="Those that were resolved long ago too.")] = False,
    owner: Annotated[str | None, typer.Option("--owner", help="Only this team's.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List incidents, and those of the last day that are resolved; what follows from another one stands below it."""
    from flows.incidents import listed, shown

    rows = [shown(i) for i in listed(reading(), owner, limit, everything)]
    if as_json:
        dump(rows)
        return
    roots = [r for r in rows if r["root"] is None or all(o["id"] != r["root"] for o in rows)]
    ordered = [r for root in roots for r in (root, *(o for o in rows if o["root"] == root["id"]))]
    lines = [
        {
            **r, "id": r["id"] if r in roots else f"└ {r['id']}", "state": f"{r['state']} {r['severity']}",
            "what": f"{r['title']} (since {r['opened_at']:%m-%d %H:%M})",
        }
        for r in ordered
    ]  # fmt: skip
    table(f"{len(rows)} incidents", COLUMNS, lines, ("count",), whole=("id",))


def show(
    id: Id,
    markdown: Annotated[bool, typer.Option("--markdown", help="As the draft of a post-mortem.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show an incident with its timeline and links."""
    from flows.incidents import draft, whole

    if markdown:
        text = draft(reading(), id)
        dump({"markdown": text}) if as_json else typer.echo(text)
        return
    found = whole(reading(), id)
    dump(found) if as_json else _print(found)


def ack(id: Id, note: Note = "", as_json: AsJson = False) -> None:
    """Say that you are on it: nobody else is called."""
    _act("acknowledge", id, as_json, note=note)


def assign(
    id: Id, to: Annotated[str, typer.Option("--to", help="A person, or a team.")], as_json: AsJson = False
) -> None:
    """Give it to somebody."""
    if not to.strip():
        raise ConfigurationError("usage", "--to is empty", "name a person or a team")
    _act("assign", id, as_json, to=to)


def resolve(id: Id, note: Note = "", as_json: AsJson = False) -> None:
    """Say that it is over; a failure within a day opens it again."""
    _act("resolve", id, as_json, note=note)


def mute(
    id: Id,
    until: Annotated[datetime, typer.Option("--until", help="UTC, such as 2026-11-28T06:00.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in a line.")] = "",
    as_json: AsJson = False,
) -> None:
    """Go on recording it, and call nobody until then."""
    _act("mute", id, as_json, until=at(until), reason=reason)


def preview(
    name: Annotated[str | None, typer.Argument(help="An incident's id, or a sample; default: all samples.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page with Slack's thread.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is said of an incident, as Slack and a terminal show it; without a name, a sample of each kind."""
    from flows.incidents import previewed
    from governance.preview import as_page, as_text, slack_thread

    alerts = previewed(name)
    if html:
        try:
            html.write_text(as_page(alerts), encoding="utf-8")
        except OSError as error:
            cause = error.strerror or str(error)
            raise ConfigurationError(f"--html {html}", cause, "give a file in a folder that you may write") from None
    if as_json:
        dump({title: [vars(message) for message in slack_thread(alert)] for title, alert in alerts.items()})
        return
    for title, alert in alerts.items():
        console().print(f"── {title} ──", style="dim")
        console().print(as_text(alert, console().width), soft_wrap=True)  # a command is copied whole
    if html:
        console().print(f"page: {html}")


def _act(verb: str, id: str, as_json: bool, **arguments: Any) -> None:
    from flows.incidents import act, shown

    one, already = act(reading(), verb, id, getpass.getuser(), **arguments)
    if as_json:
        dump(shown(one) | {"already": already})
        return
    console().print(f"{one.id} is {already or one.state}: {plain(one.title)}")


def _print(found: dict[str, Any]) -> None:
    from rich.text import Text

    out = console()
    out.print(Text.assemble((f"{found['severity']} ", "bold red"), (plain(found["title"]), "bold")))
    for name in ("id", "state", "kind", "dataset", "check_id", "owner", "assignee", "opened_at", "last_seen", "count",
                 "root", "muted_until", "resolved_at"):  # fmt: skip
        if found.get(name):
            out.print(Text.assemble((f"{name:14}", "dim"), plain(found[name])))
    for name in ("observed", "threshold", "failed_rows", "waived", "error", "remedy"):
        if found["evidence"].get(name):
            out.print(Text.assemble((f"{name:14}", "dim"), plain(found["evidence"][name], 500)))
    for name, value in {**found["blast"], "attached": found["attached"]}.items():
        if value:
            out.print(Text.assemble((f"{name:14}", "dim"), plain(f"{len(value)}: {', '.join(value)}", 500)))
    for name, url in found["links"].items():
        out.print(Text.assemble((f"{name:14}", "dim"), plain(url, 500)))
    if query := found["evidence"]["query"]:
        out.print("query", style="dim")
        out.print("\n".join(plain(line, len(line) * 10) for line in query.splitlines()), soft_wrap=True)
    rows = [{**e, "at": f"{e['at']:%Y-%m-%d %H:%M:%S}"} for e in found["timeline"]]
    table("timeline (UTC)", ("at", "verb", "actor", "what"), rows, whole=("at", "verb"))
