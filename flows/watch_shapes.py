"""What a source holds beside what bronze takes of it, by the manifests of what landed last.

A manifest is read only of a stream whose newest load failed, or whose policy may keep columns out: of all others bronze
has what the source has.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blocks.sources.base import ColumnSpec
from blocks.sources.spec import load_sources
from blocks.warehouses.ledger import STREAMS
from blocks.warehouses.ledger_loads import BACKFILL, REPLAY
from blocks.warehouses.schema import evolve
from flows.accept import optional
from flows.context import Context
from governance.errors import SourceError

if TYPE_CHECKING:
    from blocks.warehouses.sql import SqlWarehouse

NEWEST = f"""
    SELECT l.source, l.stream, l.load_id, l.status, s."schema"
    FROM ops.loads AS l INNER JOIN {STREAMS} AS s ON l.source = s.source AND l.stream = s.stream
    WHERE l.status IN ('published', 'failed') AND s."schema" IS NOT NULL
        AND l.identity NOT LIKE '%{REPLAY}%' AND l.identity NOT LIKE '%{BACKFILL}%'
    QUALIFY row_number() OVER (PARTITION BY l.source, l.stream ORDER BY l.started_at DESC) = 1
"""


@dataclass
class Shapes:
    """Dataset → what of its source bronze has not."""

    refused: dict[str, str] = field(default_factory=dict)
    """Why its shape is not taken at all."""
    untaken: dict[str, list[str]] = field(default_factory=dict)
    """Columns that the stream's policy keeps out."""


def shapes(context: Context, warehouse: SqlWarehouse) -> Shapes:
    """Of all streams that are declared."""
    found, sources = Shapes(), load_sources(context.sources_file, fill=False)  # nothing is connected to
    for source, stream, load_id, status, schema in warehouse.execute(NEWEST):
        spec = sources[source].streams.get(stream) if source in sources else None
        if spec is None or (status == "published" and spec.schema_policy == "evolve"):
            continue
        manifest = context.landing.described(source, stream, load_id)
        if manifest is None or not manifest.schema:
            continue
        name, known = f"bronze.{source}__{stream}", [ColumnSpec(**c) for c in json.loads(schema)]
        may_be_absent = optional(sources[source], stream, manifest)
        try:
            shape = evolve(name, known, manifest.schema, spec.schema_policy, optional=may_be_absent)
        except SourceError as error:
            found.refused[name] = error.cause
        else:
            if shape.extra:
                found.untaken[name] = list(shape.extra)
    return found
