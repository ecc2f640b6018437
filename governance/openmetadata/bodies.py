"""The bodies of requests to OpenMetadata 2.0, typed: what is sent, and no more than that.

Members are named as the server names them, in camel case, by alias. A member that is None is not sent: the server
takes an omitted one as "leave it" where a bot writes. In the tests each passes the models of the server's own client.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from governance.model import Frozen

Json = dict[str, Any]


class Body(Frozen):
    """A request, or a part of one."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    def json_body(self) -> Json:
        """As it is sent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Reference(Body):
    """Another entity, by its id; the server passes over the name."""

    id: str
    type: str
    name: str | None = None


class Label(Body):
    """A tag as we put it on: a person's are `Manual`."""

    tag: str = Field(alias="tagFQN")
    source: Literal["Classification"] = "Classification"
    label_type: Literal["Automated"] = "Automated"
    state: Literal["Confirmed"] = "Confirmed"


class Entity(Body):
    """What can be created."""

    name: str
    display_name: str | None = None
    description: str | None = None


class Owned(Entity):
    """What can be owned and labelled."""

    owners: tuple[Reference, ...] | None = None
    domains: tuple[str, ...] | None = None
    tags: tuple[Label, ...] | None = None


class Service(Entity):
    """A database, storage, API, pipeline or dashboard service."""

    service_type: str
    connection: Json | None = None


class Database(Entity):
    """A database of a service."""

    service: str


class Schema(Entity):
    """A schema of a database."""

    database: str


class TableColumn(Body):
    """A column of a table or container, or a field of what an endpoint answers."""

    name: str
    data_type: str = "UNKNOWN"
    data_type_display: str | None = None
    data_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    array_data_type: str | None = None
    children: tuple[Json, ...] | None = None
    description: str | None = None
    constraint: Literal["NULL", "NOT_NULL", "UNIQUE", "PRIMARY_KEY"] | None = None
    tags: tuple[Label, ...] | None = None


class Constraint(Body):
    """A constraint over columns of a table."""

    constraint_type: Literal["UNIQUE", "PRIMARY_KEY", "FOREIGN_KEY"]
    columns: tuple[str, ...]
    referred_columns: tuple[str, ...] | None = None


class Table(Owned):
    """A table of a schema."""

    database_schema: str
    table_type: Literal["Regular", "View"] = "Regular"
    columns: tuple[TableColumn, ...]
    table_constraints: tuple[Constraint, ...] | None = None
    source_hash: str | None = None


class ContainerData(Body):
    """The columns of what lies in a container."""

    is_partitioned: bool = False
    columns: tuple[TableColumn, ...]


class Container(Owned):
    """A folder of a storage service; a stream's holds its landed parts."""

    service: str
    parent: Reference | None = None
    data_model: ContainerData | None = None
    full_path: str | None = None
    source_hash: str | None = None


class ApiCollection(Entity):
    """The endpoints of an API that belong together."""

    service: str


class ResponseSchema(Body):
    """What an endpoint answers."""

    schema_type: Literal["JSON"] = "JSON"
    columns: tuple[TableColumn, ...] = Field(alias="schemaFields")


class ApiEndpoint(Owned):
    """What a partner's API has of one kind."""

    api_collection: str
    response_schema: ResponseSchema | None = None
    source_hash: str | None = None


class Dashboard(Owned):
    """What analysts look at."""

    service: str
    source_url: str | None = None


class Task(Body):
    """A task of a pipeline."""

    name: str


class Pipeline(Owned):
    """A deployment. The server keeps exactly the tasks of the last request."""

    service: str
    schedule_interval: str | None = None
    tasks: tuple[Task, ...]


class ColumnLineage(Body):
    """The columns that a column is made of."""

    from_columns: tuple[str, ...]
    to_column: str
    function: str | None = None


class LineageDetails(Body):
    """What is told of an edge; a request replaces all of it."""

    source: str
    columns_lineage: tuple[ColumnLineage, ...] = ()
    sql_query: str | None = None
    pipeline: Reference | None = None
    description: str | None = None


class Edge(Body):
    """An edge between two entities."""

    from_entity: Reference
    to_entity: Reference
    description: str | None = None
    lineage_details: LineageDetails


class TestDefinition(Entity):
    """A type of check; those that Great Expectations runs need no declared parameters."""

    __test__ = False
    entity_type: Literal["TABLE", "COLUMN"]
    test_platforms: tuple[str, ...] = ("GreatExpectations",)
    data_quality_dimension: str | None = None


class TestCase(Entity):
    """A check of a table or column."""

    __test__ = False
    test_definition: str
    entity_link: str


class Team(Entity):
    """A team; only one of this type can own."""

    team_type: Literal["Group"] = "Group"


class Domain(Entity):
    """A part of the business."""

    domain_type: Literal["Aggregate"] = "Aggregate"


class Classification(Entity):
    """A family of tags."""

    mutually_exclusive: bool = False


class Tag(Entity):
    """A tag of a classification."""

    classification: str


class SemanticRule(Body):
    """A rule about the metadata of an entity, as JSON logic."""

    name: str
    description: str
    rule: str
    enabled: bool


class Frequency(Body):
    """How often data come."""

    interval: int
    unit: Literal["hour", "day"]


class Latency(Body):
    """How old data may be."""

    value: int
    unit: Literal["hour", "day"]


class Sla(Body):
    """What is promised of the time."""

    refresh_frequency: Frequency | None = None
    max_latency: Latency | None = None


class DataContract(Entity):
    """What the owner of an entity promises."""

    entity: Reference
    entity_status: str
    columns: tuple[TableColumn, ...] = Field(alias="schema")
    semantics: tuple[SemanticRule, ...] = ()
    quality_expectations: tuple[Reference, ...] = ()
    sla: Sla | None = None
    owners: tuple[Reference, ...] | None = None
    terms_of_use: str | None = None
