"""The catalog, once a day: mended by what is published, and told what others than us know of it.

What we know ourselves is pushed as it happens (`flows/deliver.py`). Who reads the tables (Snowflake's query history),
how their values spread (its profiler) and which dashboards there are (Sigma) is OpenMetadata's to find out, by its own
ingestion workflows in `governance/workflows`.
"""

from __future__ import annotations

import logging
import tempfile
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from blocks.settings import Settings
from blocks.warehouses import is_made
from flows import reconcile, workflow
from flows.context import name_run
from flows.hooks import WATCHED
from flows.workflow_values import unset, values_of
from governance.errors import HallmarkError
from governance.workflows import NAMES, filled

LOG = logging.getLogger("hallmark")
Row = dict[str, Any]


@flow(name="catalog", **WATCHED)
def catalog(profile: str | None = None) -> list[Row]:
    """Mend the catalog, then run each workflow that is configured; one that fails stops none of the others.

    Gives {what, status: done|skipped|failed, found} of each. Raises HallmarkError at the end where one failed.
    """
    settings = Settings.load(profile=profile)
    name_run(f"catalog {settings.clock():%Y-%m-%d %H:%M}")
    rows: list[Row] = []
    if why := _nothing_to_do(settings):
        rows.append(_skipped("reconcile", why))
    else:
        rows.append(_row("reconcile", mend.with_options(task_run_name="reconcile")(settings, return_state=True)))
    for name in NAMES:
        if missing := why or unset(name, settings):
            rows.append(_skipped(name, missing))
        else:
            rows.append(_row(name, ingest.with_options(task_run_name=name)(name, settings, return_state=True)))
    create_table_artifact(
        key="hallmark-catalog",
        table=[{**row, "found": str(row["found"])} for row in rows],
        description="What was done to the catalog",
    )
    if failed := [row for row in rows if row["status"] == "failed"]:
        names = ", ".join(row["what"] for row in failed)
        raise HallmarkError("the catalog", f"{names} failed: {failed[0]['found']}", "see the tasks of this run")
    return rows


@task(cache_policy=NO_CACHE)
def mend(settings: Settings) -> Row:
    """The catalog beside what we own, and mended."""
    found = reconcile.mend(settings)
    LOG.info("catalog: %(created)d created, %(updated)d updated, %(deleted)d deleted, %(kept)d kept", found)
    return found


@task(cache_policy=NO_CACHE)
def ingest(name: str, settings: Settings) -> Row:
    """One of OpenMetadata's own workflows. Query texts that it stages are in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="hallmark-catalog-") as scratch:
        ready = filled(name, values_of(name, settings, scratch))
        found = workflow.run(name, ready, lambda line: LOG.info("%s: %s", name, line))
    LOG.info("workflow %s: %s", name, ", ".join(f"{n} {what}" for what, n in found.items()))
    return found


def _nothing_to_do(settings: Settings) -> str:
    if not settings.openmetadata_url:
        return "HALLMARK_OPENMETADATA_URL is not set"
    return "" if is_made(settings) else "nothing was published here yet"


def _skipped(what: str, why: str) -> Row:
    LOG.info("%s is skipped: %s", what, why)
    return {"what": what, "status": "skipped", "found": why}


def _row(what: str, state: State[Row]) -> Row:
    if state.is_completed():
        return {"what": what, "status": "done", "found": state.result()}
    error = state.result(raise_on_failure=False)
    return {"what": what, "status": "failed", "found": str(error) or state.name}
