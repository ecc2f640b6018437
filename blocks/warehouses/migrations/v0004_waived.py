"""Who let a critical check fail without blocking, and why: beside its result."""

from blocks.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """ops.gates.waived."""
    run_sql(__file__)
