"""Ctrl-C and SIGTERM end a run as interrupted, whatever the libraries make of them; the next one goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.homes import Home, ended
from tests.snowflake_faults import Fault, Statement
from tests.snowflake_proxy import proxy
from tests.snowflake_support import environment_of

SOURCES = """
sources:
  drops:
    kind: files
    root: drops
    owner: data-platform
    streams:
      customers: {path: "*.csv", settle: 0s, date_order: dmy}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, sampled: Home) -> Callable[[], Home]:
    """Makes a home of one small stream, of which some models of silver are made."""
    folder = tmp_path_factory.mktemp("interrupt")
    (folder / "sources.yml").write_text(SOURCES)
    (folder / "drops").mkdir()
    dropped = min((sampled.path / "sample").rglob("customers*.csv"))
    (folder / "drops" / "1.csv").write_bytes(b"".join(dropped.read_bytes().splitlines(keepends=True)[:30]))

    def make() -> Home:
        home = Home(folder / f"home-{len(list(folder.glob('home-*')))}", folder / "sources.yml")
        home.path.mkdir()
        home.with_parse()
        return home

    return make


def interrupted(process: subprocess.Popen[str]) -> None:
    """What a person and a program see of it."""
    done = ended(process)
    assert done.code == 130, (done.code, done.out, done.err[-3000:])
    assert set(done.json["error"]) == {"what", "cause", "remedy"} and done.json["error"]["what"] == "interrupted"
    assert [line for line in done.err.splitlines() if line.startswith("interrupted;")] and "Traceback" not in done.err


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_a_run_ends_as_interrupted_and_the_next_completes_its_slot(small: Callable[[], Home], sign: int) -> None:
    home = small()
    process = home.start("run", "--json")
    until = time.monotonic() + 120
    while not list((home.path / "landing").glob("*/*/*/manifest.json")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(sign)
    interrupted(process)
    assert home.rows("SELECT state FROM ops.batches") == [("failed",)]
    done = home.hallmark("run", "--json")
    assert (done.code, done.json["state"]) == (0, "completed"), done
    assert home.value("SELECT count(DISTINCT slot) FROM ops.batches") == 1


def test_a_signal_that_comes_while_dbt_works_on_snowflake_is_not_lost(
    small: Callable[[], Home], snowflake: dict[str, str]
) -> None:
    """The proxy refuses dbt-snowflake's cancelling, as Snowflake does where the role may not."""
    home = small()
    with proxy(snowflake) as (broken, variables):
        home.variables |= environment_of(variables, "INTERRUPT")
        process = home.start("run", "--json")

        def press(statement: Statement) -> None:
            os.kill(process.pid, signal.SIGINT)
            time.sleep(3)
            statement.answer(*broken.execute(statement))

        broken.refuse(r"system\$cancel_all_queries", "003001", "42501", "Insufficient privileges")
        broken.faults.append(Fault(r"create.*table.*silver__audit", press))
        interrupted(process)
        assert any("cancel_all_queries" in sql for sql in broken.statements), "dbt was at work, and cancelled"
