"""One layer: dbt builds it into its audit schema → gate → publish, all or nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from blocks import interrupt
from blocks.dbt import DbtProject
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import LayerPublish, now
from blocks.warehouses.sql import SqlWarehouse
from expectations import gate, suites
from flows import pipelines, slots
from flows.context import LAYERS, Context, make_context
from flows.cost import outliers
from flows.delivery import page
from flows.failed_rows import with_rows
from flows.gates import gate_on
from flows.lineage import layer_facts
from flows.told import PLATFORM, layer_events
from flows.waivers import judged
from governance.errors import words
from governance.manifest import layer_models
from governance.model import CheckResult, Event, Profile

LOG = logging.getLogger("hallmark")
Result = dict[str, Any]


class StepTimes:
    """How long the steps of a layer took, for the report."""

    def __init__(self, layer: str) -> None:
        self.layer = layer
        self.steps: list[Result] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step. Raises KeyboardInterrupt where a signal came that a library made something else of."""
        began, started = now(), time.monotonic()
        yield
        interrupt.look()
        seconds = round(time.monotonic() - started, 3)
        self.steps.append({"name": f"{self.layer} {name}", "started_at": began.isoformat(), "seconds": seconds})


@dataclass
class Outcome:
    """How a layer ended."""

    status: str = "failed"
    error: str = ""
    stopped: dict[str, str] | None = None
    """The error that ended it before its end."""


@contextmanager
def told(context: Context, times: StepTimes) -> Iterator[Outcome]:
    """However the layer ends, an event tells of this run of the deployment."""
    outcome, began = Outcome(), now()
    try:
        yield outcome
    except Exception as error:
        outcome.error, outcome.stopped = str(error), words(error)
        raise
    finally:
        run = pipelines.transformed(times.layer, began, now(), outcome.status, times.steps, outcome.error)
        with open_warehouse(context.settings) as warehouse:
            told = context.tell.run(run, times.layer, owner=PLATFORM, layer=times.layer, error=outcome.stopped)
            warehouse.ledger.events([told])
        if run.state == "failed":
            page(context.settings)


@flow(name="transform", flow_run_name="transform {layer} {slot}")
def transform(
    layer: str,
    slot: str,
    run_id: str,
    sources: str | None = None,
    profile: str | None = None,
    attempt: int = 1,
    stale: dict[str, str] | None = None,
) -> Result:
    """Build, test and publish a layer. A failed gate leaves what is published byte for byte as it was.

    `stale` maps datasets downstream of a failed stream to the slot of their data.
    """
    context = make_context(slot, sources, profile, run_id, attempt)
    times = StepTimes(layer)
    with context.tagged(layer=layer), told(context, times) as outcome:
        with times.step("build"):
            publish, skipped = build(context, layer, stale or {})
        with times.step("gate"):
            checks = test(context, layer, publish)
        blocking = gate.blocked(checks)
        with times.step("block" if blocking else "publish"):
            (block if blocking else release)(context, layer, publish, checks)
        outcome.error = ", ".join(c.check_id for c in blocking)
        outcome.status = status = "blocked" if blocking else "published" if publish.models else "no models"
        if skipped:
            with open_warehouse(context.settings) as warehouse:
                warehouse.ledger.skipped(context.batch, layer, [f"{layer}.{m}" for m in skipped], "skipped")
    return {
        "layer": layer, "status": status, "checks": len(checks),
        "failed": sum(not c.success for c in checks), "skipped": skipped, "steps": times.steps,
        "failures": [c.model_dump(mode="json", exclude={"sample"}) for c in checks if not c.success],
    }  # fmt: skip


