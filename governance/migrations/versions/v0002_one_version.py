"""The version that the outbox kept by itself goes: the database's own is Alembic's."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """A program of the first release that is still writing meanwhile has read it already."""
    op.drop_table("hallmark_versions", if_exists=True)
