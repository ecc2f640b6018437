"""On which host a run is at work, and its last sign of life: whether one of another machine is dead."""

from blocks.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """ops.heartbeats."""
    run_sql(__file__)
