"""The repository's own sources file, with a connector from the package index: the state comes with the load.

What the catalog then shows of the partner is that of a real run too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.model import Event
from governance.openmetadata.concerns import CONCERNS, LINEAGE
from tests.homes import Home, stream
from tests.integration.catalog_support import Pushed
from tests.integration.test_schema_drift import columns, differences
from tests.openmetadata.server import Server
from tests.unit.openmetadata.api import Api

ADS = ("users", "purchases")


@pytest.fixture(scope="module")
def home(sampled: Home, new_home: Callable[..., Home], connectors: Path, prefect_server: str) -> Home:
    """After a batch of the repository's own file; its other sources are those of `first`."""
    home = new_home(sampled)
    home.sources = None
    (home.path / "connectors").symlink_to(connectors, target_is_directory=True)
    home.summary = home.run(stream="ads")
    return home


def states(home: Home) -> dict[str, tuple[str, str]]:
    """Stream → (state, the load that it was committed with)."""
    rows = home.rows("SELECT stream, value, load_id FROM ops.cursors WHERE source = 'ads'")
    return {name: (value, load_id) for name, value, load_id in rows}


def test_the_state_is_committed_with_its_load(home: Home) -> None:
    assert home.summary["state"] == "completed"
    loads = dict(home.rows("SELECT stream, load_id FROM ops.loads WHERE source = 'ads'"))
    assert set(loads) == set(ADS)
    for name in ADS:
        found = stream(home.summary, f"ads.{name}")
        rows = home.value(f"SELECT count(*) FROM bronze.ads__{name}")
        assert (found["status"], found["read"], found["published"]) == ("published", rows, rows) and rows
        value, load_id = states(home)[name]
        assert load_id == loads[name] and json.loads(value)
    assert home.value("SELECT count(*) FROM bronze.ads__users") == 1000
    assert not home.rows("SELECT 1 FROM ops.quarantine WHERE source = 'ads'")


def test_bronze_of_a_connector_is_as_declared(home: Home) -> None:
    declared, found = columns(home)
    assert not [line for line in differences(declared, found) if "bronze.ads__" in line]


def test_the_catalog_shows_what_the_partner_answers_and_where_it_went(home: Home, tmp_path: Path) -> None:
    events = [Event(**{k: e[k] for k in ("id", "type", "subject", "time", "data")}) for e in home.events()]
    with Server() as server:
        pushed, bot = Pushed(home, server, events, tmp_path), Api(server, server.token)
        assert pushed.deliver("outbox.db") == {"delivered": len(pushed.of(*CONCERNS)), "waiting": 0, "buried": 0}
        told = {e.subject: e.data for e in pushed.of(LINEAGE)}
        for name in ADS:
            found = bot.named("apiEndpoints", f"hallmark_ads.ads.{name}", fields="owners,domains")
            assert [o["name"] for o in found["owners"]] == [d["name"] for d in found["domains"]] == ["growth"]
            assert found["description"].endswith(f"Stream `{name}` of the connector `airbyte-source-faker`.")
            fields = [f["name"] for f in found["responseSchema"]["schemaFields"]]
            assert fields == [c["name"] for c in told[f"bronze.ads__{name}"]["origin"]["columns"]]
            landed = bot.named("containers", f"hallmark_landing.ads.{name}")["id"]
            edge = bot.get(f"lineage/getLineageEdge/{found['id']}/{landed}")["edge"]
            assert edge["pipeline"]["name"] == "ingest-ads" and len(edge["columnsLineage"]) == len(fields) > 4
        writes = len(server.writes)
        done = home.hallmark("reconcile", "--json", **pushed.variables)
        assert done.code == 0 and done.json["missing_edges"] == []
        assert not [c.path for c in server.writes[writes:] if "api" in c.path.rpartition("/v1/")[2].lower()]


def test_a_second_run_finds_its_rows_unchanged(home: Home) -> None:
    from flows.ingest import ingest

    rows = home.rows("SELECT id, _row_hash, _load_id FROM bronze.ads__users ORDER BY ALL")
    with home.environment():
        state = ingest(source="ads", return_state=True)
    assert state.is_completed(), state.message
    for found in state.result():
        assert (found["status"], found["published"], found["unchanged"]) == ("published", 0, found["read"])
    assert home.rows("SELECT id, _row_hash, _load_id FROM bronze.ads__users ORDER BY ALL") == rows
    assert set(states(home)) == set(ADS)
