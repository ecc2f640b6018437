"""What can be told of data, as events: the one place that knows what each type of event holds.

tell = Teller(cause=run_id, known={"run_id": run_id})
outbox.put([tell.dataset(dataset), tell.gate(dataset.name, checks)], ["openmetadata"])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from governance.contracts import ContractResult, DataContract
from governance.model import CheckResult, Dataset, Event, LineageEdge, Profile, Run

PROFILED_COLUMNS = 1000
"""Of which an event tells the profile: some 200 KB."""


@dataclass(frozen=True)
class Teller:
    """Tells what one run did. Telling a thing again gives the event of the same id."""

    cause: str
    """What made it happen: the id of a run, or of a load."""
    known: Mapping[str, Any] = field(default_factory=dict)
    """What every event says: slot, run_id, …"""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def event(self, type: str, subject: str, cause: str | None = None, **data: Any) -> Event:
        """An event of any type."""
        return Event.of(type, subject, cause or self.cause, self.clock(), **{**self.known, **data})

    def dataset(self, dataset: Dataset, profile: Profile | None = None, **more: Any) -> Event:
        """A dataset as readers have it from now on. `data_as_of` in `more`: its data are older, of that slot."""
        said = dataset.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
        data = {**said, "layer": dataset.layer, "owner": dataset.owner, **more}
        if profile is not None:
            told = profile.model_copy(update={"columns": profile.columns[:PROFILED_COLUMNS]})
            data["profile"] = told.model_dump(mode="json", exclude_defaults=True)
        return self.event("hallmark.dataset.published.v1", dataset.name, **data)

    def lineage(
        self,
        dataset: str,
        edges: Sequence[LineageEdge],
        *,
        inputs: Sequence[str] | None = None,
        pipeline: str = "",
        sql: str = "",
        origin: Dataset | None = None,
        endpoint: Dataset | None = None,
        **more: Any,
    ) -> Event:
        """What a dataset and its columns are made of, by which deployment and statement.

        `inputs` are the datasets that it is made of, if others than those of the columns' edges; `origin` is the
        table or the files outside of the warehouse that it comes from, `endpoint` what of a partner's API was landed
        there, under the same names of columns.
        """
        data: dict[str, Any] = {"edges": [e.model_dump(mode="json") for e in edges], "pipeline": pipeline, "sql": sql}
        if inputs is not None:
            data["inputs"] = list(inputs)
        if origin is not None:
            data["origin"] = origin.model_dump(mode="json", exclude_defaults=True)
        if endpoint is not None:
            data["endpoint"] = endpoint.model_dump(mode="json", exclude_defaults=True)
        return self.event("hallmark.lineage.published.v1", dataset, **data, **more)

    def gate(self, dataset: str, checks: Sequence[CheckResult], **more: Any) -> Event:
        """A gate's results on one dataset: those that passed too."""
        verdict = "failed" if any(not c.success for c in checks) else "passed"
        found = [c.model_dump(mode="json") for c in checks]
        return self.event(f"hallmark.gate.{verdict}.v1", dataset, **more, checks=found)

    def contract(self, contract: DataContract, result: ContractResult, **more: Any) -> Event:
        """Whether a publish kept the contract of its dataset."""
        data: dict[str, Any] = {"contract": contract.model_dump(mode="json"), "result": result.model_dump(mode="json")}
        return self.event("hallmark.dataset.assessed.v1", contract.dataset, **more, **data)

    def run(self, run: Run, part: str = "", **more: Any) -> Event:
        """How a run of a deployment stands: it began, or it ended. `part` tells two of one cause apart."""
        verb = run.state if run.state in ("completed", "failed") else "started"
        data = run.model_dump(mode="json", exclude_defaults=True)
        return self.event(f"hallmark.run.{verb}.v1", run.pipeline, f"{self.cause}/{part}", **more, run=data)
