"""The state database as it was first released, when it carried no version of this kind.

Nothing is made that is there: a database of the first release passes through this step as it is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ACTIVE = ("pending", "claimed", "retry")


def upgrade() -> None:
    """Outbox, its version, and the picture for `status`."""
    op.create_table(
        "hallmark_versions",
        sa.Column("component", sa.String(40), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "outbox_events",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("type", sa.String(200), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "outbox_deliveries",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(64), sa.ForeignKey("outbox_events.id"), nullable=False),
        sa.Column("destination", sa.String(200), nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.Float, nullable=False),
        sa.Column("token", sa.String(36)),
        sa.Column("last_error", sa.Text),
        sa.Column("delivered_at", sa.Float),
        sa.UniqueConstraint("event_id", "destination"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    waiting = sa.column("state").in_(ACTIVE)
    op.create_index(
        "outbox_waiting", "outbox_deliveries", ["destination", "entity", "seq"],
        sqlite_where=waiting, postgresql_where=waiting, if_not_exists=True,
    )  # fmt: skip
    op.create_table(
        "snapshots",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        if_not_exists=True,
    )
