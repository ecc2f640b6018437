"""`hallmark sql`: ask the warehouse."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated, Any

import typer

from blocks.settings import Settings
from flows.commands.options import AsJson, reading
from flows.console import dump, table
from governance.errors import ConfigurationError, HallmarkError

WRITE = "add --write to change data or read files"
Rows = list[dict[str, Any]]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sql")(sql)


def sql(
    query: Annotated[str, typer.Argument(help="One SQL statement.")],
    write: Annotated[bool, typer.Option("--write", help="Allow changes and file access.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the rows of a query. Read-only and without file access, unless --write is given."""
    settings = reading()
    if not query.strip().rstrip(";"):
        raise ConfigurationError("the query", "it is empty", "give one SQL statement")
    names, rows = (_on_snowflake if settings.profile == "snowflake" else _on_duckdb)(settings, query, write)
    dump(rows) if as_json else table(f"{len(rows)} rows", names, rows)


def _on_duckdb(settings: Settings, query: str, write: bool) -> tuple[list[str], Rows]:
    import duckdb

    from blocks.warehouses.duckdb import connect

    if not settings.warehouse_file.exists():
        raise HallmarkError(f"warehouse {settings.warehouse_file}", "it does not exist", "run `hallmark run` first")
    options: dict[str, Any] = {} if write else {"read_only": True, "config": {"enable_external_access": "false"}}
    with closing(connect(settings.warehouse_file, **options)) as connection:
        try:
            connection.execute("SET TimeZone = 'UTC'")
            if not write:
                connection.execute("SET lock_configuration = true")
            result = connection.execute(query)
            names = [d[0] for d in result.description or ()]
            return names, [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        except duckdb.Error as error:
            remedy = WRITE if "read-only" in str(error) or "disabled" in str(error) else "correct the statement"
            usage = remedy == WRITE or isinstance(error, duckdb.ProgrammingError)  # a division by zero is none
            kind = ConfigurationError if usage else HallmarkError
            raise kind("the query", str(error).split("\n\n")[0][:500], remedy) from None


def _on_snowflake(settings: Settings, query: str, write: bool) -> tuple[list[str], Rows]:
    """Snowflake has no session that only reads: the statement itself must be one that does."""
    import sqlglot
    from sqlglot import exp

    from blocks.warehouses import open_warehouse
    from blocks.warehouses.snowflake_errors import NotThereError

    try:
        [statement] = sqlglot.parse(query, read="snowflake")
    except (sqlglot.errors.ParseError, ValueError) as error:
        raise ConfigurationError("the query", str(error).splitlines()[0][:500], "give one SQL statement") from None
    if not write and not (isinstance(statement, exp.Query | exp.Show | exp.Describe) and only_reads_tables(query)):
        raise ConfigurationError("the query", "it is not read-only, or reads files", WRITE)
    with open_warehouse(settings) as warehouse:
        try:
            rows = warehouse.query(query)
        except NotThereError as error:
            raise ConfigurationError("the query", error.cause, "correct the statement") from None
    return list(rows[0]) if rows else [], rows


def only_reads_tables(query: str) -> bool:
    """Whether a query of Snowflake names no stage (`@name`) and calls no function that may act on the account."""
    import sqlglot

    tokens = sqlglot.tokenize(query, read="snowflake")
    stages = any(token.token_type is sqlglot.TokenType.PARAMETER and token.text == "@" for token in tokens)
    names = {token.text.upper() for token in tokens if token.token_type is not sqlglot.TokenType.STRING}
    return not stages and all(name == "SYSTEM$TYPEOF" or not name.startswith("SYSTEM$") for name in names)
