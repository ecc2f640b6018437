"""The steps of the state database, and the environment that Alembic runs any database's steps in."""
