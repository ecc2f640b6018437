"""What every flow needs to know about its run: settings, sources, slot and run id."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from blocks.dbt import DbtProject
from blocks.landing import Landing, open_landing
from blocks.settings import Settings
from blocks.sources.spec import SourceSpec, load_sources
from blocks.warehouses.base import Batch
from blocks.warehouses.tags import tagged
from flows import slots
from governance.constraints import with_constraints
from governance.contracts import DataContract, declared_contracts
from governance.errors import ConfigurationError
from governance.events import Teller
from governance.manifest import DeclaredTest, datasets, declared_tests
from governance.model import Dataset, Event
from governance.protection import OPEN, Protection, protections

LAYERS = ("bronze", "silver", "gold")
SAMPLE_VARIABLES = {"CRM_URL", "DROPS_ROOT", "MAILROOM_ROOT"}
SOURCES = Path(__file__).parent / "sources.yml"


@dataclass(frozen=True)
class Context:
    """One run of one slot."""

    settings: Settings
    sources_file: Path
    batch: Batch

    @cached_property
    def sources(self) -> dict[str, SourceSpec]:
        """The declared sources, by name."""
        return load_sources(self.sources_file)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the dbt project declares, read once in a run."""
        return DbtProject(self.settings).manifest()

    @cached_property
    def declared_tests(self) -> tuple[DeclaredTest, ...]:
        """The tests that dbt's YAML declares."""
        return declared_tests(self.manifest)

    @property
    def bronze_owners(self) -> dict[str, str]:
        """Bronze dataset → owner, as sources.yml has it; nothing is connected to, so no variable need be set."""
        declared = load_sources(self.sources_file, fill=False)
        return {f"bronze.{n}__{s}": spec.owner for n, spec in declared.items() for s in spec.streams}

    @cached_property
    def datasets(self) -> tuple[Dataset, ...]:
        """Every dataset that dbt's YAML declares, with its owner."""
        return with_constraints(datasets(self.manifest, self.bronze_owners), self.declared_tests)

    @cached_property
    def declared_protections(self) -> dict[str, Protection]:
        """dataset → who may see what of it, as dbt's YAML declares it; what leaves the warehouse is masked by it."""
        return protections(self.manifest)

    @cached_property
    def contracts(self) -> dict[str, DataContract]:
        """dataset → what its readers are promised, of the tables of gold."""
        return {c.dataset: c for c in declared_contracts(self.manifest)}

    @property
    def protections(self) -> dict[str, Protection]:
        """What of it the warehouse is told; who may open a file sees all of it."""
        return {} if self.settings.profile == "local" else self.declared_protections

    def protection(self, dataset: str) -> Protection:
        """Who may see what of a dataset in the warehouse."""
        return self.protections.get(dataset, OPEN)

    def declared_protection(self, dataset: str) -> Protection:
        """What must not be told of a dataset."""
        return self.declared_protections.get(dataset, OPEN)

    @cached_property
    def landing(self) -> Landing:
        """The landing zone. Raises ConfigurationError for one that is neither a folder nor in S3."""
        return open_landing(self.settings)

    def tagged(self, **tags: str) -> AbstractContextManager[None]:
        """What is done within is tagged with this run, for whoever asks what a query was for, or what it cost."""
        return tagged(slot=slots.show(self.batch.slot), flow_run=self.batch.run_id, **tags)

    def owner(self, source: str) -> str:
        """Whose the source is."""
        return self.sources[source].owner

    @property
    def tell(self) -> Teller:
        """Of this run."""
        known = {"slot": slots.show(self.batch.slot), "run_id": self.batch.run_id}
        return Teller(self.batch.run_id, known, self.settings.clock)

    def event(self, type: str, subject: str, cause: str | None = None, **data: object) -> Event:
        """An event of this run; its cause is the run, unless a load is given."""
        return self.tell.event(type, subject, cause, **data)


def sources_path(given: str | None) -> Path:
    """The sources file of a run: the given one, or the repository's.

    Links are not followed: those of a ConfigMap lead to a folder that is named anew in each pod.
    """
    return Path(given).absolute() if given else SOURCES


def new_run_id() -> str:
    """The Prefect flow run's id inside a flow, else a new one."""
    from prefect.runtime import flow_run

    return str(flow_run.get_id() or uuid.uuid4())


def name_run(name: str) -> None:
    """Give the flow run a name that a person can search for."""
    from prefect.client.orchestration import get_client
    from prefect.runtime import flow_run

    if run_id := flow_run.get_id():
        with get_client(sync_client=True) as client:
            client.update_flow_run(uuid.UUID(run_id), name=name)


def make_context(slot: str, sources: str | None, profile: str | None, run_id: str, attempt: int = 1) -> Context:
    """The context of a run; profile overrides the setting."""
    settings = Settings.load(profile=profile)
    return Context(settings, sources_path(sources), Batch(run_id, slots.parse(slot), attempt))


def check_layer(layer: str) -> None:
    """Raises ConfigurationError for a layer that does not exist."""
    if layer not in LAYERS:
        raise ConfigurationError(f"layer {layer}", "there is no such layer", f"use one of {', '.join(LAYERS)}")


def select_streams(sources: dict[str, SourceSpec], wanted: str | None) -> dict[str, list[str]]:
    """source → streams: all of them, those of a source, or the one named `source.stream`."""
    every = {name: list(spec.streams) for name, spec in sources.items()}
    if wanted is None:
        return every
    source, dot, stream = wanted.partition(".")
    if source not in every or (dot and stream not in every[source]):
        valid = ", ".join(f"{s}.{t}" for s, streams in every.items() for t in streams)
        raise ConfigurationError(f"stream {wanted}", "it is not declared", f"use one of {valid}")
    return {source: [stream] if dot else every[source]}


@contextmanager
def sample_servers(settings: Settings) -> Iterator[None]:
    """The sample's Postgres, drops and mailroom, while their variables are not set by anybody else."""
    from blocks import sample

    if not sample.exists(settings.home) or set(os.environ) >= SAMPLE_VARIABLES:
        yield
        return
    with sample.serving(settings.home) as variables:
        missing = {k: v for k, v in variables.items() if k not in os.environ}
        os.environ.update(missing)
        try:
            yield
        finally:
            for name in missing:
                os.environ.pop(name, None)
