"""The deployment `catalog`: it mends, runs what is configured, and fails at its end for what failed on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from governance.errors import HallmarkError
from tests.homes import Home
from tests.openmetadata.server import Server
from tests.sigma import CHART, CLIENT_ID, CLIENT_SECRET, WORKBOOK, Sigma
from tests.unit.openmetadata.api import Api


@pytest.fixture(scope="module")
def sigma() -> Iterator[Sigma]:
    with Sigma("warehouse.gold.mrt_customer") as running:
        yield running


@pytest.fixture(scope="module")
def home(first: Home, new_home: Callable[[Home], Home]) -> Home:
    """After a batch that told no catalog."""
    return new_home(first)


def run(home: Home, **variables: str) -> Any:
    """What the flow gives, or the error that it ends with."""
    from flows.catalog import catalog

    with home.environment(**variables):
        return catalog(return_state=True).result(raise_on_failure=False)


def variables(server: Server, sigma: Sigma) -> dict[str, str]:
    return {
        "HALLMARK_OPENMETADATA_URL": server.url, "HALLMARK_OPENMETADATA_TOKEN": server.token,
        "HALLMARK_SIGMA_URL": sigma.url, "HALLMARK_SIGMA_CLIENT_ID": CLIENT_ID,
        "HALLMARK_SIGMA_CLIENT_SECRET": CLIENT_SECRET,
    }  # fmt: skip


def test_without_a_catalog_nothing_is_done_and_that_is_said(home: Home, prefect_server: str) -> None:
    found = run(home)
    assert {row["status"] for row in found} == {"skipped"}
    assert {row["found"] for row in found} == {"HALLMARK_OPENMETADATA_URL is not set"}
    assert [row["what"] for row in found] == ["reconcile", "sigma", "snowflake_profiler", "snowflake_usage"]


def test_the_catalog_is_mended_and_hears_of_sigma(home: Home, prefect_server: str, sigma: Sigma) -> None:
    with Server() as server:
        found = {row["what"]: row for row in run(home, **variables(server, sigma))}
        assert {what: row["status"] for what, row in found.items()} == {
            "reconcile": "done", "sigma": "done", "snowflake_profiler": "skipped", "snowflake_usage": "skipped",
        }  # fmt: skip
        assert found["snowflake_usage"]["found"] == "the warehouse is not Snowflake"
        seen = server.snapshot()
        assert "hallmark_warehouse.warehouse.gold.mrt_customer" in seen["entities"]["tables"]
        # Its edge from the table is tested with Snowflake's form of service: Sigma reads no DuckDB.
        assert (
            f"dashboardDataModel hallmark_sigma.model.{CHART} -> dashboard hallmark_sigma.{WORKBOOK}" in seen["lineage"]
        )

        # A dashboard of ours that is declared no more goes; what Sigma brought stays, as do its edges.
        with home.environment(**variables(server, sigma)):
            from blocks.settings import Settings
            from blocks.warehouses import open_warehouse
            from flows.reconcile import mend
            from governance.model import Event

            settings = Settings.load()
            gone = Event.of("hallmark.dataset.published.v1", "exposure.given_up", "1", settings.clock(), layer="gold")
            with open_warehouse(settings) as warehouse, warehouse.transaction():
                warehouse.ledger.events([gone])
            Api(server, server.token).put("dashboards", name="given_up", service="hallmark_sigma")
            assert mend(settings)["deleted"] == 1
        after = server.snapshot()
    dashboards = after["entities"]["dashboards"]
    assert set(dashboards) == set(seen["entities"]["dashboards"]) and len(dashboards) > 1
    assert f"hallmark_sigma.{WORKBOOK}" in dashboards and "hallmark_sigma.given_up" not in dashboards
    assert after["lineage"] == seen["lineage"]


def test_one_that_fails_is_the_error_of_the_run_after_the_others(
    home: Home, prefect_server: str, sigma: Sigma, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Server() as server:
        wrong = {**variables(server, sigma), "HALLMARK_SIGMA_CLIENT_SECRET": "rotated-meanwhile"}
        error = run(home, **wrong)
        assert "hallmark_warehouse.warehouse.gold.mrt_customer" in server.snapshot()["entities"]["tables"]
    assert isinstance(error, HallmarkError)
    assert "sigma failed" in str(error) and "401" in str(error)
    assert not {"rotated-meanwhile", CLIENT_ID, server.token} & set(caplog.text.replace("'", " ").split())


def test_a_catalog_that_is_down_fails_the_run(home: Home, prefect_server: str, sigma: Sigma) -> None:
    with Server() as server:
        server.down()
        given = {n: v for n, v in variables(server, sigma).items() if "SIGMA" not in n}
        error = run(home, **given)
    assert isinstance(error, HallmarkError) and "reconcile failed" in str(error)
