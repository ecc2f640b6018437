"""OpenMetadata's own workflows as we configure them: read by its models, and run against servers of this machine.

Sigma is a server that answers what the connector asks; Snowflake is the emulator, in which a table stands for the query
history that it does not keep. Not executed here: roles and masks, which it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from blocks.settings import Settings
from blocks.warehouses.snowflake_session import connect
from flows import workflow
from flows.catalog_access import places
from flows.workflow_values import unset, values_of
from governance.errors import ConfigurationError, HallmarkError
from governance.workflows import NAMES, Filled, filled
from tests.openmetadata.server import Server
from tests.sigma import BEARER, CHART, CLIENT_ID, CLIENT_SECRET, WORKBOOK, Sigma
from tests.unit.openmetadata.api import Api

HISTORY = """CREATE TABLE SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY (
    QUERY_TEXT VARCHAR, QUERY_TYPE VARCHAR, USER_NAME VARCHAR, DATABASE_NAME VARCHAR, SCHEMA_NAME VARCHAR,
    START_TIME TIMESTAMP_LTZ, END_TIME TIMESTAMP_LTZ, TOTAL_ELAPSED_TIME INT, CREDITS_USED_CLOUD_SERVICES FLOAT,
    EXECUTION_STATUS VARCHAR, QUERY_TAG VARCHAR, QUERY_ID VARCHAR, ROWS_INSERTED INT, ROWS_UPDATED INT,
    ROWS_DELETED INT)"""
ASKED = """INSERT INTO SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY SELECT ?, ?, 'ANN', 'SHOP', 'GOLD',
    dateadd(hour, -1, current_timestamp), dateadd(hour, -1, current_timestamp), 12, 0.1, 'SUCCESS', ?, 'q', 3, 0, 0"""


@pytest.fixture
def catalog() -> Iterator[Server]:
    with Server() as server:
        yield server


def furnish(catalog: Server, settings: Settings) -> str:
    """A table of gold, as we push it; its name in the catalog."""
    api, ours = Api(catalog, catalog.token), places(settings)
    table, columns = ours.stored("mrt_customer"), [ours.stored(c) for c in ("customer_id", "total", "name")]
    api.put("services/databaseServices", name=ours.warehouse, serviceType=ours.warehouse_type)
    api.put("databases", name=ours.database, service=ours.warehouse)
    api.put("databaseSchemas", name=ours.stored("gold"), database=f"{ours.warehouse}.{ours.database}")
    types = zip(columns, ("INT", "DOUBLE", "STRING"), strict=True)
    api.put("tables", name=table, databaseSchema=ours.schema_fqn("gold"), description="Customers and their worth",
            columns=[{"name": n, "dataType": t} for n, t in types])  # fmt: skip
    return f"{ours.schema_fqn('gold')}.{table}"


def local(catalog: Server, tmp_path: Path, **more: Any) -> Settings:
    return Settings(
        home=tmp_path, openmetadata_url=catalog.url, openmetadata_token=SecretStr(catalog.token),
        sigma_client_id=SecretStr(CLIENT_ID), sigma_client_secret=SecretStr(CLIENT_SECRET), **more,
    )  # fmt: skip


def ready(name: str, settings: Settings, folder: Path) -> Filled:
    return filled(name, values_of(name, settings, str(folder / "scratch")))


def run(name: str, settings: Settings, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The outcome and the log."""
    log: list[str] = []
    return workflow.run(name, ready(name, settings, folder), log.append), log


def test_the_models_of_the_connectors_take_the_configurations(catalog: Server, tmp_path: Path) -> None:
    from metadata.ingestion.api.parser import parse_workflow_config_gracefully

    given = {"snowflake_account": "ACME-PROD", "snowflake_user": "U", "snowflake_password": SecretStr("p"),
             "snowflake_database": "shop", "snowflake_warehouse": "LOAD", "profile": "snowflake"}  # fmt: skip
    settings = local(catalog, tmp_path, sigma_url="https://api.example.com", **given)
    for url in ("https://om.example.com", "https://om.example.com/", "https://om.example.com/api/v1"):
        settings = settings.model_copy(update={"openmetadata_url": url})
        read = {name: parse_workflow_config_gracefully(ready(name, settings, tmp_path).config) for name in NAMES}
        servers = {c.workflowConfig.openMetadataServerConfig.hostPort for c in read.values()}
        assert servers == {"https://om.example.com/api"}
    services = {name: c.source.serviceName for name, c in read.items()}
    assert services == {"sigma": "hallmark_sigma", "snowflake_profiler": "hallmark_warehouse",
                        "snowflake_usage": "hallmark_warehouse"}  # fmt: skip
    connection = read["snowflake_usage"].source.serviceConnection.root.config
    assert (connection.database, connection.privateKey) == ("SHOP", None)
    assert connection.connectionArguments.root == {"protocol": "https"}


def test_a_workflow_without_its_settings_is_not_configured(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, sigma_url="https://api.example.com")
    assert unset("sigma", settings) == "HALLMARK_SIGMA_CLIENT_ID, HALLMARK_SIGMA_CLIENT_SECRET are not set"
    assert unset("snowflake_usage", settings) == "the warehouse is not Snowflake"
    with pytest.raises(ConfigurationError, match="HALLMARK_SNOWFLAKE_ACCOUNT"):
        values_of("snowflake_usage", settings.model_copy(update={"profile": "snowflake"}), str(tmp_path))


