"""Incidents, their timelines, what channels remember of them, and the datasets as far as grouping needs them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Five tables."""
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(10), primary_key=True),
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("opened_at", sa.Float, nullable=False),
        sa.Column("last_seen", sa.Float, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_index("incidents_by_fingerprint", "incidents", ["fingerprint", "opened_at"], if_not_exists=True)
    op.create_table(
        "incident_entries",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("incident", sa.String(10), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("verb", sa.String(12), nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index("ix_incident_entries_incident", "incident_entries", ["incident"], if_not_exists=True)
    op.create_table(
        "incident_references",
        sa.Column("incident", sa.String(64), primary_key=True),
        sa.Column("destination", sa.String(200), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "incident_events",
        sa.Column("event_id", sa.String(64), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "incident_datasets",
        sa.Column("name", sa.String(1000), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("inputs", sa.Text, nullable=False),
        if_not_exists=True,
    )
