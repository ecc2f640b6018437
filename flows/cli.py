"""`hallmark`: the commands, each in a file of its group under flows/commands.

Imports are cheap here: Prefect, Great Expectations and dbt are imported by the command that needs them.
"""

from __future__ import annotations

import atexit
import os
import sys
import traceback

import typer

from flows.commands import (
    backfill,
    catalog,
    discover,
    gc,
    outbox,
    plan,
    platform,
    quarantine,
    rollback,
    run,
    sql,
    streams,
)
from flows.console import fail
from governance.errors import HallmarkError

app = typer.Typer(
    name="hallmark",
    help="Data, tested and stamped: every batch from its sources to gold, gated at each layer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
run.add_to(app)
sql.add_to(app)
quarantine.add_to(app)
plan.add_to(app)
backfill.add_to(app)
streams.add_to(app)
outbox.add_to(app)
catalog.add_to(app)
discover.add_to(app)
platform.add_to(app)
gc.add_to(app)
rollback.add_to(app)


def main() -> None:
    """Run a command; the exit status is that of `contract.md`."""
    as_json = "--json" in sys.argv
    try:
        app()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except HallmarkError as error:
        code = fail(error, as_json)
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # noqa: BLE001 - a fault of the program: its traceback is what a report needs
        traceback.print_exc()
        code = fail(HallmarkError(type(error).__name__, str(error)[:500], "report it with the traceback"), as_json)
    # Great Expectations and duckdb_engine in one process print pages of "leaked" when the interpreter is taken down,
    # so it ends after what the libraries do at exit.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
