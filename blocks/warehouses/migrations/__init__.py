"""The ledger's steps, `v<version>_<what>.py`, each with its SQL beside it. A released step is never changed.

The SQL is the same on every warehouse: statements that end with `;`, comments by `--`, words that a warehouse reserves
in quotes and lower case (Snowflake gets them in upper case). Snowflake commits each statement by itself, so one that
was done already must do nothing: IF NOT EXISTS, IF EXISTS.
"""
