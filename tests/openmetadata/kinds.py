"""The collections of entities: what differs between them, as declarations."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from tests.openmetadata import models

RELATIONS = frozenset(
    "owners tags domains dataProducts extension followers votes lifeCycle certification reviewers experts "
    "usageSummary dataContract children assets".split()
)
SETTABLE_BY_NOBODY = frozenset({"name", "fullyQualifiedName", "service", "serviceType", "parent", "query_type"})


@dataclass(frozen=True)
class Kind:
    """One collection."""

    type: str
    path: str
    create: str
    entity: str
    parents: tuple[tuple[str, str], ...] = ()
    """Members of the create body that name a parent, each with its entity type; the last one sent gives the FQN."""
    copied: tuple[str, ...] = ()
    """Members that an entity has from its parent."""
    parts: str | None = None
    """Where its columns, tasks or fields are."""
    gated: frozenset[str] = frozenset()
    """Members that are absent unless `fields` names them, beside RELATIONS."""
    links: dict[str, str] = field(default_factory=dict)
    """Members that name other entities by FQN, and their type."""
    ids: dict[str, str] = field(default_factory=dict)
    """Members that name other entities by bare id, and their type."""
    infix: str | None = None
    """Stands between the parent's FQN and the name."""
    bulk: bool = False

    @cached_property
    def members(self) -> frozenset[str]:
        """What `fields` may name."""
        return models.members(self.entity)

    @cached_property
    def settable(self) -> frozenset[str]:
        """What a PUT can change."""
        fixed = SETTABLE_BY_NOBODY | {member for member, _ in self.parents} | set(self.copied)
        return (models.members(self.create) & self.members) - fixed

    @cached_property
    def hidden(self) -> frozenset[str]:
        """What is absent unless asked for."""
        return (RELATIONS | self.gated) & self.members

    @cached_property
    def defaults(self) -> dict[str, object]:
        """Members of a new entity that nobody sent."""
        found = {**models.defaults(self.entity), **models.defaults(self.create)}
        return {k: v for k, v in found.items() if k in self.members and k not in ("version", "query_type")}


def service(type_: str, path: str, name: str) -> Kind:
    """A collection of services."""
    return Kind(
        type_, f"services/{path}", f"api.services.create{name}:Create{name}Request", f"entity.services.{type_}:{name}"
    )


def asset(
    type_: str, path: str, name: str, *parents: tuple[str, str], copied: tuple[str, ...] = (), parts: str | None = None,
    gated: str = "", links: dict[str, str] | None = None, infix: str | None = None,
) -> Kind:  # fmt: skip
    """A collection of what services hold."""
    return Kind(
        type_, path, f"api.data.create{name}:Create{name}Request", f"entity.data.{type_}:{name}", parents, copied,
        parts, frozenset(gated.split()), links or {}, infix=infix, bulk=True,
    )  # fmt: skip


