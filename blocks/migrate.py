"""The ledger of a warehouse, `ops.*`, brought to the newest version by the steps in `warehouses/migrations`.

Who opens a warehouse calls `migrate_duckdb` or `migrate_snowflake`: one SELECT where there is nothing to do.
How a database is migrated at all is in `governance/migrate.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blocks.warehouses.dialect import Dialect, DuckDB, Snowflake
from governance.migrate import is_pending, upgrade

if TYPE_CHECKING:
    import duckdb
    from snowflake.connector import SnowflakeConnection

STEPS = Path(__file__).parent / "warehouses" / "migrations"
LEDGER = "the warehouse's ledger"
VERSION = "SELECT max(version_num) FROM ops.alembic_version"
NO_SUCH_OBJECT = (2003, 2043)  # Snowflake's numbers for a table or a schema that is not there
BEFORE = (
    # As Alembic would make it, but that another process may have made it meanwhile.
    "CREATE TABLE IF NOT EXISTS ops.alembic_version (version_num VARCHAR(32) NOT NULL)",
    # Snowflake does not enforce keys: of two processes that migrated at once each wrote its row.
    "DELETE FROM ops.alembic_version WHERE version_num < (SELECT max(version_num) FROM ops.alembic_version)",
)


def migrate_duckdb(connection: duckdb.DuckDBPyConnection, schemas: Sequence[str] = ("ops",)) -> None:
    """Make the ledger, or bring it to the newest version; then, and only then, also the `schemas` that are missing.

    All in one transaction: a kill leaves the ledger as it was. Raises ConfigurationError for a newer one.
    """
    import duckdb

    try:
        [found] = connection.execute(VERSION).fetchone() or (None,)
    except duckdb.CatalogException:
        found = None
    if not is_pending(LEDGER, found, STEPS):
        return
    from duckdb_engine import ConnectionWrapper

    with connection.cursor() as cursor:  # closed here: a forgotten one would go on holding the file
        _migrate(DuckDB(), lambda: ConnectionWrapper(cursor), schemas)


def migrate_snowflake(connection: SnowflakeConnection, schemas: Sequence[str] = ("ops",)) -> None:
    """The same on Snowflake, over a connection that has a database, commits by itself and is in no transaction.

    Each statement does nothing when it was done: after a kill, or beside another process that migrates, the steps are
    taken again. Raises ConfigurationError for a newer ledger.
    """
    from snowflake.connector.errors import ProgrammingError

    with connection.cursor() as cursor:
        try:
            rows = cursor.execute(VERSION).fetchall()  # type: ignore[union-attr]
        except ProgrammingError as error:
            if error.errno not in NO_SUCH_OBJECT:
                raise
            rows = []
    if is_pending(LEDGER, next((version for (version,) in rows), None), STEPS):
        _migrate(Snowflake(), lambda: connection, schemas, isolation_level="AUTOCOMMIT", paramstyle="qmark")


def _migrate(dialect: Dialect, connection: Callable[[], Any], schemas: Sequence[str], **options: Any) -> None:
    import sqlalchemy
    from alembic.ddl.impl import DefaultImpl
    from sqlalchemy.pool import StaticPool

    # The pool is never told to close: the connection is the caller's.
    url = "snowflake://" if isinstance(dialect, Snowflake) else "duckdb://"
    engine = sqlalchemy.create_engine(url, creator=connection, poolclass=StaticPool, **options)

    class PlainSql(DefaultImpl):
        """Alembic looks up what belongs to a dialect by its name, and has nothing for these two."""

        __dialect__ = engine.dialect.name

    engine.dialect.supports_sane_rowcount = False  # one row or two of a version: see BEFORE
    with engine.begin() as opened:
        for statement in (*map(dialect.schema, schemas), *BEFORE):
            opened.exec_driver_sql(statement)
        transactional = engine.dialect.name == "duckdb"
        upgrade(opened, STEPS, version_table_schema="ops", transactional_ddl=transactional)


def tables() -> set[str]:
    """The tables of the ledger, but the one that has its version."""
    texts = (path.read_text(encoding="utf-8") for path in STEPS.glob("*.sql"))
    return {name for text in texts for name in re.findall(r"CREATE TABLE IF NOT EXISTS ops\.(\w+)", text)}


def run_sql(step: str) -> None:
    """Within a step: the statements of the SQL file beside it."""
    from alembic import op

    for statement in statements(Path(step).with_suffix(".sql"), op.get_context().dialect.name):
        op.execute(statement)


def statements(path: Path, dialect: str) -> Iterator[str]:
    """The statements of a step's SQL file, as the warehouse takes them."""
    text = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
    if dialect == "snowflake":
        text = re.sub(r'"\w+"', lambda word: word[0].upper(), text)
    yield from (statement for part in text.split(";") if (statement := part.strip()))