def test_dashboards_of_sigma_arrive_with_the_tables_that_they_read(catalog: Server, tmp_path: Path) -> None:
    with Sigma("SHOP.GOLD.MRT_CUSTOMER") as sigma:
        settings = local(catalog, tmp_path, sigma_url=sigma.url, profile="snowflake", snowflake_database="shop")
        table = furnish(catalog, settings)
        before = catalog.snapshot()["entities"]["tables"]
        outcome, log = run("sigma", settings, tmp_path)
    assert outcome["records"] > 0
    seen = catalog.snapshot()
    assert seen["entities"]["dashboards"][f"hallmark_sigma.{WORKBOOK}"]["displayName"] == "Customer value"
    model = f"dashboardDataModel hallmark_sigma.model.{CHART}"
    assert set(seen["lineage"]) == {f"table {table} -> {model}", f"{model} -> dashboard hallmark_sigma.{WORKBOOK}"}
    assert seen["entities"]["tables"] == before
    assert "connection" not in seen["entities"]["services/dashboardServices"]["hallmark_sigma"]
    assert not {CLIENT_SECRET, BEARER, catalog.token} & set(" ".join(log).split())


def test_what_a_connector_is_refused_is_the_error_without_the_secret(catalog: Server, tmp_path: Path) -> None:
    with Sigma("t") as sigma:
        # As if somebody had put it into the address: connectors repeat the address in their errors.
        settings = local(catalog, tmp_path, sigma_url=f"{sigma.url}/{CLIENT_ID}")
        log: list[str] = []
        with pytest.raises(HallmarkError, match="GetToken-401") as raised:
            workflow.run("sigma", ready("sigma", settings, tmp_path), log.append)
    assert "***" in raised.value.cause and CLIENT_ID not in str(raised.value)
    assert any("***" in line for line in log) and not any(CLIENT_ID in line for line in log)


def test_a_workflow_has_an_end(catalog: Server, tmp_path: Path) -> None:
    settings = local(catalog, tmp_path, sigma_url="http://127.0.0.1:1")
    with pytest.raises(HallmarkError, match="longer than"):
        workflow.run("sigma", ready("sigma", settings, tmp_path), print, seconds=0.5)


@pytest.fixture
def shop(snowflake: dict[str, str], catalog: Server, tmp_path: Path) -> Settings:
    """A table in the emulator."""
    values = {name.removeprefix("HALLMARK_").lower(): value for name, value in snowflake.items()}
    settings = local(
        catalog, tmp_path, profile="snowflake", snowflake_database="SHOP", snowflake_warehouse="W", **values
    )
    with connect(settings) as session, session.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS SHOP.GOLD")
        cursor.execute("CREATE OR REPLACE TABLE SHOP.GOLD.MRT_CUSTOMER (CUSTOMER_ID INT, TOTAL FLOAT, NAME VARCHAR)")
        cursor.execute("INSERT INTO SHOP.GOLD.MRT_CUSTOMER VALUES (1, 10.5, 'Ada'), (2, 20, 'Bob'), (3, NULL, 'Ada')")
    return settings


@contextmanager
def history(settings: Settings, *queries: tuple[str, str, str]) -> Iterator[None]:
    """Snowflake remembers these: text, kind, tag."""
    with connect(settings) as session, session.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS SNOWFLAKE")
        cursor.execute("CREATE SCHEMA IF NOT EXISTS SNOWFLAKE.ACCOUNT_USAGE")
        cursor.execute(HISTORY)
        try:
            for query in queries:
                cursor.execute(ASKED, query)
            yield
        finally:
            cursor.execute("DROP TABLE SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY")


def test_profiles_of_snowflake_hold_counts_and_no_values(shop: Settings, catalog: Server, tmp_path: Path) -> None:
    table = furnish(catalog, shop)
    before = catalog.snapshot()["entities"]
    with history(shop, ("INSERT INTO SHOP.GOLD.MRT_CUSTOMER SELECT 1", "INSERT", "")):
        run("snowflake_profiler", shop, tmp_path)
    seen = catalog.snapshot()
    assert seen["series"]["tableProfile"][table][0]["rowCount"] == 3
    [name] = seen["series"]["columnProfile NAME"][table]
    assert (name["uniqueCount"], name["distinctCount"], name["nullCount"]) == (1, 2, 0)
    assert not {"min", "max", "median", "histogram"} & set(name)
    assert seen["series"]["systemProfile"][table][0]["rowsAffected"] == 3
    assert seen["entities"] == before, "nothing that we push is changed"


def test_usage_of_snowflake_is_what_people_read(shop: Settings, catalog: Server, tmp_path: Path) -> None:
    with pytest.raises(HallmarkError, match=r"(?i)query_history"):
        run("snowflake_usage", shop, tmp_path)  # the connector itself only logs that, and ends well
    asked = (
        ("select total from gold.mrt_customer where name = 'Ada'", "SELECT", ""),
        ("select count(*) from gold.mrt_customer", "SELECT", '{"flow_run":"1"}'),
        ("delete from gold.mrt_customer", "DELETE", ""),
    )
    table = furnish(catalog, shop)
    with history(shop, *asked):
        _, log = run("snowflake_usage", shop, tmp_path)
    seen = catalog.snapshot()
    assert list(seen["extras"]["usage"][table].values()) == [1]
    [query] = seen["entities"]["queries"].values()
    assert query["query"] == "select total from gold.mrt_customer where name = ?"
    assert (query["usedBy"], query["queryUsedIn"]) == (["ANN"], [f"table {table}"])
    assert not [line for line in log if "Ada" in line]
    assert seen["entities"]["tables"][table]["description"] == "Customers and their worth"
    assert not (tmp_path / "scratch").exists()
