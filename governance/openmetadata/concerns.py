"""Which types of events the catalog hears of. Apart from what is done with them, so that asking costs no import."""

DATASET = "hallmark.dataset.published.v1"
ASSESSED = "hallmark.dataset.assessed.v1"
STALE = "hallmark.dataset.stale.v1"
LINEAGE = "hallmark.lineage.published.v1"
GATES = ("hallmark.gate.passed.v1", "hallmark.gate.failed.v1")
STARTED = "hallmark.run.started.v1"
RUNS = (STARTED, "hallmark.run.completed.v1", "hallmark.run.failed.v1")
INCIDENTS = tuple(f"hallmark.incident.{verb}.v1" for verb in ("acknowledged", "assigned", "resolved"))
CONCERNS = frozenset((*INCIDENTS, DATASET, ASSESSED, STALE, LINEAGE, *GATES, *RUNS))
