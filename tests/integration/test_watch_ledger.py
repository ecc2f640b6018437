"""What the watch reads of the ledger, and what it keeps there of what it told, on both warehouses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch
from flows.watch_checks import result
from flows.watch_seen import state
from flows.watch_shapes import NEWEST
from governance.model import ColumnProfile, Profile
from governance.monitors import Watched

SLOT = datetime(2026, 11, 22, tzinfo=UTC)
HOURS6 = timedelta(hours=6)
LOADS = (
    "load_id", "run_id", "attempt", "slot", "source", "stream", "identity", "rows_read", "bytes", "started_at",
    "finished_at", "status", "path",
)  # fmt: skip


def test_the_ledger_is_read_alike_and_keeps_what_was_told(settings: Settings) -> None:
    watched = Watched(dataset="bronze.drops__events", columns=("id",))
    with open_warehouse(settings) as warehouse:
        ledger = warehouse.ledger
        for n, stream_files in enumerate((2, 1, 0, 1)):
            slot, batch = SLOT + n * HOURS6, Batch(f"r{n}", SLOT + n * HOURS6)
            ledger.start_batch(batch)
            at = slot + timedelta(minutes=40)
            loads = [
                (f"l{n}{i}", "r", 1, slot, "drops", "events", f"id{n}{i}", 10, 500, slot, at, "published", f"f{n}{i}")
                for i in range(stream_files)
            ]
            again = (f"b{n}", "r", 1, slot, "drops", "events", f"x:replay:{n}", 99, 9, slot, at, "published", "f")
            ledger.insert("ops.loads", LOADS, [*loads, again])
            column = ColumnProfile(name="id", nulls=1, distinct=9, mean=5.5, quantiles=("1", "3", "5.5", "8", "10"))
            ledger.profiles(batch, {"bronze.drops__events": Profile(rows=10, columns=(column,))})
            ledger.insert(
                "ops.builds", ("run_id", "slot", "layer", "dataset", "rows_after", "status", "published_at"),
                [("r", slot, "gold", "gold.t", 100 + n, "published", at)],
            )  # fmt: skip
            ledger.finish_batch(batch, "failed" if n == 3 else "completed", None)
        for success in (True, False):
            check = result("bronze.drops__events", None, "volume", "warning", success, "1", "")
            ledger.gates(Batch("w", SLOT), [check], published=True)
        found = state(warehouse, [watched], SLOT + timedelta(days=2))
        assert warehouse.execute(NEWEST) == []

    def of(name: str, column: str | None, *measure: str) -> list[float]:
        return [s.value for s in found.series[name, column, *measure]]  # type: ignore[index]

    assert found.newest == SLOT + 2 * HOURS6 and found.slots[SLOT + 3 * HOURS6] == "unfinished"
    events = "bronze.drops__events"
    assert of(events, None, "volume", "") == [20, 10, 0], "nothing came in the third, and no replay counts"
    assert of(events, None, "file_count", "") == [2, 1, 0] and of(events, None, "file_size", "") == [500, 500]
    assert of("gold.t", None, "volume", "") == [100, 101, 102]
    assert of(events, "id", "null_rate", "") == [0.1] * 3 and of(events, "id", "quantile", "75 %") == [8] * 3
    assert found.arrivals[events] == {s: s + timedelta(minutes=40) for s in (SLOT, SLOT + HOURS6)}
    assert found.last[events] == SLOT + 3 * HOURS6 + timedelta(minutes=40)
    told = found.told[f"{events}.volume"]
    assert (told.success, told.severity, told.slot) == (False, "warning", SLOT)
