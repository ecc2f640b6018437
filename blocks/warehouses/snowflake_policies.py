"""What is declared of who may see what, as Snowflake's statements: masks by tag, rows of a team, grants, clustering.

Masks need the Enterprise edition, and a role that sees through them: `HALLMARK_SNOWFLAKE_PII_ROLE`. They stand before
rows do: a table is protected while it is empty, or while it is in a schema that no reader may use.
Everything here is a definition, which commits: never within a transaction. Each can be done again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from blocks.sources.naming import literal, quote
from governance.protection import Protection

if TYPE_CHECKING:
    from blocks.warehouses.snowflake import SnowflakeWarehouse

_TEXT = (
    "CASE system$get_tag_on_current_column('{tag}') WHEN 'email' THEN '*****@' || split_part(val, '@', 2) "
    "ELSE '*****' END"
)
MASKS = {"VARCHAR": _TEXT} | dict.fromkeys(
    (
        "NUMBER", "FLOAT", "BOOLEAN", "DATE", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ", "BINARY",
        "VARIANT", "ARRAY", "OBJECT",
    ),
    "NULL",
)  # fmt: skip
"""type → what others see of it. A tag masks the types that it has a mask for, so that each type needs one."""
_ready: set[tuple[object, ...]] = set()


def protect(warehouse: SnowflakeWarehouse, table: str, columns: Collection[str], declared: Protection) -> None:
    """Let a table show what is declared of it, and last of all be read by whom it is declared for."""
    if hides(warehouse, declared):
        hide(warehouse, table, columns, declared)
    _cluster(warehouse, table, declared.cluster_by)
    for role in declared.readers:
        warehouse.execute(f"GRANT SELECT ON TABLE {table} TO ROLE {role}")


def _cluster(warehouse: SnowflakeWarehouse, table: str, columns: Sequence[str]) -> None:
    """Cluster a table by these columns; one that is so already is left, since a new key begins the work anew."""
    if not columns:
        return
    schema, name = _place(table)
    shown = warehouse.query(f"SHOW TABLES LIKE {literal(name)} IN SCHEMA {schema}")  # _ stands for any letter
    keys = [str(row.get("cluster_by") or "").upper() for row in shown if row["name"] == name]
    if [re.findall(r"\w+", key)[1:] for key in keys] != [[c.upper() for c in columns]]:  # LINEAR(a, b)
        warehouse.execute(f"ALTER TABLE {table} CLUSTER BY ({', '.join(map(quote, columns))})")


def hides(warehouse: SnowflakeWarehouse, declared: Protection) -> bool:
    """Whether there is something to hide, in an account that can."""
    return bool(warehouse.settings.snowflake_pii_role and (declared.personal or declared.team_column))


def hide(warehouse: SnowflakeWarehouse, table: str, columns: Collection[str], declared: Protection) -> None:
    """Mask the personal columns of a table, and show a team its own rows."""
    if declared.personal_of(columns):
        prepare(warehouse)
    for column, kind in untagged(warehouse, table, columns, declared).items():
        tag = f"SET TAG {_home(warehouse)}.pii = {literal(kind)}"
        warehouse.execute(f"ALTER TABLE {table} MODIFY COLUMN {quote(column)} {tag}")
    if declared.team_column:
        _show_own_rows(warehouse, table, declared)


def untagged(
    warehouse: SnowflakeWarehouse, table: str, columns: Collection[str], declared: Protection
) -> dict[str, str]:
    """The personal columns of a table or view that have not the tag that they should have, with it."""
    personal = declared.personal_of(columns) if warehouse.settings.snowflake_pii_role else {}
    if not personal:
        return {}
    name = literal(".".join(_place(table)))
    known = dict(
        warehouse.execute(
            "SELECT lower(column_name), tag_value FROM TABLE(information_schema.tag_references_all_columns("
            f"{name}, 'table')) WHERE tag_name = 'PII'"
        )
    )
    return {column: kind for column, kind in personal.items() if known.get(column) != kind}


def view_columns(warehouse: SnowflakeWarehouse, columns: Sequence[str], declared: Protection) -> str:
    """The columns of a view with their tags, to stand behind its name: it is never there without them."""
    personal = declared.personal_of(columns)
    if not (warehouse.settings.snowflake_pii_role and personal):
        return ""
    prepare(warehouse)
    tag = f"{_home(warehouse)}.pii"
    tags = {c: f" WITH TAG ({tag} = {literal(kind)})" for c, kind in personal.items()}
    return f" ({', '.join(quote(c) + tags.get(c, '') for c in columns)})"


def prepare(warehouse: SnowflakeWarehouse) -> None:
    """Make the tag and its masks, once in a process."""
    settings = warehouse.settings
    key = (settings.snowflake_host, settings.snowflake_port, settings.snowflake_account, settings.snowflake_database,
           settings.snowflake_role, settings.snowflake_pii_role)  # fmt: skip
    if key not in _ready:
        for statement in masks(_home(warehouse), _seeing(warehouse)):
            warehouse.execute(statement)
        _ready.add(key)


def masks(home: str, seeing: Sequence[str]) -> Iterator[str]:
    """The statements that make the tag and a mask for each type.

    A mask is named for the roles that see through it: with other roles there are other masks, and the tag takes those.
    """
    tag = f"{home}.pii"
    yield f"CREATE TAG IF NOT EXISTS {tag} COMMENT = 'What a column says of a person'"
    for type_, masked in MASKS.items():
        name = f"{home}.mask_{type_}_but_for_{'_'.join(seeing)}"
        yield (
            f"CREATE MASKING POLICY IF NOT EXISTS {name} AS (val {type_}) RETURNS {type_} -> "
            f"CASE WHEN {_sees_all(seeing)} THEN val ELSE {masked.format(tag=tag)} END"
        )
        yield f"ALTER TAG {tag} SET MASKING POLICY {name} FORCE"


def _show_own_rows(warehouse: SnowflakeWarehouse, table: str, declared: Protection) -> None:
    policy = f"{_home(warehouse)}.rows_of_teams"
    body = own_rows(_seeing(warehouse), declared.teams)
    warehouse.execute(f"CREATE ROW ACCESS POLICY IF NOT EXISTS {policy} AS (team VARCHAR) RETURNS BOOLEAN -> {body}")
    warehouse.execute(f"ALTER ROW ACCESS POLICY {policy} SET BODY -> {body}")  # of other teams than before
    schema, name = _place(table)
    column = str(declared.team_column)
    there = [
        re.findall(r"\w+", str(columns).upper())
        for (columns,) in warehouse.execute(
            "SELECT ref_arg_column_names FROM TABLE(information_schema.policy_references("
            f"policy_name => {literal(policy.upper())})) WHERE ref_schema_name = ? AND ref_entity_name = ?",
            (schema, name),
        )
    ]
    if there == [[column.upper()]]:
        return
    # A table has one such policy at most. Of another column than before it changes in one statement: to drop it first
    # would show all rows meanwhile.
    former = f"DROP ROW ACCESS POLICY {policy}, " if there else ""
    warehouse.execute(f"ALTER TABLE {table} {former}ADD ROW ACCESS POLICY {policy} ON ({quote(column)})")


def own_rows(seeing: Sequence[str], teams: Sequence[str]) -> str:
    """SQL that is true for the rows of a team whose role the session has: its name in upper case, with _ for -."""
    roles = {team: team.upper().replace("-", "_") for team in teams}
    cases = "".join(f" WHEN {literal(t)} THEN is_role_in_session({literal(role)})" for t, role in roles.items())
    return f"{_sees_all(seeing)} OR CASE team{cases} ELSE FALSE END"


def _place(table: str) -> tuple[str, str]:
    """Schema and name of a table, as Snowflake's own views have them."""
    schema, _, name = table.replace('"', "").upper().partition(".")
    return schema, name


def _home(warehouse: SnowflakeWarehouse) -> str:
    """Where tag and policies are; in full, since a reader's session may be elsewhere."""
    return f"{warehouse.settings.snowflake_database}.ops"


def _sees_all(roles: Sequence[str]) -> str:
    return " OR ".join(f"is_role_in_session({literal(role)})" for role in roles)


def _seeing(warehouse: SnowflakeWarehouse) -> list[str]:
    """The roles that see all: the one of the settings, and those of the flows, which build silver from bronze.

    A connector block's role is the session's, but not dbt's.
    """
    settings = warehouse.settings
    roles = {warehouse.execute("SELECT current_role()")[0][0], settings.snowflake_role, settings.snowflake_pii_role}
    return sorted({str(role).upper() for role in roles if role})
