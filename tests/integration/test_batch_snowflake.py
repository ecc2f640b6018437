"""The sample batch on an emulated Snowflake and S3: the same commands, and the same rows in every layer as on DuckDB.

Only identities and times of loads may differ. The emulators execute everything that is asserted here.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from tests import s3_support
from tests.homes import SLOT1, VOLATILE, Home, holding
from tests.integration.snowflake_models_support import normal

SECRETS = {"password of Snowflake": "hidden-of-snowflake", "key of AWS": "hidden-of-aws"}


@pytest.fixture(scope="module")
def home(sampled: Home, new_home: Callable[..., Home], account: dict[str, str]) -> Iterator[Home]:
    """After the first slot, of the sample that `first` has on DuckDB."""
    made = new_home(sampled)
    with s3_support.moto() as url, pytest.MonkeyPatch.context() as patch:
        s3_support.use(patch, url)
        boto3.client("s3").create_bucket(Bucket="landing")
        password, key = SECRETS.values()
        made.variables |= {"HALLMARK_SNOWFLAKE_PASSWORD": password, **account, **s3_support.aws_environment(url)}
        made.variables |= {"AWS_SECRET_ACCESS_KEY": key, "HALLMARK_LANDING": "s3://landing/zone"}
        done = made.hallmark("run", "--profile", "snowflake", "--slot", SLOT1, "--json")
        assert done.code == 0, done
        made.summary = done.json
        yield made


def test_the_batch_completes_with_the_accounts_of_duckdb(home: Home, first: Home) -> None:
    assert home.summary["state"] == "completed", home.summary
    assert home.summary["events"] == first.summary["events"] and home.summary["events"]["delivered"] > 0
    counts = ("status", "read", "published", "unchanged", "quarantined", "checks", "failed")
    assert [{c: s[c] for c in counts} for s in home.summary["streams"]] == [
        {c: s[c] for c in counts} for s in first.summary["streams"]
    ]
    verdicts = ("layer", "status", "checks", "skipped")
    for mine, theirs in zip(home.summary["layers"], first.summary["layers"], strict=True):
        assert {f["check_id"]: f["failed_rows"] for f in mine["failures"]} == {
            f["check_id"]: f["failed_rows"] for f in theirs["failures"]
        }
        assert {v: mine[v] for v in verdicts} == {v: theirs[v] for v in verdicts}


def test_what_is_landed_is_in_the_bucket_alone(home: Home) -> None:
    landed = {key.split("/")[-2] for key in s3_support.objects("landing")}
    with home.environment(), open_warehouse(Settings.load()) as warehouse:
        loads = warehouse.execute("SELECT load_id, bytes FROM ops.loads WHERE status = 'published'")
    assert {load_id for load_id, size in loads if size} == landed
    assert not [p for p in (home.path / "landing").rglob("*") if p.is_file()]


def test_a_secret_is_in_no_file_of_the_run(home: Home) -> None:
    """Logs of dbt and of the server, its database of parameters, artifacts and events, reports."""
    assert (home.path / "prefect" / "prefect.db").stat().st_size > 0 and (home.path / "logs" / "dbt.log").is_file()
    assert not holding(home.path, SECRETS)


@pytest.mark.parametrize("schema", ["bronze", "silver", "gold"])
def test_every_table_has_the_rows_of_duckdb(schema: str, home: Home, first: Home) -> None:
    of_duckdb, of_snowflake = contents(first, schema), contents(home, schema)
    assert set(of_snowflake) == set(of_duckdb)
    assert not {
        name: differing(rows, of_snowflake[name]) for name, rows in of_duckdb.items() if of_snowflake[name] != rows
    }


def test_commands_read_it(home: Home) -> None:
    asked = home.hallmark("sql", "SELECT count(*) AS n FROM gold.dim_customer", "--json").json
    assert asked[0]["n"] == len(contents(home, "gold")["dim_customer"])
    refused = home.hallmark("sql", "DELETE FROM gold.dim_customer", "--json")
    assert refused.code == 2
    assert refused.json["error"]["remedy"].startswith("add --write")
    waiting = home.hallmark("quarantine", "list", "--json").json
    assert sum(w["layer"] == "bronze" for w in waiting) == sum(s["quarantined"] for s in home.summary["streams"])


Rows = list[dict[str, Any]]


def contents(home: Home, schema: str) -> dict[str, Rows]:
    """table → its rows in an order of their own, without ids and times of loads."""
    with home.environment(), open_warehouse(Settings.load()) as warehouse:
        found = {}
        for table in (*warehouse.tables(schema), *warehouse.tables(schema, views=True)):
            rows = warehouse.query(f'SELECT {cells(warehouse.columns(schema, table))} FROM {schema}."{table}"')
            plain = ({n: normal_json(normal(v)) for n, v in sorted(r.items()) if n not in VOLATILE} for r in rows)
            found[table] = sorted(plain, key=repr)
    return found


def cells(columns: dict[str, str]) -> str:
    """Instants as text: the emulator sends a NULL among them as the first second of 1970."""
    instants = ("TIMESTAMP_TZ", "TIMESTAMP WITH TIME ZONE")
    return ", ".join(f'CAST("{n}" AS VARCHAR) AS "{n}"' if t in instants else f'"{n}"' for n, t in columns.items())


def normal_json(value: Any) -> Any:
    """Text of JSON without what a VARIANT does not keep: spaces, the order of keys, zeros at the end of a number."""
    if not (isinstance(value, str) and value[:1] in ("{", "[")):
        return value
    try:
        parsed = json.loads(value, parse_float=lambda text: format(Decimal(text).normalize(), "f"))
    except ValueError:
        return value
    return json.dumps(parsed, sort_keys=True)


def differing(mine: Rows, theirs: Rows) -> dict[str, Any]:
    """column → some values that only one of the two has."""
    found = {}
    for column in mine[0] if mine else ():
        left, right = (Counter(repr(row.get(column)) for row in rows) for rows in (mine, theirs))
        if left != right:
            found[column] = (list(left - right)[:3], list(right - left)[:3])
    return found or {"rows": (len(mine), len(theirs))}
