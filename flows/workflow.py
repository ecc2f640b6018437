"""Run one of OpenMetadata's ingestion workflows in a process of its own.

The connector's side imports an SDK (12 s), sets up logging anew, leaves threads and may end the process: none of that
must befall a flow. `python -m flows.workflow` takes its configuration from standard input, secrets within, so that
they are in no file, environment or list of processes; what it logs comes by standard error, its outcome by standard
output.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import IO, Any

from governance.errors import HallmarkError
from governance.workflows import Filled

Outcome = dict[str, Any]
SECONDS = 3600.0
"""How long a workflow may take: it holds the one place of the work pool meanwhile."""
_SHOWN = 5
_LIMIT = 2000


def run(name: str, filled: Filled, log: Callable[[str], None], seconds: float = SECONDS) -> Outcome:
    """Run it to its end; {records, filtered, warnings}. `log` gets each line that it logs, secrets masked.

    Raises HallmarkError with the connector's message, secrets masked, for one that failed or took too long.
    """
    late = threading.Event()
    with subprocess.Popen(
        # -P: a folder `flows` in the working folder must not be taken for this package.
        [sys.executable, "-P", "-m", "flows.workflow"],
        env={n: v for n, v in os.environ.items() if not n.startswith("HALLMARK_")},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, encoding="utf-8", errors="replace", start_new_session=True,
    ) as child:  # fmt: skip
        assert child.stdin and child.stdout and child.stderr

        def end() -> None:
            late.set()
            child.kill()

        def tell(lines: IO[str]) -> None:
            for line in lines:
                if line.strip():
                    log(filled.masked(line.rstrip()))

        clock = threading.Timer(seconds, end)
        # In the context of the run, whose log it is.
        logged = threading.Thread(target=copy_context().run, args=(tell, child.stderr))
        clock.start()
        logged.start()
        try:
            with suppress(BrokenPipeError):  # it has ended: how, is seen below
                child.stdin.write(json.dumps(filled.config) + "\n")
                child.stdin.flush()
            text = child.stdout.read()
            with suppress(subprocess.TimeoutExpired):
                child.wait(5)
        finally:
            clock.cancel()
            child.kill()  # its answer is given; or this run is to end
            logged.join()
    if late.is_set():
        raise _failed(name, f"it took longer than {seconds:g} s")
    try:
        outcome: Outcome = json.loads(text)
    except ValueError:
        raise _failed(name, f"its process ended with status {child.returncode}") from None
    if errors := outcome.pop("errors"):
        raise _failed(name, filled.masked("; ".join(errors[:_SHOWN]))[:_LIMIT])
    return outcome


def _failed(name: str, cause: str) -> HallmarkError:
    return HallmarkError(f"workflow {name}", cause, "see the run's log; it is tried again by the next run of `catalog`")


# --- in the child -----------------------------------------------------------------------------------


class _Errors(logging.Handler):
    """What connectors log as an error and go on from: a query history that cannot be read, a list that is empty."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []
        self.tested: list[str] = []
        """Of steps by which a connector tries the connection: those that it can do without fail here too."""

    def emit(self, record: logging.LogRecord) -> None:
        of_test = record.module in ("test_connections", "runner")
        (self.tested if of_test else self.found).append(" ".join(record.getMessage().split())[:_LIMIT])


def execute(config: dict[str, Any]) -> Outcome:
    """Run a workflow here; {records, filtered, warnings, errors}."""
    from metadata.workflow.metadata import MetadataWorkflow
    from metadata.workflow.profiler import ProfilerWorkflow
    from metadata.workflow.usage import UsageWorkflow

    kinds = {"DashboardMetadata": MetadataWorkflow, "DatabaseUsage": UsageWorkflow, "Profiler": ProfilerWorkflow}
    errors = _Errors()
    logging.getLogger("metadata").addHandler(errors)
    steps: list[Any] = []
    try:
        workflow = kinds[config["source"]["sourceConfig"]["config"]["type"]].create(config)
        steps = workflow.workflow_steps()
        workflow.execute()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a connector ends by is its outcome
        errors.found += [f"{type(error).__name__}: {' '.join(str(error).split())[:_LIMIT]}", *errors.tested]
    statuses = [step.get_status() for step in steps]
    failures = [f"{f.name}: {' '.join(f.error.split())}"[:_LIMIT] for s in statuses for f in s.failures]
    return {
        "records": max((max(s.record_count, len(s.records)) for s in statuses), default=0),
        "filtered": sum(len(s.filtered) for s in statuses),
        "warnings": sum(len(s.warnings) for s in statuses),
        "errors": list(dict.fromkeys([*failures, *errors.found])),
    }


def main() -> None:
    """Take a configuration, give the outcome."""
    config = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a connector prints is log
    outcome = execute(config)
    sys.stdout.flush()
    answer.write(json.dumps(outcome))
    answer.flush()
    os._exit(0)  # whatever threads it left


def _end_with_parent() -> None:
    """Who started this holds the other end of standard input."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
