"""The ledger as it was first released, when it carried no version.

Nothing is made that is there: a ledger of the first release passes through this step as it is.
"""

from blocks.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Every table of the contract."""
    run_sql(__file__)
