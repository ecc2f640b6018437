"""`hallmark`: the commands, each in a file of its group under flows/commands.

Imports are cheap here: Prefect, Great Expectations and dbt are imported by the command that needs them.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import traceback

import typer

from blocks import interrupt
from flows.commands import (
    backfill,
    catalog,
    contract,
    diff,
    discover,
    gate,
    gc,
    hold,
    incident,
    outbox,
    plan,
    platform,
    quarantine,
    review,
    rollback,
    run,
    sql,
    streams,
)
from flows.console import fail
from governance.errors import ConfigurationError, HallmarkError, Interrupted

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
incident.add_to(app)
catalog.add_to(app)
contract.add_to(app)
diff.add_to(app)
review.add_to(app)
discover.add_to(app)
platform.add_to(app)
gc.add_to(app)
rollback.add_to(app)
gate.add_to(app)
hold.add_to(app)


def main() -> None:
    """Run a command; the exit status is that of `contract.md`."""
    as_json = "--json" in sys.argv
    with interrupt.watched():
        try:
            code = status_of_command(as_json)
        except HallmarkError as error:
            code = fail(error, as_json)
        for number in interrupt.SIGNALS:
            signal.signal(number, lambda *_: os._exit(code))
        # Great Expectations and duckdb_engine in one process print pages of "leaked" when the interpreter is taken
        # down, so it ends after what the libraries do at exit.
        atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def status_of_command(as_json: bool) -> int:
    """Run it; its exit status. Typer tells usage errors by itself, though not as JSON.

    Raises the HallmarkError that says what stopped it.
    """
    try:
        found = app(standalone_mode=not as_json)
        code = found if isinstance(found, int) else 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except typer.TyperException as error:
        raise ConfigurationError("usage", error.format_message(), "see --help of the command") from None
    except BaseException as error:
        if interrupt.came():  # it is what a library made of the signal
            raise interrupted() from None
        if isinstance(error, HallmarkError):
            raise
        traceback.print_exc()  # a fault of the program: its traceback is what a report needs
        remedy = "report it with the traceback"
        raise HallmarkError(type(error).__name__, str(error)[:500], remedy) from None
    if code == Interrupted.exit_code:  # by which Typer tells a KeyboardInterrupt
        raise interrupted()
    return code


def interrupted() -> Interrupted:
    """What is said of a command that a signal ended."""
    sign = interrupt.came() or signal.SIGINT
    return Interrupted("interrupted", f"{sign.name} came", "what was published stays; give the same command to go on")


if __name__ == "__main__":
    main()
