"""`hallmark plan`: what is new is counted without being loaded, and a simulated batch says where its time goes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from flows.capacity import BATCHES_A_DAY, task_runs_a_day
from tests.homes import SLOT1, SLOT2, Home

SOURCES = """
sources:
  shop:
    kind: postgres
    url: ${SHOP_URL}
    owner: delivery
    streams:
      orders: {table: public.orders, primary_key: [id], cursor: updated_at}
      whole: {table: public.orders, primary_key: [id]}
  drops:
    kind: files
    root: drops
    owner: growth
    streams:
      prices: {path: "prices/*.csv", settle: 0s}
      events: {path: "events/*.ndjson.gz", settle: 0s}
      none: {path: "none/*.xml"}
  partner:
    kind: airbyte
    connector: airbyte-source-faker
    owner: growth
    config: {count: 10}
    streams:
      users: {}
"""
ROWS = 20_000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, database: Callable[[str, str | bytes], str]) -> Home:
    """A home without a run, with files and a table."""
    url = database(
        "plan",
        "CREATE TABLE orders (id int PRIMARY KEY, updated_at timestamptz, name text); "
        "INSERT INTO orders SELECT i, '2026-01-01Z'::timestamptz + i * interval '1 minute', 'customer ' || i "
        f"FROM generate_series(1, {ROWS}) i; ANALYZE orders",
    )
    folder = tmp_path_factory.mktemp("plan")
    (folder / "drops/prices").mkdir(parents=True)
    (folder / "drops/prices/a.csv").write_text("sku,cents\n" + "x,1\n" * 1000)
    (folder / "drops/prices/b.csv").write_text("sku,cents\ny,2\n")
    (folder / "sources.yml").write_text(SOURCES)
    return Home(folder / "home", folder / "sources.yml", {"SHOP_URL": url})


def planned(home: Home, *arguments: str, **more: str) -> dict:
    done = home.hallmark("plan", "--sources", str(home.sources), *arguments, "--json", **more)
    assert done.code == 0, done.err
    return dict(done.json)


def test_a_plan_before_the_first_run_has_everything_and_makes_no_home(home: Home) -> None:
    found = planned(home)
    assert set(found) >= {"streams", "tasks", "bytes", "cores", "credits"} and not home.path.exists()
    streams = {s["stream"]: s for s in found["streams"]}
    assert (streams["drops.prices"]["parts"], streams["drops.prices"]["tasks"]) == (2, 1)
    assert streams["drops.prices"]["bytes"] == sum(
        f.stat().st_size for f in (home.sources.parent / "drops/prices").iterdir()
    )
    assert (streams["drops.none"]["parts"], streams["drops.none"]["tasks"], streams["drops.none"]["bytes"]) == (0, 0, 0)
    assert 500_000 < streams["shop.orders"]["bytes"] == streams["shop.whole"]["bytes"]
    assert streams["partner.users"]["bytes"] is None and "connector" in streams["partner.users"]["note"]
    assert found["tasks"] == 4 and found["cores"] == 1 and found["credits"] is None
    assert found["bytes"] == sum(s["bytes"] or 0 for s in found["streams"])


def test_after_a_run_only_what_is_new_is_left(home: Home, prefect_server: str) -> None:
    home.run(slot=SLOT1, stream="drops")
    home.run(slot=SLOT1, stream="shop.orders")
    ledger = home.rows("SELECT count(*), max(finished_at) FROM ops.loads")
    landed = sorted(p for p in (home.path / "landing").rglob("*"))
    streams = {s["stream"]: s for s in planned(home)["streams"]}
    assert (streams["drops.prices"]["parts"], streams["drops.prices"]["bytes"]) == (0, 0)
    whole = streams["shop.whole"]["bytes"]
    assert streams["shop.orders"]["bytes"] < whole / 100, "only the rows at and after the cursor"
    (home.sources.parent / "drops/prices/c.csv").write_text("sku,cents\nz,3\n")
    again = planned(home, "--stream", "drops.prices")
    assert [(s["stream"], s["parts"], s["bytes"]) for s in again["streams"]] == [("drops.prices", 1, 14)]
    assert home.rows("SELECT count(*), max(finished_at) FROM ops.loads") == ledger
    assert sorted(p for p in (home.path / "landing").rglob("*")) == landed


def test_a_source_that_does_not_answer_is_said_and_the_others_are_planned(home: Home) -> None:
    done = home.hallmark(
        "plan", "--sources", str(home.sources), "--json", SHOP_URL="postgresql://u:secret@127.0.0.1:1/x"
    )
    assert done.code == 1 and "secret" not in done.out + done.err
    streams = {s["stream"]: s for s in done.json["streams"]}
    assert streams["shop.orders"]["bytes"] is None and "cannot be reached" in streams["shop.orders"]["note"]
    assert streams["drops.prices"]["parts"] is not None
    unknown = home.hallmark("plan", "--sources", str(home.sources), "--stream", "drops.nothing", "--json")
    assert unknown.code == 2 and set(unknown.json["error"]) == {"what", "cause", "remedy"}


@pytest.mark.parametrize("arguments", [(), ("--simulate",)])
def test_the_table_fits_a_terminal_of_80_columns(home: Home, arguments: tuple[str, ...]) -> None:
    done = home.hallmark("plan", "--sources", str(home.sources), *arguments, COLUMNS="80", NO_COLOR="1")
    assert done.code == 0, done.err
    assert "\x1b" not in done.out and max(map(len, done.out.splitlines())) <= 80
    assert "core" in done.out


def test_a_simulated_batch_says_when_each_layer_is_published_and_what_holds_it_up(home: Home) -> None:
    done = home.hallmark("plan", "--simulate", "--json")
    found = done.json
    assert set(found) >= {"streams", "tasks", "bytes", "cores", "credits", "layers", "phases", "bottleneck"}
    times = [x["published_s"] for x in found["layers"]]
    assert [x["layer"] for x in found["layers"]] == ["bronze", "silver", "gold"] and times == sorted(times)
    assert abs(sum(p["seconds"] for p in found["phases"]) - times[-1]) <= len(found["phases"])
    assert sum(s["bytes"] for s in found["streams"]) == pytest.approx(found["bytes"], rel=1e-6) and found["within"]
    few = json.loads(home.hallmark("plan", "--simulate", "--pods", "2", "--json").out)
    assert few["bottleneck"] == "pods" and not few["within"] and few["layers"][-1]["published_s"] > times[-1]
    assert few["assumptions"]["pods"] == 2


def test_prefect_has_the_task_runs_that_a_plan_counts(
    first: Home, new_home: Callable[[Home], Home], prefect_server: str
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterParentTaskRunId

    def of(*ids: object) -> FlowRunFilter:
        return FlowRunFilter(id=FlowRunFilterId(any_=list(ids)))

    summary = new_home(first).run(slot=SLOT2)  # of this server: the first slot may be of another
    with get_client(sync_client=True) as client:
        own = client.read_task_runs(flow_run_filter=of(summary["run_id"]))
        parents = FlowRunFilterParentTaskRunId(any_=[t.id for t in own])
        below = client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_task_run_id=parents))
        theirs = client.read_task_runs(flow_run_filter=of(*(run.id for run in below)))
    streams = [s for s in summary["streams"] if "__" not in s["stream"]]  # a child table has no task
    sources = {s["source"] for s in streams}
    assert BATCHES_A_DAY * (len(own) + len(theirs)) == task_runs_a_day(len(streams), len(sources))
