"""Datasets into the catalog: warehouse tables, the tables, APIs and landed containers they come from, dashboards.

Events `hallmark.dataset.published.v1` carry a dataset as it is now, with what was counted of it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.model import Column, ColumnProfile, Dataset, Profile
from governance.openmetadata import bodies, measures
from governance.openmetadata.catalog import STALE, Catalog
from governance.openmetadata.column_types import column_type, field_type
from governance.openmetadata.entities import Failure, Json, Wanted, attempt, bring
from governance.openmetadata.names import Spelling, clean, fqn, in_path, join, split
from governance.openmetadata.places import Place
from governance.openmetadata.policy import one_of_each
from governance.transports.base import TransientError

COLLECTIONS = {"table": "tables", "container": "containers", "dashboard": "dashboards", "apiEndpoint": "apiEndpoints"}


@dataclass(frozen=True)
class Told:
    """A dataset, and what an event tells of it at a time."""

    dataset: Dataset
    at: datetime
    profile: Profile | None = None
    """Of what was published."""
    stale: bool = False


async def push_datasets(catalog: Catalog, told: Mapping[str, Told]) -> dict[str, Failure]:
    """Bring each into the catalog; what failed, by the given keys."""
    made = await asyncio.gather(*(attempt(_wanted(catalog, k, t), t.dataset.name) for k, t in told.items()))
    failed: dict[str, Failure] = {k: m for k, m in zip(told, made, strict=True) if isinstance(m, Failure)}
    by_collection: dict[str, list[Wanted]] = {}
    for one in made:
        if not isinstance(one, Failure):
            by_collection.setdefault(one[0], []).append(one[1])
    for collection, wanted in by_collection.items():
        found = await bring(catalog, collection, wanted)
        failed |= {k: e for k, e in found.items() if isinstance(e, Failure)}
        there = {k: e for k, e in found.items() if not isinstance(e, Failure)}
        work = (attempt(_measures(catalog, told[k], e), told[k].dataset.name) for k, e in there.items())
        measured = await asyncio.gather(*work)
        failed |= {k: e for k, e in zip(there, measured, strict=True) if isinstance(e, Failure)}
    return failed


async def place_of(catalog: Catalog, dataset: str) -> Place:
    """Where a dataset stands, as the catalog spells it."""
    place = catalog.places.of(dataset)
    if place.kind != "table":
        return place
    schema = fqn(*split(place.fqn)[:3])
    return place.model_copy(update={"fqn": await catalog.spelled(schema, place.fqn)})


async def stored_of(catalog: Catalog, dataset: str, fields: str) -> tuple[Place, Json]:
    """Where a dataset stands, and how the catalog has it. Raises TransientError where it is not there (yet)."""
    place = await place_of(catalog, dataset)
    found = await catalog.client.get(f"{COLLECTIONS[place.kind]}/name/{in_path(place.fqn)}", fields=fields)
    if found is None:
        raise TransientError("absent", f"{place.kind} {place.fqn} is not in the catalog")
    return place, found


async def _wanted(catalog: Catalog, key: str, told: Told) -> tuple[str, Wanted]:
    dataset = told.dataset
    place = await place_of(catalog, dataset.name)
    owner = await catalog.owner(dataset.owner) if dataset.owner else None
    domain = await catalog.domain(dataset.domain) if dataset.domain else None
    tier = (f"Tier.{dataset.tier.capitalize()}",) if dataset.tier else ()
    tags = [await catalog.tag(t) for t in (*tier, *dataset.tags, *((STALE,) if told.stale else ()))]
    name = split(place.fqn)[-1]
    given: Json = {
        "name": name,
        "display_name": dataset.label or None,
        "description": dataset.description or None,
        "owners": (bodies.Reference(id=owner, type="team", name=dataset.owner),) if owner else None,
        "domains": (domain.name,) if domain else None,
        "tags": _labels(catalog, tags),
    }
    make = {"table": _table, "container": _container, "dashboard": _dashboard, "apiEndpoint": _endpoint}[place.kind]
    body = await make(catalog, dataset, place, given)
    return COLLECTIONS[place.kind], Wanted(place.fqn, body, key, (domain,) if domain else ())


def _labels(catalog: Catalog, tags: Iterable[str]) -> tuple[bodies.Label, ...] | None:
    return tuple(bodies.Label(tag=t) for t in one_of_each(tags, catalog.exclusive)) or None


async def _table(catalog: Catalog, dataset: Dataset, place: Place, given: Json) -> bodies.Table:
    service, database, schema = split(place.fqn)[:3]
    parent = fqn(service, database, schema)
    ours = service == catalog.places.warehouse
    await catalog.schema(parent, catalog.places.warehouse_type if ours else "Postgres")
    columns = await _columns(catalog, dataset, catalog.places.dialect if ours else "postgres", place)
    return bodies.Table(
        **given, database_schema=parent, table_type="View" if dataset.kind == "view" else "Regular",
        columns=columns, table_constraints=await _constraints(catalog, dataset) or None,
    )  # fmt: skip


async def _container(catalog: Catalog, dataset: Dataset, place: Place, given: Json) -> bodies.Container:
    service, source, *_ = split(place.fqn)
    await catalog.service("storageServices", service, catalog.places.landing_type)
    parent = await catalog.made("containers", fqn(service, source), bodies.Container(name=source, service=service))
    columns = await _columns(catalog, dataset, "duckdb", place)
    return bodies.Container(
        **given, service=service, parent=bodies.Reference(id=parent, type="container"),
        data_model=bodies.ContainerData(columns=columns) if columns else None, full_path=dataset.url or None,
    )  # fmt: skip


async def _endpoint(catalog: Catalog, dataset: Dataset, place: Place, given: Json) -> bodies.ApiEndpoint:
    service, source, *_ = split(place.fqn)
    parent = fqn(service, source)
    await catalog.service("apiServices", service, "Rest")
    await catalog.made("apiCollections", parent, bodies.ApiCollection(name=source, service=service))
    columns = await _columns(catalog, dataset, "duckdb", place)
    answer = bodies.ResponseSchema(columns=columns) if columns else None
    return bodies.ApiEndpoint(**given, api_collection=parent, response_schema=answer)


async def _dashboard(catalog: Catalog, dataset: Dataset, place: Place, given: Json) -> bodies.Dashboard:
    service = split(place.fqn)[0]
    await catalog.service("dashboardServices", service, "Sigma")
    return bodies.Dashboard(**given, service=service, source_url=dataset.url or None)


async def _columns(catalog: Catalog, dataset: Dataset, dialect: str, place: Place) -> tuple[bodies.TableColumn, ...]:
    """Its columns, each name once; the case is the warehouse's.

    A name that the server takes as it is stays its column's own, whatever becomes of the others.
    """
    found: dict[str, bodies.TableColumn] = {}
    stored = catalog.places.stored if place.fqn.startswith(f"{fqn(catalog.places.warehouse)}.") else clean
    plain = {stored(c.name) for c in dataset.columns if clean(c.name) == c.name}
    answered = place.kind == "apiEndpoint"
    typed = field_type if answered else column_type
    for column in dataset.columns:
        name = stored(column.name)
        while name in found or (name in plain and clean(column.name) != column.name):
            name += "_"
        tags = _labels(catalog, await column_tags(catalog, column))
        found[name] = bodies.TableColumn(
            name=name, description=column.description or None, tags=tags,
            constraint=None if answered else _constraint(dataset, column.name), **typed(column.type, dialect),
        )  # fmt: skip
    return tuple(found.values())


async def column_tags(catalog: Catalog, column: Column) -> list[str]:
    """What a column is labelled with: personal data first."""
    return [await catalog.tag(t) for t in (*(("PII.Sensitive",) if column.pii else ()), *column.tags)]


def _constraint(dataset: Dataset, column: str) -> Any:
    if dataset.primary_key == (column,):
        return "PRIMARY_KEY"
    if column in dataset.unique:
        return "UNIQUE"
    return "NOT_NULL" if column in dataset.required else None


async def _constraints(catalog: Catalog, dataset: Dataset) -> tuple[bodies.Constraint, ...]:
    stored = catalog.places.stored
    found = []
    if len(dataset.primary_key) > 1:
        found.append(bodies.Constraint(constraint_type="PRIMARY_KEY", columns=tuple(map(stored, dataset.primary_key))))
    for key in dataset.foreign_keys:
        there = await place_of(catalog, key.dataset)
        referred = (join(there.fqn, stored(key.referred)),)
        columns = (stored(key.column),)
        found.append(bodies.Constraint(constraint_type="FOREIGN_KEY", columns=columns, referred_columns=referred))
    return tuple(found)


async def _measures(catalog: Catalog, told: Told, stored: Json) -> None:
    """The profile of what was published, at the time of its event."""
    if told.profile is None or "columns" not in stored:
        return
    at, rows = measures.millis(told.at), told.profile.rows
    names = Spelling(c["name"] for c in stored["columns"])
    columns = [
        _column_profile(name, at, rows, c)
        for c in told.profile.columns
        if (name := names.of(catalog.places.stored(c.name)))
    ]
    table = measures.TableProfile(timestamp=at, row_count=rows, column_count=len(stored["columns"]))
    body = measures.Profile(table_profile=table, column_profile=tuple(columns))
    await catalog.client.put(f"tables/{stored['id']}/tableProfile", body.json_body())


def _column_profile(name: str, at: int, rows: int, column: ColumnProfile) -> measures.ColumnProfile:
    quartiles = [_number(q) for q in column.quantiles[1:4]] or [None, None, None]
    return measures.ColumnProfile(
        name=name, timestamp=at, values_count=rows, null_count=column.nulls,
        null_proportion=column.nulls / rows if rows else None,
        distinct_count=column.distinct,
        distinct_proportion=column.distinct / rows if column.distinct and rows else None,
        mean=column.mean, min=_bound(column.min), max=_bound(column.max),
        first_quartile=quartiles[0], median=quartiles[1], third_quartile=quartiles[2],
    )  # fmt: skip


def _bound(text: str | None) -> float | str | None:
    """A smallest or largest value: a number, or a date as text."""
    number = _number(text)
    return text if number is None else number


def _number(text: str | None) -> float | None:
    """A number that JSON has; None of what is none, such as a date."""
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


async def mark_stale(catalog: Catalog, dataset: str) -> None:
    """Label a dataset that could not be brought up to date. Raises TransientError where the catalog lacks it."""
    place, stored = await stored_of(catalog, dataset, "tags")
    tags = stored.get("tags") or []
    if all(t["tagFQN"] != STALE for t in tags):
        label = bodies.Label(tag=await catalog.tag(STALE)).json_body()
        step = {"op": "add", "path": "/tags", "value": [*tags, label]}
        catalog.wrote(
            await catalog.client.patch(f"{COLLECTIONS[place.kind]}/{stored['id']}", [step], stored.get("version"))
        )
