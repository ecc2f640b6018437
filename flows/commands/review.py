"""`hallmark review`: what a change of the dbt project does to rows, contracts and readers, as a comment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import AsJson
from flows.console import dump


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("review")(review)


def review(
    base: Annotated[str, typer.Argument(help="The commit to compare with: origin/main, HEAD^1, …")],
    project: Annotated[Path | None, typer.Option(help="A dbt project in a clone; default: the repository's.")] = None,
    data: Annotated[bool, typer.Option("--data/--no-data", help="Build both on this home's bronze, locally.")] = True,
    allow_breaking: Annotated[
        bool, typer.Option("--allow-breaking", help="Contracts may break: it was agreed with their readers.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say in Markdown what a change of the dbt project does. Exit status 1 if it breaks a contract undeclared."""
    from blocks.dbt import PROJECT
    from blocks.settings import Settings
    from flows.commands.run import progress
    from flows.review import review as look
    from governance.review_comment import comment

    with progress(as_json):
        found = look(Settings.load(), base, project or PROJECT, data)
    if as_json:
        dump(found.model_dump(mode="json"))
    else:
        sys.stdout.write(comment(found, allow_breaking))
    if found.failure or (found.undeclared and not allow_breaking):
        raise typer.Exit(1)
