"""The official SDK against the stand-in: it reads back what it writes, and what we push of a partner."""

from __future__ import annotations

import time
from typing import Any

from governance.openmetadata.catalog import Catalog
from governance.openmetadata.places import Places
from governance.transports.openmetadata import Client, OpenMetadataTransport
from tests.openmetadata.server import Server
from tests.unit.governance.openmetadata import test_partners as partners
from tests.unit.governance.openmetadata.world import TEAMS


def sdk_of(server: Server) -> Any:
    """The server's own client, which imports for 11 s."""
    from metadata.generated.schema.entity.services.connections.metadata.openMetadataConnection import (
        OpenMetadataConnection,
    )
    from metadata.generated.schema.security.client.openMetadataJWTClientConfig import OpenMetadataJWTClientConfig
    from metadata.ingestion.ometa.ometa_api import OpenMetadata

    token = OpenMetadataJWTClientConfig(jwtToken=server.token)
    return OpenMetadata(OpenMetadataConnection(hostPort=server.url, authProvider="openmetadata", securityConfig=token))


def test_the_sdk_reads_back_what_it_writes() -> None:
    from metadata.generated.schema.api.data.createDatabase import CreateDatabaseRequest
    from metadata.generated.schema.api.data.createDatabaseSchema import CreateDatabaseSchemaRequest
    from metadata.generated.schema.api.data.createPipeline import CreatePipelineRequest
    from metadata.generated.schema.api.data.createTable import CreateTableRequest
    from metadata.generated.schema.api.lineage.addLineage import AddLineageRequest
    from metadata.generated.schema.api.services.createDatabaseService import CreateDatabaseServiceRequest
    from metadata.generated.schema.api.services.createPipelineService import CreatePipelineServiceRequest
    from metadata.generated.schema.api.tests.createTestCase import CreateTestCaseRequest
    from metadata.generated.schema.entity.data.pipeline import (
        Pipeline,
        PipelineStatus,
        StatusType,
        Task,
        TaskStatus,
    )
    from metadata.generated.schema.entity.data.table import Column, DataType, Table
    from metadata.generated.schema.entity.services.databaseService import DatabaseServiceType
    from metadata.generated.schema.entity.services.pipelineService import PipelineServiceType
    from metadata.generated.schema.tests.basic import TestCaseResult, TestCaseStatus, TestResultValue
    from metadata.generated.schema.tests.testCase import TestCase
    from metadata.generated.schema.type.basic import Timestamp
    from metadata.generated.schema.type.entityLineage import ColumnLineage, EntitiesEdge, LineageDetails
    from metadata.generated.schema.type.entityReference import EntityReference

    with Server() as server:
        client = sdk_of(server)
        assert client.health_check()
        client.create_or_update(
            CreateDatabaseServiceRequest(name="duck", serviceType=DatabaseServiceType.CustomDatabase)
        )
        client.create_or_update(CreateDatabaseRequest(name="db", service="duck"))
        client.create_or_update(CreateDatabaseSchemaRequest(name="main", database="duck.db"))
        columns = [Column(name="id", dataType=DataType.INT), Column(name="name", dataType=DataType.STRING)]
        raw, clean = (
            client.create_or_update(CreateTableRequest(name=name, databaseSchema="duck.db.main", columns=columns))
            for name in ("raw", "clean")
        )
        assert client.get_by_name(Table, "duck.db.main.raw", fields=["owners", "tags", "testSuite"]).id == raw.id
        for number in range(5):
            client.create_or_update(
                CreateTableRequest(name=f"t{number}", databaseSchema="duck.db.main", columns=columns)
            )
        names = [table.name.root for table in client.list_all_entities(Table, limit=3, fields=["tags"])]
        assert sorted(names) == ["clean", "raw", "t0", "t1", "t2", "t3", "t4"]

        client.create_or_update(CreatePipelineServiceRequest(name="runs", serviceType=PipelineServiceType.Prefect))
        pipeline = client.create_or_update(
            CreatePipelineRequest(name="batch", service="runs", tasks=[Task(name="load")])
        )
        now = int(time.time() * 1000)
        status = PipelineStatus(
            timestamp=Timestamp(now),
            executionStatus=StatusType.Successful,
            taskStatus=[TaskStatus(name="load", executionStatus=StatusType.Successful)],
        )
        client.add_pipeline_status("runs.batch", status)
        seen = client.get_by_name(Pipeline, "runs.batch", fields=["tasks", "pipelineStatus"])
        assert seen.pipelineStatus.timestamp.root == now and seen.tasks[0].name == "load"

        pair = ColumnLineage(fromColumns=["duck.db.main.raw.id"], toColumn="duck.db.main.clean.id")
        client.add_lineage(
            AddLineageRequest(
                edge=EntitiesEdge(
                    fromEntity=EntityReference(id=raw.id, type="table"),
                    toEntity=EntityReference(id=clean.id, type="table"),
                    lineageDetails=LineageDetails(
                        sqlQuery="select id from raw",
                        columnsLineage=[pair],
                        pipeline=EntityReference(id=pipeline.id, type="pipeline"),
                    ),
                )
            )
        )
        lineage = client.get_lineage_by_name(Table, "duck.db.main.clean")
        (edge,) = lineage["upstreamEdges"]
        assert edge["lineageDetails"]["columnsLineage"][0]["fromColumns"] == ["duck.db.main.raw.id"]
        assert edge["lineageDetails"]["pipeline"]["fullyQualifiedName"] == "runs.batch"

        client.create_or_update(
            CreateTestCaseRequest(
                name="filled",
                entityLink="<#E::table::duck.db.main.clean::columns::id>",
                testDefinition="columnValuesToBeNotNull",
            )
        )
        fqn = "duck.db.main.clean.id.filled"
        result = TestCaseResult(
            timestamp=Timestamp(now),
            testCaseStatus=TestCaseStatus.Failed,
            result="One row is empty.",
            testResultValue=[TestResultValue(name="nullCount", value="1")],
        )
        client.add_test_case_results(result, fqn)
        (read,) = client.get_test_case_results(fqn, now - 1, now + 1)
        assert read.testCaseStatus is TestCaseStatus.Failed and read.incidentId is not None
        case = client.get_by_name(TestCase, fqn, fields=["testSuite", "testDefinition", "testCaseResult", "owners"])
        assert case.testSuite.fullyQualifiedName == "duck.db.main.clean.testSuite"
        assert case.incidentId is None or case.incidentId == read.incidentId