@task(name="build", task_run_name="build {layer}", cache_policy=NO_CACHE)
def build(context: Context, layer: str, stale: Mapping[str, str]) -> tuple[LayerPublish, list[str]]:
    """dbt into `<layer>__audit`; what it built, and the models that were skipped for want of a source."""
    dbt = DbtProject(context.settings, layer)
    fingerprint = dbt.fingerprint()
    with open_warehouse(context.settings) as warehouse:
        after, built_by = warehouse.ledger.last_publish(layer)
        # Gold holds what the published silver holds, which may be less than bronze does.
        upto = warehouse.ledger.last_publish("silver")[0] if layer == "gold" else warehouse.ledger.newest_load()
        full = built_by != fingerprint
        present = {f"bronze.{name}" for name in warehouse.tables("bronze", views=True)}
        models = layer_models(context.manifest, layer, present)
        warehouse.prepare_layer(layer, [m for m, key in models.keys.items() if key], full)
        seeded = warehouse.tables("seeds")
    values = {"slot": slots.show(context.batch.slot), "loads_after": after, "loads_upto": upto}
    with open_warehouse(context.settings):  # held, so that no reader comes between two models
        if models.seeds and (full or not set(models.seeds) <= set(seeded)):
            dbt.invoke(["seed", "--full-refresh"], values)
        if models.keys:
            dbt.invoke(["run", *(["--full-refresh"] if full else []), "--select", *models.select], values)
    LOG.info("%s: %d models built%s", layer, len(models.keys), " in full" if full else "")
    publish = LayerPublish(
        layer, context.batch, models.keys, models.rejected, upto, fingerprint, full,
        context.protections, {d: s for d, s in stale.items() if d.startswith(f"{layer}.")},
    )  # fmt: skip
    return publish, list(models.skipped)


@task(name="test", task_run_name="gate {layer}", cache_policy=NO_CACHE)
def test(context: Context, layer: str, publish: LayerPublish) -> tuple[CheckResult, ...]:
    """Run the layer's suites on the audit schema."""
    built = {f"{layer}.{name}" for name in (*publish.models, *publish.rejected)}
    tests = suites.layer(layer, context.declared_tests, built)
    with open_warehouse(context.settings) as warehouse:
        checks = judged(warehouse, context, gate.run(tests, gate_on(warehouse), gate.audit(layer)))
        checks = with_rows(warehouse, context, tests, checks, gate.audit(layer))
    LOG.info("%s: %d checks, %d failed", layer, len(checks), sum(not c.success for c in checks))
    return checks


@task(name="publish", task_run_name="publish {layer}", cache_policy=NO_CACHE)
def release(context: Context, layer: str, publish: LayerPublish, checks: Sequence[CheckResult]) -> None:
    """Put the build in the place of what is published, with its lineage and facts as events."""
    with open_warehouse(context.settings) as warehouse:
        catalog = warehouse.catalog()
        facts = layer_facts(context, layer, catalog, warehouse.name)
        costly = outliers(context, publish, warehouse)
        publish = replace(publish, profiles=profiles(context, publish, warehouse, catalog.get(f"{layer}__audit", {})))

        def tell(counted: Mapping[str, int]) -> list[Event]:
            return [*layer_events(context, publish, facts, counted, checks), *costly]

        rows = warehouse.publish_layer(publish, checks, tell)
    LOG.info("%s: %d datasets published, %d rows", layer, len(rows), sum(rows.values()))


def profiles(
    context: Context, publish: LayerPublish, warehouse: SqlWarehouse, built: Mapping[str, Mapping[str, str]]
) -> dict[str, Profile]:
    """dataset → what its built table holds; `built` has the columns of each, with their types."""
    datasets = {f"{publish.layer}.{model}": model for model in publish.models}
    found = {
        dataset: warehouse.profile(f"{publish.layer}__audit", model, built[model], context.declared_protection(dataset))
        for dataset, model in datasets.items()
    }
    return {dataset: made for dataset, made in found.items() if made}


@task(name="block", task_run_name="block {layer}", cache_policy=NO_CACHE)
def block(context: Context, layer: str, publish: LayerPublish, checks: Sequence[CheckResult]) -> None:
    """Record why a layer was not published."""
    owners = {d.name: d.owner for d in context.datasets}
    names = [f"{layer}.{model}" for model in publish.models]
    failing = {c.dataset for c in checks if not c.success}
    events = [
        context.tell.gate(
            name,
            [c for c in checks if c.dataset == name],
            owner=owners.get(name, ""),
            unpublished=LAYERS[LAYERS.index(layer) :],
        )
        for name in sorted(failing)
    ]
    events.append(
        context.event(
            "hallmark.publish.blocked.v1", layer, owner=PLATFORM, checks=[c.check_id for c in gate.blocked(checks)]
        )
    )
    with open_warehouse(context.settings) as warehouse, warehouse.transaction():
        warehouse.ledger.gates(context.batch, checks, published=False)
        warehouse.ledger.skipped(context.batch, layer, names, "blocked")
        warehouse.ledger.events(events)
    for check in gate.blocked(checks):
        LOG.error("%s blocked: %s, %d rows", layer, check.check_id, check.failed_rows)
