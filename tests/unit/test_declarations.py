"""Whether what is declared twice agrees, both ways: streams, tables, columns, owners, checks, ledger, deployments.

Against the files only; that the warehouse agrees too is in tests/integration/test_schema_drift.py.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from blocks.migrate import migrate_duckdb
from blocks.sources.spec import SourceSpec, load_sources
from expectations.sql import QUERIES, Dialect, failing_rows
from flows.context import SOURCES
from governance.manifest import REJECTED, datasets, declared_tests
from governance.model import Dataset, Event
from governance.oncall import Ownership, load_ownership
from governance.routing import route

pytestmark = pytest.mark.drift

ROOT = Path(__file__).resolve().parents[2]
Manifest = dict[str, Any]

# Tests that dbt brings itself; the others are in dbt/tests/generic.
DBT_OWN = {"not_null", "unique", "accepted_values", "relationships"}
DEPLOYMENTS = re.compile(r"batch|ingest-[a-z][a-z0-9_]*|transform|deliver|watch|catalog|backfill|shard")

RELIED_ON: dict[str, dict[str, str]] = yaml.safe_load((Path(__file__).parent / "interfaces.yml").read_text("utf-8"))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """dbt's manifest of the project as it stands."""
    from dbt.cli.main import dbtRunner

    target = tmp_path_factory.mktemp("dbt")
    folders = ["--project-dir", str(ROOT / "dbt"), "--profiles-dir", str(ROOT / "dbt"), "--target", "duckdb"]
    places = ["--target-path", str(target), "--log-path", str(target)]
    result = dbtRunner().invoke(["parse", "--quiet", "--log-level", "none", *folders, *places])
    assert result.success, result.exception
    return dict(result.result.to_dict())


@pytest.fixture(scope="module")
def sources() -> dict[str, SourceSpec]:
    """flows/sources.yml."""
    return load_sources(SOURCES, {"CRM_URL": "postgresql://nowhere", "DROPS_ROOT": ".", "MAILROOM_ROOT": "."})


@pytest.fixture(scope="module")
def known(manifest: Manifest, sources: dict[str, SourceSpec]) -> tuple[Dataset, ...]:
    """Every dataset with its owner."""
    return datasets(manifest, {f"bronze.{s}__{t}": spec.owner for s, spec in sources.items() for t in spec.streams})


def difference(left: str, ours: Iterable[Any], right: str, theirs: Iterable[Any]) -> str:
    """What one of the two has alone, one line each; empty if they agree."""
    mine, other = set(ours), set(theirs)
    lines = [f"only in {left}: {x}" for x in sorted(mine - other)]
    return "\n".join([*lines, *(f"only in {right}: {x}" for x in sorted(other - mine))])


def missing(where: str, wanted: str, have: Iterable[str]) -> list[str]:
    """Names that are not there, one line each."""
    there = set(have)
    names, _, other = wanted.partition(" + ")
    columns = dict.fromkeys([*names.split(), *RELIED_ON["domain"].get(other, "").split()])
    return [f"{where} lacks {name}" for name in columns if name not in there]


# --- streams and tables ------------------------------------------------------------------------------------------


def test_every_stream_is_a_bronze_table_and_the_other_way_round(
    sources: dict[str, SourceSpec], manifest: Manifest
) -> None:
    streams = {f"{s}__{t}" for s, spec in sources.items() for t in spec.streams}
    tables = {n["name"] for n in manifest["sources"].values() if n["source_name"] == "bronze"}
    tables -= {t for t in tables if t.rpartition("__")[0] in streams}  # child tables come with their records
    found = difference("flows/sources.yml", streams, "dbt/models/bronze/sources.yml", tables)
    assert not found, found


def test_a_streams_date_order_is_that_of_its_columns(sources: dict[str, SourceSpec], manifest: Manifest) -> None:
    streams = {(f"{s}__{t}", x.date_order) for s, spec in sources.items() for t, x in spec.streams.items()}
    columns = {
        (node["name"], order)
        for node in manifest["sources"].values()
        for column in node["columns"].values()
        if (order := {**column["meta"], **column["config"].get("meta", {})}.get("date_order"))
    }
    left = {pair for pair in streams if pair[1]}
    found = difference("flows/sources.yml", left, "dbt/models/bronze/sources.yml", columns)
    assert not found, found


