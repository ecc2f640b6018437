"""`kill -9` at a statement of a load or publish on Snowflake, and the same again: it ends as a run that nobody killed.

The proxy kills the process when a certain statement arrives, or when it is executed and before the answer leaves. The
session of a killed process stays open with its transaction, as on Snowflake. SHOW TRANSACTIONS and
SYSTEM$ABORT_TRANSACTION, by which the next run ends that of a publish, are answered by the proxy.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from blocks.settings import Settings
from blocks.sources.spec import SourceSpec
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch, LayerPublish
from governance.errors import LockedError
from governance.model import Event
from tests.integration.warehouse_support import SLOT, Stream
from tests.snowflake_faults import Fault, Proxy, Statement
from tests.snowflake_proxy import proxy

MODULES = ["tests.chaos.test_kill_snowflake", "prefect_snowflake.credentials", "snowflake.connector", "blocks.migrate"]
SEED, KILLS = 5, 50
ANYWHERE, STREAM, LAYER = 0, 1, 2
"""Where a run is killed: anywhere, or in the publish of the stream or of the layer."""
ANNOUNCED = "^UPDATE ops.streams SET holder"
"""The first statement of a publish."""
FIXED = {
    "id": [
        (ANYWHERE, "^COPY INTO", True), (STREAM, "^UPDATE ops.loads AS l SET status = 'published'", True),
        (STREAM, "^COMMIT", False), (LAYER, "^COMMIT", False),
    ],
    "": [
        (ANYWHERE, "^COPY INTO", False), (STREAM, "^COMMIT", True),
        (LAYER, "^INSERT OVERWRITE INTO silver", True), (LAYER, "^COMMIT", True),
    ],
}  # fmt: skip
"""Key of the stream → (where, statement, whether it is executed)."""
BEGINNING = "ops.batches"
"""What the transaction changes by which a run begins. It says nothing of itself: Snowflake has to end it."""


def work(settings: Settings, spec: SourceSpec, number: int) -> None:
    """A run: one stream is loaded and published, then a layer of one table."""
    batch = Batch(f"run-{number}", SLOT + timedelta(hours=6 * number))
    with open_warehouse(settings) as warehouse, warehouse.transaction():
        warehouse.ledger.start_batch(batch)
    Stream(settings, spec, number - 1).run()
    told = Event.of("hallmark.publish.completed.v1", "silver", batch.run_id, batch.slot)
    with open_warehouse(settings) as warehouse:
        warehouse.prepare_layer("silver", [], full=False)
        warehouse.execute("CREATE TABLE silver__audit.c AS SELECT id, v, _load_id FROM bronze.drops__c")
        warehouse.publish_layer(LayerPublish("silver", batch, {"c": None}), (), lambda rows: [told])
        warehouse.ledger.finish_batch(batch, "completed", None)


@dataclass
class Killed:
    """A home whose runs are killed, and one on DuckDB whose runs are not; both get the same files."""

    settings: Settings
    clean: Settings
    key: str
    front: Proxy
    runs: int = field(default=0)
    files: int = field(default=0)
    aborted: int = 0
    """How many transactions of dead runs the next ones aborted."""
    waited: list[str] = field(default_factory=list)
    """What runs waited for until Snowflake rolled a dead one's transaction back."""

    def run(self) -> None:
        """Both homes get a file, and one run each that nobody kills."""
        self._drop()
        self.runs += 1
        work(self.clean, self._spec(self.clean), self.runs)
        work(self.settings, self._spec(self.settings), self.runs)

    def kill(self, where: int, pattern: str, nth: int, executed: bool) -> str:
        """Both homes get a file; a run is killed at a statement, and the next one goes on. The statement."""
        self._drop()
        self.runs += 1
        work(self.clean, self._spec(self.clean), self.runs)
        arguments = (self.settings, self._spec(self.settings), self.runs)
        process = multiprocessing.get_context("forkserver").Process(target=work, args=arguments)
        self.front.clear()
        last = Fault(pattern, self._killer(process, executed), nth)
        self.front.faults.append(Fault(ANNOUNCED, self._then(last), where) if where else last)
        process.start()
        process.join(120)
        at = f"{where} {pattern} {nth}, executed: {executed}"
        assert process.exitcode == -signal.SIGKILL, f"{at}: it was not killed, but ended {process.exitcode}"
        killed = self.front.statements[-1]
        self.front.clear()
        self.runs += 1
        try:
            work(*arguments[:2], self.runs)
        except LockedError as error:  # Snowflake ends it after five minutes
            self.waited.append(error.what)
            assert self.front.roll_back_open() == 1
            self.runs += 1
            work(*arguments[:2], self.runs)
        self.aborted += sum("SYSTEM$ABORT" in sql for sql in self.front.statements)
        self.front.roll_back_open()  # one that only inserted: it is in nobody's way
        assert picture(self.settings) == picture(self.clean), f"killed at {at}: {killed}"
        return killed

    def _then(self, fault: Fault) -> Any:
        """From this statement on, another one is looked for."""

        def act(statement: Statement) -> None:
            self.front.faults.append(fault)
            statement.answer(*self.front.execute(statement))

        return act

    def _killer(self, process: ForkServerProcess, executed: bool) -> Any:
        def act(statement: Statement) -> None:
            if executed:
                self.front.execute(statement)
            while process.pid is None:
                time.sleep(0.001)
            os.kill(process.pid, signal.SIGKILL)
            statement.reset()

        return act

    def _spec(self, settings: Settings) -> SourceSpec:
        root = str(settings.home / "in")
        stream = {"path": "*.csv", "settle": "0s", "name": "c", "primary_key": [self.key] if self.key else []}
        spec = {"name": "drops", "kind": "files", "owner": "x", "root": root, "streams": {"c": stream}}
        return SourceSpec.model_validate(spec)

    def _drop(self) -> None:
        """A file with a new row, a changed one, one as before, and one without its key."""
        self.files += 1
        n = self.files
        for settings in (self.settings, self.clean):
            folder = settings.home / "in"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{n:03}.csv").write_text(f"id,v\nnew{n},a\nall,{n}\nsame,x\n,y\n")


