"""Which attempt at its slot a run is, so that what a pod of it began has another name than what the next one begins."""

from blocks.migrate import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """ops.batches.attempt."""
    run_sql(__file__)
