"""The column edges of the project's models as dbt compiles them for Snowflake: those of DuckDB, model by model."""

from __future__ import annotations

import pytest

from blocks.dbt import DbtProject
from governance.column_lineage import model_edges
from governance.manifest import compiled_models, declared_columns
from tests.compiled import compiled
from tests.integration.snowflake_models_support import Snow

Edges = dict[str, set[tuple[str, str]]]
LAYERS = ("silver", "gold")


def edges_of(manifest: dict[str, object], dialect: str) -> Edges:
    """model → (source, target) of the direct edges."""
    columns = declared_columns(manifest)
    models = {k: v for layer in LAYERS for k, v in compiled_models(manifest, layer, rejected=True).items()}
    return {
        name: {(e.source, e.target) for e in model_edges(sql, dialect, columns, name) if e.kind == "direct"}
        for name, sql in models.items()
    }


@pytest.fixture(scope="module")
def on_snowflake(tmp_path_factory: pytest.TempPathFactory, snowflake: dict[str, str]) -> Edges:
    """Of the SQL that is compiled for an emulated account, in which nothing is yet."""
    account = Snow(snowflake, "COMPILED", tmp_path_factory.mktemp("compiled"))
    dbt = DbtProject(account.settings)
    dbt.invoke(["compile", "--no-introspect"], {"slot": "2026-11-22T06:00:00Z"})
    return edges_of(dbt.manifest(), "snowflake")


def test_both_warehouses_make_a_column_of_the_same(on_snowflake: Edges) -> None:
    on_duckdb = edges_of(compiled(), "duckdb")
    assert set(on_snowflake) == set(on_duckdb)
    different = {
        name: (sorted(on_snowflake[name] - edges), sorted(edges - on_snowflake[name]))
        for name, edges in on_duckdb.items()
        if edges != on_snowflake[name]
    }
    assert not different, "\n".join(
        f"{n}: only on Snowflake {ours}, only on DuckDB {theirs}" for n, (ours, theirs) in different.items()
    )
