"""The watch: whether every dataset is as young, as large and of the shape that it should be, and the batch on time.

What is found are results of checks, told as those of gates are; `watch_told.py` says when. `watch_seen.py` reads the
ledger, `watch_checks.py` compares, `watch_shapes.py` knows the sources.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch
from flows import pulse, slots
from flows.context import Context, make_context, name_run, new_run_id
from flows.delivery import page
from flows.hooks import WATCHED
from flows.stuck import sweep
from flows.watch_checks import Finding, anomalies, freshness, schemas
from flows.watch_seen import state
from flows.watch_shapes import shapes
from flows.watch_told import gate_events, overdue_events, untold
from governance.freshness import declared_freshness, overdue_slots
from governance.monitors import declared_watches

LOG = logging.getLogger("hallmark")


@flow(name="watch", **WATCHED)
def watch(sources: str | None = None, profile: str | None = None) -> list[dict[str, Any]]:
    """Judge every dataset and the batch; gives the findings, each as a row: check_id, verdict, severity, observed …."""
    slot = slots.show(slots.floor(Settings.load().clock()))
    context = make_context(slot, sources, profile, new_run_id())
    name_run(f"watch {context.settings.clock():%Y-%m-%d %H:%M}")
    sweep(context.settings)
    findings, overdue = look(context)
    table = [shown(f) for f in findings]
    failed = [row for row in table if not row["success"]]
    create_table_artifact(key="hallmark-watch", table=failed, description="What is not as it should be")
    LOG.info("watch: %d checks, %d failed, %d batches overdue", len(table), len(failed), len(overdue))
    if failed or overdue:
        page(context.settings)
    pulse.ended(context.settings, well=True)
    return table


@task(cache_policy=NO_CACHE)
def look(context: Context) -> tuple[Sequence[Finding], Sequence[datetime]]:
    """All findings, and slots whose batch is past its deadline; what is news is written to the ledger."""
    now, watches = context.settings.clock(), declared_watches(context.manifest, context.datasets)
    with open_warehouse(context.settings) as warehouse:
        seen = state(warehouse, watches.values(), now)
        overdue = overdue_slots(seen.slots, now)
        shape = shapes(context, warehouse)
        findings = [
            *freshness(declared_freshness(context.manifest), seen, now, is_batch_overdue=bool(overdue)),
            *anomalies(watches, seen),
            *schemas(context.datasets, seen, shape.refused, shape.untaken),
        ]
        news = untold(findings, seen.told)
        with warehouse.transaction():
            for slot in {f.slot for f in news}:
                checks = [f.check for f in news if f.slot == slot]
                warehouse.ledger.gates(Batch(context.batch.run_id, slot), checks, published=True)
            told = gate_events(context, news, seen.told)
            warehouse.ledger.events([*told, *overdue_events(context, overdue)])
    return findings, overdue


def shown(finding: Finding) -> dict[str, Any]:
    """A finding as a row of the artifact."""
    check = finding.check
    names = ("check_id", "dataset", "type", "severity", "success", "observed", "threshold")
    return {**{n: getattr(check, n) for n in names}, "verdict": finding.verdict, "slot": slots.show(finding.slot)}
