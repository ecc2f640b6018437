"""What cost far more than it used to: slots of `gold.mrt_platform_cost` that stand out, told to who owns the data.

Judged when gold is published, since that is when new figures come; on what is about to be published.
"""

from __future__ import annotations

import logging

from blocks.warehouses.base import LayerPublish, Warehouse
from flows import slots
from flows.context import Context
from governance.model import Event

LOG = logging.getLogger("hallmark")
MODEL = "mrt_platform_cost"
EARLIER_SLOTS = 4
"""A day of slots: of fewer there is nothing usual."""
NEWEST_SLOTS = 4
"""That are judged: figures come up to 8 hours late, and what is older than a day was told."""
TIMES_USUAL = 3
"""A median is not moved by the outliers among the earlier slots; half as much again is a busy day."""
AT_LEAST = 0.5
"""Credits above the usual: three times very little is very little."""
OUTLIERS = f"""
SELECT n.warehouse, n.dataset, n.flow, n.team, n.slot, n.credits, n.cost_usd, median(o.credits) AS usual
FROM gold__audit.{MODEL} AS n
INNER JOIN gold__audit.{MODEL} AS o
    ON n.warehouse = o.warehouse AND n.dataset = o.dataset AND n.flow = o.flow AND n.team = o.team AND n.slot > o.slot
WHERE n.slot IN (
    SELECT slot FROM gold__audit.{MODEL} WHERE slot IS NOT NULL GROUP BY slot ORDER BY slot DESC LIMIT {NEWEST_SLOTS}
)
GROUP BY n.warehouse, n.dataset, n.flow, n.team, n.slot, n.credits, n.cost_usd
HAVING count(*) >= {EARLIER_SLOTS} AND n.credits > {TIMES_USUAL} * median(o.credits)
    AND n.credits - median(o.credits) >= {AT_LEAST}
ORDER BY n.slot, n.warehouse, n.dataset, n.flow, n.team
"""


def outliers(context: Context, publish: LayerPublish, warehouse: Warehouse) -> list[Event]:
    """An event for each slot of a warehouse, dataset, flow and team that stands out.

    Its id is made of these, so that it is told once, whichever run finds it.
    """
    events = []
    for row in warehouse.query(OUTLIERS) if publish.layer == "gold" and MODEL in publish.models else ():
        slot = slots.show(row["slot"])
        cause = "/".join((row["warehouse"], row["dataset"], row["flow"], row["team"], slot))
        found = {name: f"{float(row[name]):.2f}" for name in ("credits", "cost_usd")}
        usual = f"{float(row['usual']):.2f}"
        LOG.warning("%s cost %s credits in slot %s, usually %s", row["dataset"], found["credits"], slot, usual)
        events.append(
            context.event(
                "hallmark.dataset.overspent.v1", row["dataset"], cause, owner=row["team"], warehouse=row["warehouse"],
                flow=row["flow"], cost_slot=slot, usual_credits=usual, **found,
            )
        )  # fmt: skip
    return events