def test_bronze_names_its_own_columns(sources: dict[str, SourceSpec], known: tuple[Dataset, ...]) -> None:
    columns = {d.name: {c.name for c in d.columns} for d in known}
    found = []
    for source, spec in sources.items():
        for name, stream in spec.streams.items():
            dataset = f"bronze.{source}__{name}"
            own = "_load_id _source_position _extracted_at _row_hash" + (" _deleted_at" if stream.primary_key else "")
            named = " ".join([*stream.primary_key, stream.cursor or ""])
            found += missing(dataset, f"{own} {named}", columns.get(dataset, ()))
    for table, wanted in RELIED_ON["domain"].items():
        found += missing(f"bronze.{table}", wanted, columns.get(f"bronze.{table}", ()))
    assert not found, "\n".join(found)
    for table, wanted in RELIED_ON["domain"].items():
        brought = {c for c in columns[f"bronze.{table}"] if not c.startswith("_")}
        found = difference("the domain", wanted.split(), f"bronze.{table}", brought)
        assert not found, found


def test_silver_and_gold_have_the_columns_that_others_rely_on(known: tuple[Dataset, ...]) -> None:
    columns = {d.name: {c.name for c in d.columns} for d in known}
    found = [
        line for model, wanted in RELIED_ON["models"].items() for line in missing(model, wanted, columns.get(model, ()))
    ]
    assert not found, "\n".join(found)


def test_every_model_that_may_be_unreadable_keeps_raw_and_issue(known: tuple[Dataset, ...]) -> None:
    found = []
    for dataset in known:
        names = {c.name for c in dataset.columns}
        for name in names:
            value, _, kind = name.rpartition("_")
            if value and kind in ("raw", "issue"):
                found += missing(f"{dataset.name} with {name}", f"{value} {value}_raw {value}_issue", names)
    assert not found, "\n".join(found)


def test_the_ledger_has_the_columns_that_others_rely_on() -> None:
    with duckdb.connect() as connection:
        migrate_duckdb(connection)
        rows = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'ops'"
        ).fetchall()
    tables = {table for table, _ in rows}
    assert set(RELIED_ON["ops"]) <= tables, difference("interfaces.yml", RELIED_ON["ops"], "migrations", tables)
    found = [
        line
        for table, wanted in RELIED_ON["ops"].items()
        for line in missing(f"ops.{table}", wanted, (c for t, c in rows if t == table))
    ]
    assert not found, "\n".join(found)


# --- descriptions ------------------------------------------------------------------------------------------------


def test_everything_is_described(manifest: Manifest) -> None:
    nodes = [*manifest["sources"].values(), *manifest["exposures"].values(), *manifest["groups"].values()]
    nodes += [n for n in manifest["nodes"].values() if n["resource_type"] in ("model", "seed")]
    found = [n["name"] for n in nodes if not (n.get("description") or n.get("config", {}).get("description"))]
    found += [
        f"{n['name']}.{c['name']}" for n in nodes for c in n.get("columns", {}).values() if not c["description"].strip()
    ]
    found += [n["name"] for n in nodes if n["resource_type"] == "model" and not n["columns"]]
    assert not found, "without a description or columns: " + ", ".join(found)


# --- owners ------------------------------------------------------------------------------------------------------


def unowned(known: Iterable[Dataset], ownership: Ownership) -> list[str]:
    """Datasets without exactly one owner that is a team, and without a route to it."""
    found = []
    for dataset in known:
        if dataset.owner not in ownership.teams:
            found.append(f"{dataset.name}: owner {dataset.owner!r} is none of {', '.join(ownership.teams)}")
        elif ownership.team_of(dataset.name).name != dataset.owner:
            found.append(
                f"{dataset.name}: its owner is {dataset.owner}, told is {ownership.team_of(dataset.name).name}"
            )
        event = Event(id="1", type="hallmark.gate.failed.v1", subject=dataset.name, time="2026-11-22T06:00:00Z")
        if len({d.name for d in route(event, ownership)}) != len(route(event, ownership)) or not route(
            event, ownership
        ):
            found.append(f"{dataset.name}: not one route")
    return found