KINDS = (
    service("databaseService", "databaseServices", "DatabaseService"),
    service("storageService", "storageServices", "StorageService"),
    service("pipelineService", "pipelineServices", "PipelineService"),
    service("dashboardService", "dashboardServices", "DashboardService"),
    service("apiService", "apiServices", "ApiService"),
    asset(
        "database", "databases", "Database", ("service", "databaseService"), copied=("serviceType",),
        gated="databaseSchemas location",
    ),
    asset(
        "databaseSchema", "databaseSchemas", "DatabaseSchema", ("database", "database"),
        copied=("service", "serviceType"), gated="tables",
    ),
    asset(
        "table", "tables", "Table", ("databaseSchema", "databaseSchema"), copied=("database", "service", "serviceType"),
        parts="columns", gated="tableConstraints tablePartition customMetrics joins schemaDefinition dataModel "
        "testSuite sampleData tableProfilerConfig profile location queries pipelineObservability",
    ),
    asset(
        "container", "containers", "Container", ("service", "storageService"), ("parent", "container"),
        copied=("serviceType",), parts="dataModel.columns", gated="dataModel parent sampleData",
    ),
    asset(
        "chart", "charts", "Chart", ("service", "dashboardService"), copied=("serviceType",), gated="dashboards",
        links={"dashboards": "dashboard"},
    ),
    asset(
        "dashboardDataModel", "dashboard/datamodels", "DashboardDataModel", ("service", "dashboardService"),
        copied=("serviceType",), parts="columns", infix="model",
    ),
    asset(
        "dashboard", "dashboards", "Dashboard", ("service", "dashboardService"), copied=("serviceType",),
        gated="charts dataModels", links={"charts": "chart", "dataModels": "dashboardDataModel"},
    ),
    asset(
        "pipeline", "pipelines", "Pipeline", ("service", "pipelineService"), copied=("serviceType",), parts="tasks",
        gated="tasks pipelineStatus",
    ),
    asset(
        "apiCollection", "apiCollections", "APICollection", ("service", "apiService"), copied=("serviceType",),
        gated="apiEndpoints", links={"apiEndpoints": "apiEndpoint"},
    ),
    asset(
        "apiEndpoint", "apiEndpoints", "APIEndpoint", ("apiCollection", "apiCollection"),
        copied=("service", "serviceType"), parts="responseSchema.schemaFields",
    ),
    Kind(
        "query", "queries", "api.data.createQuery:CreateQueryRequest", "entity.data.query:Query",
        (("service", "databaseService"),), gated=frozenset({"queryUsedIn", "users", "usedBy"}), links={"users": "user"},
    ),
    Kind(
        "team", "teams", "api.teams.createTeam:CreateTeamRequest", "entity.teams.team:Team",
        gated=frozenset("parents users userCount childrenCount owns defaultRoles policies profile".split()),
        ids={"parents": "team", "children": "team", "users": "user", "defaultRoles": "role", "policies": "policy"},
    ),
    Kind(
        "user", "users", "api.teams.createUser:CreateUserRequest", "entity.teams.user:User",
        gated=frozenset("teams roles personas owns follows profile authenticationMechanism".split()),
        ids={"teams": "team", "roles": "role", "personas": "persona"},
    ),
    Kind(
        "domain", "domains", "api.domains.createDomain:CreateDomainRequest", "entity.domains.domain:Domain",
        (("parent", "domain"),), gated=frozenset({"parent", "childrenCount"}),
    ),
    Kind(
        "dataProduct", "dataProducts", "api.domains.createDataProduct:CreateDataProductRequest",
        "entity.domains.dataProduct:DataProduct",
    ),
    Kind(
        "classification", "classifications",
        "api.classification.createClassification:CreateClassificationRequest",
        "entity.classification.classification:Classification", gated=frozenset({"termCount", "usageCount"}),
    ),
    Kind(
        "tag", "tags", "api.classification.createTag:CreateTagRequest", "entity.classification.tag:Tag",
        (("classification", "classification"), ("parent", "tag")), gated=frozenset({"usageCount"}),
    ),
    Kind(
        "glossary", "glossaries", "api.data.createGlossary:CreateGlossaryRequest", "entity.data.glossary:Glossary",
        gated=frozenset({"termCount", "usageCount"}),
    ),
    Kind(
        "glossaryTerm", "glossaryTerms", "api.data.createGlossaryTerm:CreateGlossaryTermRequest",
        "entity.data.glossaryTerm:GlossaryTerm", (("glossary", "glossary"), ("parent", "glossaryTerm")),
        gated=frozenset({"relatedTerms", "usageCount", "childrenCount"}),
    ),
    Kind(
        "testDefinition", "dataQuality/testDefinitions", "api.tests.createTestDefinition:CreateTestDefinitionRequest",
        "tests.testDefinition:TestDefinition",
    ),
    Kind(
        "testSuite", "dataQuality/testSuites", "api.tests.createTestSuite:CreateTestSuiteRequest",
        "tests.testSuite:TestSuite", gated=frozenset("tests summary pipelines testCaseResultSummary".split()),
    ),
    Kind(
        "testCase", "dataQuality/testCases", "api.tests.createTestCase:CreateTestCaseRequest",
        "tests.testCase:TestCase",
        gated=frozenset(
            "testSuite testSuites testDefinition testCaseResult incidentId failedRowsSample inspectionQuery".split()
        ),
    ),
    Kind(
        "dataContract", "dataContracts", "api.data.createDataContract:CreateDataContractRequest",
        "entity.data.dataContract:DataContract",
    ),
)  # fmt: skip
BY_TYPE = {kind.type: kind for kind in KINDS}
