"""What the catalog calls our places: services, databases, and how a dataset's name becomes a fully qualified one.

`<schema>.<table>` is of the warehouse. What a column comes from is named with its scheme before it:
`postgres:<source>.<schema>.<table>`, `file:<source>.<stream>`, `document:…`, `airbyte:…` (`column_lineage.py`);
`api:<source>.<stream>` is what a partner's API answers, of which `airbyte:…` is what was landed. `exposure.<name>` is
a dashboard.
"""

from __future__ import annotations

from typing import Literal

from governance.model import Frozen
from governance.openmetadata.names import clean, fqn

Kind = Literal["table", "container", "dashboard", "apiEndpoint"]


class Place(Frozen):
    """An entity of the catalog: its type and its fully qualified name."""

    kind: Kind
    fqn: str


class Places(Frozen):
    """Names of services, and of the warehouse's database."""

    warehouse: str = "hallmark_warehouse"
    warehouse_type: Literal["CustomDatabase", "Snowflake"] = "CustomDatabase"
    database: str = "warehouse"
    landing: str = "hallmark_landing"
    landing_type: Literal["CustomStorage", "S3"] = "CustomStorage"
    dashboards: str = "hallmark_sigma"
    pipelines: str = "hallmark_prefect"
    source: str = "hallmark_{source}"
    """Service of a source that is a database or a partner."""
    runs_url: str | None = None
    """Where a run can be looked at, with `{run_id}` in it."""

    @property
    def dialect(self) -> Literal["duckdb", "snowflake"]:
        """In which column types are printed."""
        return "snowflake" if self.warehouse_type == "Snowflake" else "duckdb"

    def stored(self, name: str) -> str:
        """A name of the warehouse in the case that it stores: Snowflake's are in upper case."""
        return clean(name.upper() if self.warehouse_type == "Snowflake" else name)

    def schema_fqn(self, schema: str) -> str:
        """A schema of the warehouse."""
        return fqn(self.warehouse, clean(self.database), self.stored(schema))

    def of(self, dataset: str) -> Place:
        """Where a dataset, or what one is made from, stands."""
        scheme, colon, rest = dataset.partition(":")
        if not colon:
            schema, _, table = dataset.partition(".")
            if schema == "exposure":
                return Place(kind="dashboard", fqn=fqn(self.dashboards, clean(table)))
            return Place(kind="table", fqn=f"{self.schema_fqn(schema)}.{fqn(self.stored(table))}")
        source, _, place = rest.partition(".")
        if scheme == "postgres":
            schema, _, table = place.partition(".")
            return Place(kind="table", fqn=fqn(self.source.format(source=source), source, clean(schema), clean(table)))
        if scheme == "api":
            return Place(kind="apiEndpoint", fqn=fqn(self.source.format(source=source), source, clean(place)))
        return Place(kind="container", fqn=fqn(self.landing, clean(source), clean(place)))

    def run_link(self, run_id: str) -> str | None:
        """The page of a run."""
        return self.runs_url.format(run_id=run_id) if self.runs_url else None
