"""The tables of a PostgreSQL as streams: keys, cursors, and what cannot be read.

Only the catalog and small samples are read, in a read-only transaction; no table is read as a whole.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from blocks.discovery.proposal import Proposal, ProposedSource, ProposedStream, unique_names, valid_name
from governance.errors import ConfigurationError, HallmarkError, UnreachableError

if TYPE_CHECKING:
    import psycopg

SCHEMES = ("postgresql", "postgres")
CONNECT_SECONDS = 10
SAMPLED_ROWS = 10_000
NULLS_ALLOWED = 0.1
"""Rows with an empty cursor are read every time: above this share a column is no cursor."""
LATENESS = {"date": "1d"}
_CHANGED = re.compile(
    r"(^|_)(updated?|modified|modif|changed?|mtime|lastmod|last_?(update|change|modif\w*))(_|$)", re.I
)
_SECRETS = (r"://[^:/@]*:(.+)@", r"(?i)password=([^&]+)")
_MOMENT = ("timestamptz", "timestamp", "date")

_RELATIONS = """
SELECT c.oid::int8, n.nspname, c.relname, c.relkind::text, has_table_privilege(c.oid, 'SELECT'),
       EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhrelid = c.oid),
       EXISTS (SELECT 1 FROM pg_depend d
               WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'),
       c.relkind = 'm' AND NOT c.relispopulated
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f', 'm', 'v') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY n.nspname <> 'public', n.nspname, c.relname
"""
_COLUMNS = """
SELECT a.attrelid::int8, a.attname, t.typname, a.attnotnull
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = ANY(%s::int8[]::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum
"""
_KEYS = """
SELECT i.indrelid::int8, i.indisprimary, array_agg(a.attname::text ORDER BY k.place), bool_and(a.attnotnull)
FROM pg_index i
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = ANY(%s::int8[]::oid[]) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
  AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
GROUP BY i.indexrelid, i.indrelid, i.indisprimary
ORDER BY 1, i.indisprimary DESC, count(*), 3
"""


@dataclass(frozen=True)
class _Column:
    name: str
    type: str
    not_null: bool


def discover(url: str, name: str | None, variables: Mapping[str, str] = os.environ) -> Proposal:
    """One source with a stream for each table that may be read.

    `variables` is the environment: one that holds exactly this URL is named in the sources file. Raises
    ConfigurationError for a URL that is not valid or is refused, UnreachableError when nobody answers.
    """
    with connected(url) as connection:
        database = connection.info.dbname
        relations = connection.execute(_RELATIONS).fetchall()
        passed_over = [(f"{schema}.{table}", why) for _, schema, table, *what in relations if (why := _why_not(*what))]
        passed_over += [
            (f"{schema}.{table}", "its name has a dot or ${, which a sources file cannot hold")
            for _, schema, table, *what in relations
            if not _why_not(*what) and re.search(r"\.|\$\{", schema + table)
        ]
        left = {w for w, _ in passed_over}
        tables = [r for r in relations if f"{r[1]}.{r[2]}" not in left]
        columns, keys = _shape(connection, [r[0] for r in tables])
        passed_over += [(f"{s}.{t}", "it has no column") for oid, s, t, *_ in tables if oid not in columns]
        tables = [r for r in tables if r[0] in columns]
        found = [_stream(connection, s, t, columns[oid], keys.get(oid, [])) for oid, s, t, *_ in tables]
    fallback = "table"
    names = unique_names(
        [
            [*([valid_name(t, fallback)] if s == "public" else []), valid_name(f"{s}_{t}", fallback)]
            for _, s, t, *_ in tables
        ]
    )
    source = valid_name(name or database, "database")
    streams = [ProposedStream(n, options, notes) for n, (options, notes) in zip(names, found, strict=True)]
    place, exports = _place(url, source, variables)
    proposed = ProposedSource(source, "postgres", {"url": place}, streams, url)
    return Proposal([proposed] if streams else [], passed_over, exports)


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A read-only connection, closed at the end. Errors as of `discover`; none holds the password."""
    import psycopg

    try:
        connection = psycopg.connect(url, connect_timeout=CONNECT_SECONDS, autocommit=False)
    except psycopg.OperationalError as error:
        raise _refused(str(error), url) from None
    except psycopg.Error:
        raise ConfigurationError(
            "the URL", "it is not a valid PostgreSQL URL", "write postgresql://user:password@host:5432/database"
        ) from None
    with connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            yield connection
        except psycopg.OperationalError as error:
            raise UnreachableError("the database", _line(str(error), url), "try again") from None
        except psycopg.Error as error:
            raise HallmarkError("the database", _line(str(error), url), "see the message of the database") from None
        connection.rollback()


def secrets_of(url: str) -> list[str]:
    """The passwords that a URL holds, as written and decoded."""
    raw = [found[1] for pattern in _SECRETS if (found := re.search(pattern, url))]
    return [word for word in dict.fromkeys([*raw, *map(unquote, raw)]) if word]


def _why_not(kind: str, may_read: bool, inherits: bool, extension: bool, empty: bool) -> str | None:
    if kind == "v":
        return "it is a view: declare it with `table` if its rows are wanted"
    if extension:
        return "it belongs to an extension"
    if inherits:
        return "it is part of another table, which brings its rows"
    if not may_read:
        return "the user of the URL may not SELECT from it"
    return "it is a materialized view that was never filled" if empty else None


def _shape(
    connection: psycopg.Connection[Any], tables: Sequence[int]
) -> tuple[dict[int, list[_Column]], dict[int, list[tuple[bool, list[str], bool]]]]:
    """Columns of each table, and its unique indexes: (is primary, columns, all NOT NULL), best first."""
    columns: dict[int, list[_Column]] = {}
    keys: dict[int, list[tuple[bool, list[str], bool]]] = {}
    for oid, *column in connection.execute(_COLUMNS, (list(tables),)):
        columns.setdefault(oid, []).append(_Column(*column))
    for oid, primary, names, filled in connection.execute(_KEYS, (list(tables),)):
        keys.setdefault(oid, []).append((primary, names, filled))
    return columns, keys


def _stream(
    connection: psycopg.Connection[Any], schema: str, table: str, columns: Sequence[_Column],
    keys: Sequence[tuple[bool, list[str], bool]],
) -> tuple[dict[str, object], list[str]]:  # fmt: skip
    """(options, notes) of one table."""
    options: dict[str, object] = {"table": f"{schema}.{table}"}
    notes = []
    key = next((names for primary, names, filled in keys if primary or filled), None)
    if key is None:
        notes.append("no key: a changed row comes as another one; add primary_key if some columns are one")
        return options, notes
    options["primary_key"] = key
    if not keys[0][0]:
        notes.append("its key is a unique index, no primary key")
    if cursor := _cursor(connection, schema, table, columns):
        options |= {"cursor": cursor.name, "lateness": LATENESS.get(cursor.type, "2h")}
    return options, notes


def _cursor(connection: psycopg.Connection[Any], schema: str, table: str, columns: Sequence[_Column]) -> _Column | None:
    """The column that tells when a row changed last: by its name and type, and filled in nearly every row."""
    from psycopg import sql

    named = [c for c in columns if c.type in _MOMENT and _CHANGED.search(_snake(c.name))]
    for column in sorted(named, key=lambda c: (_MOMENT.index(c.type), not c.not_null)):
        if column.not_null:
            return column
        query = sql.SQL("SELECT count(*), count(s.c) FROM (SELECT {} AS c FROM {} LIMIT {}) s").format(
            sql.Identifier(column.name), sql.Identifier(schema, table), sql.Literal(SAMPLED_ROWS)
        )
        row = connection.execute(query).fetchone()
        rows, filled = row if row else (0, 0)
        if rows and rows - filled <= NULLS_ALLOWED * rows:
            return column
    return None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)


def _place(url: str, source: str, variables: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """(what the sources file says, variables that must be set): a URL with a password is never written down."""
    for name, value in variables.items():
        if value == url and re.fullmatch(r"[A-Za-z_]\w*", name):
            return f"${{{name}}}", {}
    if not secrets_of(url) and "${" not in url:
        return url, {}
    masked = url
    for pattern in _SECRETS:
        masked = re.sub(pattern, lambda found: found[0].replace(found[1], "PASSWORD"), masked)
    variable = f"{source.upper()}_URL"
    return f"${{{variable}}}", {variable: masked}


def _refused(message: str, url: str) -> HallmarkError:
    text = _line(message, url)
    if re.search(r"authentication failed|no password supplied|does not exist|no pg_hba", message):
        return ConfigurationError("the database", text, "correct user, password or database of the URL")
    return UnreachableError("the database", f"it cannot be reached ({text})", "start it, or correct the URL")


def _line(message: str, url: str) -> str:
    """The part of a message that matters, without what the URL keeps secret."""
    found = re.search(r"(?:FATAL|ERROR): +([^\n]+)", message) or re.search(r"failed: ([^\n]+)", message)
    text = found[1] if found else message.strip().split("\n")[0]
    for word in (url, *secrets_of(url)):
        text = text.replace(word, "***")
    return text[:300]
