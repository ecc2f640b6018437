"""`hallmark sample`, `ui`, `register`, `doctor`: the things around a batch."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from flows.commands.options import AsJson, make_home, reading
from flows.console import console, dump, table


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sample")(sample)
    app.command("ui")(ui)
    app.command("register")(register)
    app.command("doctor")(doctor)


def sample(
    rows: Annotated[int, typer.Option(help="Records of the customers CSV; the tables grow with it.")] = 50_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data.")] = 7,
    wave: Annotated[
        bool, typer.Option("--wave", help="Change an existing sample, unless a slot is unfinished.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the sample away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make sample data: a real Postgres and CSV drops, with the dirt of the real thing."""
    from blocks import sample as samples
    from blocks.settings import Settings

    make_home(Settings.load())
    home = Settings.load().home
    if remove:
        samples.remove(home)
        return
    out = console(stderr=True)
    with out.status("sample data") as status:

        def progress(step: str, done: int, total: int) -> None:
            status.update(f"sample data: {step} {done:,} of {total:,}")

        made = samples.exists(home)
        if not made:
            done = samples.make(home, rows, seed, progress)
        elif wave and not _unfinished():
            done = samples.wave(home, progress)
        else:
            done = {}
    if as_json:
        dump(done)
    elif not made:
        out.print(f"Sample data made: {home / 'sample'} (what is in it: truth.json)")
    elif done:
        out.print("Sample data changed: " + ", ".join(f"{k} {v}" for k, v in done.items() if isinstance(v, int)))
    else:
        out.print("Sample data left as it is" + (": a slot is unfinished" if wave else ""))


def _unfinished() -> bool:
    """Whether a batch was cut short: its data must not change under it."""
    from blocks.settings import Settings
    from blocks.warehouses import is_made, open_warehouse

    settings = Settings.load()
    if not is_made(settings):
        return False
    with open_warehouse(settings) as warehouse:
        return any(state != "completed" for _, state in warehouse.ledger.slots())


def ui(port: Annotated[int | None, typer.Option(help="Port; default 4200 or a free one.")] = None) -> None:
    """Serve Prefect's page of this home's runs until Ctrl-C."""
    from flows.server import ui as serve

    serve(reading().home, port)


def register(
    server: Annotated[bool, typer.Option("--server", help="At PREFECT_API_URL; default: this home's own.")] = False,
    kubernetes: Annotated[bool, typer.Option("--kubernetes", help="A work pool of Kubernetes, with --server.")] = False,
    image: Annotated[str | None, typer.Option(help="Image of the flows, with --kubernetes.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Namespace of the Jobs, with --kubernetes.")] = None,
    as_json: AsJson = False,
) -> None:
    """Register block types, work pool and variables with Prefect."""
    from flows.server import configured_server, local_server
    from governance.errors import ConfigurationError

    if kubernetes and not server:
        raise ConfigurationError("--kubernetes", "pods cannot reach this home's own server", "give --server too")
    if (image or namespace) and not kubernetes:
        raise ConfigurationError("--image, --namespace", "they are of a pool of Kubernetes", "give --kubernetes too")
    with configured_server() if server else local_server(reading().home):
        from blocks import pools
        from blocks.register import register as put

        found = put(pools.kubernetes(image, namespace) if kubernetes else pools.LOCAL)
    dump(found) if as_json else table("Registered", ("kind", "name", "status"), found)


def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    sources: Annotated[str | None, typer.Option(help="A sources.yml; default: flows/sources.yml.")] = None,
    server: Annotated[bool, typer.Option("--server", help="Also the Prefect server of PREFECT_API_URL.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check everything that a batch needs, and say the remedy of what is missing."""
    from contextlib import nullcontext

    from blocks.settings import Settings
    from flows.doctor import examine
    from flows.server import configured_server

    os.environ.setdefault("DO_NOT_TRACK", "1")
    with configured_server() if server else nullcontext():
        found = examine(Settings.load(), repair, sources, server)
    if as_json:
        dump(found)
    else:
        shown = [{**f, "state": "ok" if f["ok"] else "failed"} for f in found]
        table("Doctor", ("check", "state", "detail", "remedy"), shown)
    raise typer.Exit(0 if all(f["ok"] for f in found) else 1)