def test_every_dataset_has_one_owner_and_a_route(known: tuple[Dataset, ...]) -> None:
    found = unowned(known, load_ownership(datasets=known))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("group", [None, "nobody"])
def test_an_unowned_gold_model_is_found(manifest: Manifest, group: str | None) -> None:
    changed = copy.deepcopy(manifest)
    node = changed["nodes"]["model.hallmark.mrt_customer"]
    node["group"] = node["config"]["group"] = group
    (mine,) = [d for d in datasets(changed) if d.name == "gold.mrt_customer"]
    (found,) = unowned([mine], load_ownership(datasets=[mine]))
    assert found.startswith(f"gold.mrt_customer: owner {group or ''!r} is none of data-platform, ")


def test_teams_and_groups_are_the_same(manifest: Manifest, sources: dict[str, SourceSpec]) -> None:
    teams, groups = load_ownership().teams, {g["name"] for g in manifest["groups"].values()}
    found = difference("governance/oncall.yml", teams, "dbt/models/groups.yml", groups)
    assert not found, found
    strangers = {f"{name}: {spec.owner}" for name, spec in sources.items() if spec.owner not in teams}
    assert not strangers, f"owners in flows/sources.yml that are no team: {strangers}"


def test_a_models_rejected_rows_are_its_owners(manifest: Manifest) -> None:
    models = {n["name"]: n for n in manifest["nodes"].values() if n["resource_type"] == "model"}
    rejected = {n: models[n.removesuffix(REJECTED)] for n in models if n.endswith(REJECTED)}
    assert rejected
    assert {n: models[n]["group"] for n in rejected} == {n: parent["group"] for n, parent in rejected.items()}


# --- checks ------------------------------------------------------------------------------------------------------


def test_a_gate_can_run_every_declared_test(manifest: Manifest) -> None:
    found, tests = [], declared_tests(manifest)
    for test in tests:
        if test.type not in QUERIES:
            found.append(f"{test.check_id}: no SQL for {test.type} in expectations/sql.py")
        elif "{batch}" not in failing_rows(test, Dialect(lambda name: f'"{name}"', lambda dataset: dataset)):
            found.append(f"{test.check_id}: its SQL does not read the checked table")
    assert not found, "\n".join(found)
    ids = [t.check_id for t in tests]
    assert len(ids) == len(set(ids)), "two tests with one check_id"


def test_dbt_can_run_every_test_of_a_gate() -> None:
    generic = {p.stem for p in (ROOT / "dbt/tests/generic").glob("*.sql")}
    found = difference("expectations/sql.py", QUERIES, "dbt and dbt/tests/generic", DBT_OWN | generic)
    assert not found, found


# --- deployments -------------------------------------------------------------------------------------------------


def test_every_deployment_is_a_flow_that_exists() -> None:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
    assert {"batch", "deliver", "watch"} <= {d["name"] for d in declared}
    found = []
    for deployment in declared:
        file, _, function = deployment["entrypoint"].partition(":")
        flows = flows_of(ROOT / file)
        if not DEPLOYMENTS.fullmatch(deployment["name"]):
            found.append(f"{deployment['name']}: not a name that others know")
        if function not in flows:
            found.append(f"{deployment['name']}: {file} has the flows {', '.join(flows) or 'none'}, not {function}")
        else:
            strange = set(deployment.get("parameters") or {}) - flows[function]
            found += [f"{deployment['name']}: {function} takes no {name}" for name in sorted(strange)]
    assert not found, "\n".join(found)


def flows_of(path: Path) -> dict[str, set[str]]:
    """The flows of a module with their parameters, read without importing it."""
    if not path.is_file():
        return {}
    return {
        node.name: {a.arg for a in (*node.args.args, *node.args.kwonlyargs)}
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(d, ast.Call) and getattr(d.func, "id", "") == "flow" for d in node.decorator_list)
    }