def test_the_sdk_reads_back_what_we_push_of_a_partner() -> None:
    from metadata.generated.schema.entity.data.apiCollection import APICollection
    from metadata.generated.schema.entity.data.apiEndpoint import APIEndpoint
    from metadata.generated.schema.entity.data.container import Container
    from metadata.generated.schema.entity.services.apiService import ApiService, ApiServiceType

    with Server() as server:
        transport = OpenMetadataTransport(Catalog(Client(server.url, lambda: server.token), Places(), TEAMS))
        assert not [o.error for o in transport.deliver(partners.loaded()) if o.error] and transport.close(1.0)
        client = sdk_of(server)
        assert client.get_by_name(ApiService, "hallmark_ads").serviceType is ApiServiceType.Rest
        collection = client.get_by_name(APICollection, "hallmark_ads.ads", fields=["apiEndpoints"])
        assert [e.fullyQualifiedName for e in collection.apiEndpoints.root] == ["hallmark_ads.ads.users"]
        found = client.get_by_name(APIEndpoint, "hallmark_ads.ads.users", fields=["owners", "domains", "tags"])
        assert (found.displayName, found.description.root) == ("Users", "Who was reached.")
        assert [o.name for o in found.owners.root] == ["sales"] and [d.name for d in found.domains.root] == ["Trade"]
        fields = {f.name.root: f for f in found.responseSchema.schemaFields}
        assert list(fields) == [c.name for c in partners.COLUMNS] and fields["Id"].dataType.value == "LONG"
        assert fields["Id"].fullyQualifiedName.root == "hallmark_ads.ads.users.responseSchema.Id"
        [edge] = client.get_lineage_by_name(Container, "hallmark_landing.ads.users", up_depth=1)["upstreamEdges"]
        assert edge["fromEntity"] == str(found.id.root)
        assert edge["lineageDetails"]["pipeline"]["fullyQualifiedName"] == "hallmark_prefect.ingest-ads"
        assert len(edge["lineageDetails"]["columnsLineage"]) == len(fields)
