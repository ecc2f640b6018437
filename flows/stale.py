"""Which datasets stand on old data because a stream failed or was left out, and of which slot their data are."""

from __future__ import annotations

from blocks.warehouses import open_warehouse
from blocks.warehouses.ledger import STREAMS
from flows import slots
from flows.context import Context
from governance.lineage import spread_stale
from governance.manifest import table_edges

BEHIND = "('failed', 'unconfirmed', 'held', 'released')"
"""What ops.streams says of a stream whose newest data are not in bronze: see `holds.py` and `load.py`."""
NEVER = ""  # older than every slot


def stale_datasets(context: Context) -> dict[str, str]:
    """dataset → slot of its oldest input, for every dataset downstream of a stream that is not published now."""
    with open_warehouse(context.settings) as warehouse:
        rows = warehouse.execute(
            f"SELECT s.source, s.stream, max(l.slot) FROM {STREAMS} s LEFT JOIN ops.loads l "
            "ON l.source = s.source AND l.stream = s.stream AND l.status IN ('published', 'duplicate') "
            f"WHERE s.status IN {BEHIND} GROUP BY s.source, s.stream"
        )
    marks = {f"bronze.{source}__{stream}": slots.show(at) if at else NEVER for source, stream, at in rows}
    return spread_stale(marks, table_edges(context.manifest))
