"""The slots of a layer that `hallmark rollback` can go back to."""

from blocks.migrate import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """ops.kept."""
    run_sql(__file__)
