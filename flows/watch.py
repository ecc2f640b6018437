"""Freshness: is every dataset as young as it is declared to be? What is not becomes an event, once per age."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from flows import pulse, slots
from flows.context import Context, make_context, name_run, new_run_id
from governance.freshness import declared_freshness

LOG = logging.getLogger("hallmark")
Finding = dict[str, Any]


@flow(name="watch")
def watch(sources: str | None = None, profile: str | None = None) -> list[Finding]:
    """Compare the newest success of each dataset with its declared freshness; gives those that declare one."""
    slot = slots.show(slots.floor(Settings.load().clock()))
    context = make_context(slot, sources, profile, new_run_id())
    name_run(f"watch {context.settings.clock():%Y-%m-%d %H:%M}")
    findings = freshness(context)
    create_table_artifact(
        key="hallmark-freshness", table=findings, description="Age of each dataset beside its declaration"
    )
    pulse.ended(context.settings, well=True)
    return findings


@task(cache_policy=NO_CACHE)
def freshness(context: Context) -> list[Finding]:
    """Judge each dataset; late ones are told as events, whose id is the success that grew old."""
    now = context.settings.clock()
    owners = {d.name: d.owner for d in context.datasets}
    with open_warehouse(context.settings) as warehouse:
        rows = warehouse.execute(
            "SELECT 'bronze.' || source || '__' || stream, max(finished_at) FROM ops.loads "
            "WHERE status IN ('published', 'duplicate') GROUP BY source, stream "
            "UNION ALL SELECT dataset, max(published_at) FROM ops.builds WHERE status = 'published' GROUP BY dataset"
        )
        last: dict[str, datetime] = dict(rows)
        findings, events = [], []
        for declared in declared_freshness(context.manifest):
            newest = last.get(declared.dataset)
            verdict = declared.judge(newest, now)
            age = round((now - newest).total_seconds() / 3600, 1) if newest else None
            finding = {
                "dataset": declared.dataset,
                "verdict": verdict,
                "age_hours": age,
                "owner": owners.get(declared.dataset, ""),
            }
            findings.append(finding)
            if verdict != "fresh":
                LOG.warning("%s is %s: %s h old", declared.dataset, verdict, age)
                kind = f"hallmark.dataset.{verdict}.v1"
                events.append(context.event(kind, declared.dataset, str(newest), **finding))
        with warehouse.transaction():
            warehouse.ledger.events(events)
    LOG.info("freshness: %d datasets, %d not fresh", len(findings), len(events))
    return findings
