"""What Alembic runs for every migration: on the connection that `governance/migrate.py` gives it, and no other."""

from alembic import context

context.configure(**context.config.attributes["configure"])
with context.begin_transaction():
    context.run_migrations()
