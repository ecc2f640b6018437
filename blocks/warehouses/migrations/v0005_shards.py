"""Which parts of a large stream other processes land and load, and what each of them found."""

from blocks.migrate import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """ops.shards."""
    run_sql(__file__)