def picture(settings: Settings) -> dict[str, object]:
    """What is published, how it is accounted for, and what was told."""
    with open_warehouse(settings) as warehouse:
        found: dict[str, object] = {
            "bronze": warehouse.execute(
                "SELECT id, v, _load_id, _source_position, _row_hash FROM bronze.drops__c ORDER BY 3, 4"
            ),
            "silver": warehouse.execute("SELECT id, v, _load_id FROM silver.c ORDER BY 3, 1, 2"),
            "loads": warehouse.execute(
                "SELECT load_id, status, rows_read, rows_published, rows_unchanged, rows_quarantined, publish_seq "
                "FROM ops.loads ORDER BY load_id"
            ),
            "unbalanced": warehouse.execute(
                "SELECT load_id FROM ops.loads WHERE rows_read <> rows_published + rows_unchanged + rows_quarantined"
            ),
            "quarantine": warehouse.execute("SELECT id, load_id, reason_code, raw FROM ops.quarantine ORDER BY id"),
            "streams": warehouse.execute("SELECT source, stream, status, holder FROM ops.streams"),
            "told twice": warehouse.execute("SELECT id FROM ops.events GROUP BY id HAVING count(*) > 1"),
            "staging": warehouse.tables("bronze__staging"),
        }
    assert not found["unbalanced"] and not found["told twice"]
    return found


@pytest.fixture(scope="module")
def front(snowflake: dict[str, str]) -> Iterator[tuple[Proxy, dict[str, str]]]:
    multiprocessing.get_context("forkserver").set_forkserver_preload(MODULES)
    with proxy(snowflake, lock_seconds=0.2) as started:
        yield started


@pytest.fixture
def killed(front: tuple[Proxy, dict[str, str]], tmp_path: Path, request: pytest.FixtureRequest) -> Killed:
    """One run has published."""
    values: dict[str, Any] = {name.removeprefix("HALLMARK_").lower(): value for name, value in front[1].items()}
    database = f"T{uuid4().hex}".upper()
    settings = Settings(
        home=tmp_path / "killed", profile="snowflake", snowflake_database=database, snowflake_statement_timeout=20,
        **values,
    )  # fmt: skip
    front[0].clear()
    made = Killed(settings, Settings(home=tmp_path / "clean"), request.param, front[0])
    made.run()
    return made


@pytest.mark.parametrize("killed", list(FIXED), indirect=True)
def test_a_run_that_is_killed_at_a_statement_is_made_good_by_the_next(killed: Killed) -> None:
    for where, pattern, executed in FIXED[killed.key]:
        killed.kill(where, pattern, 1, executed)
    assert killed.aborted and not killed.waited


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("killed", list(FIXED), indirect=True)
def test_a_run_that_is_killed_anywhere_is_made_good_by_the_next(killed: Killed) -> None:
    killed.front.clear()
    killed.run()
    statements, chance, kills = list(killed.front.statements), random.Random(SEED), KILLS // len(FIXED)
    announced = [n for n, sql in enumerate(statements) if re.match(ANNOUNCED, sql)]
    lengths = {ANYWHERE: len(statements) - 5} | {
        where: statements.index("COMMIT", begin) - begin
        for where, begin in zip((STREAM, LAYER), announced, strict=True)
    }
    for number in range(kills):
        where = (ANYWHERE, STREAM, LAYER)[number % 3]
        nth, executed = chance.randint(1, lengths[where]), chance.random() < 0.5
        sql = killed.kill(where, "", nth, executed)
        print(f"{number + 1:3} {'after' if executed else 'before'} {sql[:90]}")
    assert all(BEGINNING in what for what in killed.waited), killed.waited
    print(
        f"{kills} kills {'with' if killed.key else 'without'} a key: {kills} times the next run made it good; "
        f"{killed.aborted} dead transactions aborted by it, {len(killed.waited)} left to Snowflake"
    )
