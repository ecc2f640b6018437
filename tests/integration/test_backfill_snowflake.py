"""`hallmark plan` and `hallmark backfill` on an emulated Snowflake, of files alone; their own tests have more."""

from typing import Any

import pytest

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from flows.backfill import load_again
from flows.backfill_choice import Wanted, choose
from flows.capacity import Assumptions
from flows.context import make_context
from flows.ingest import ingest_stream
from flows.plan import plan
from tests.homes import SLOT1, Home
from tests.snowflake_support import environment_of

SOURCES = """
sources:
  drops:
    kind: files
    root: drops
    owner: growth
    streams:
      prices: {path: "prices/*.csv", settle: 0s}
      names: {path: "names/*.csv", primary_key: [id], settle: 0s}
"""
FILES = {
    "prices/1.csv": "sku,cents\nx,1\nx,1\n",
    "names/1.csv": "id,name\n1,old\n2,same\n",
    "names/2.csv": "id,name\n1,new\n",
}
STREAMS = ("names", "prices")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, snowflake: dict[str, str]) -> Home:
    """Files that no run has seen."""
    folder = tmp_path_factory.mktemp("again")
    for name, text in FILES.items():
        (folder / "drops" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "drops" / name).write_text(text)
    (folder / "sources.yml").write_text(SOURCES)
    return Home(folder / "home", folder / "sources.yml", environment_of(snowflake, "AGAIN"))


def test_what_is_new_is_planned_and_what_is_landed_is_loaded_again(home: Home) -> None:
    with home.environment():
        settings, sources = Settings.load(), str(home.sources)

        def planned() -> dict[str, Any]:
            found = plan(settings, sources, None, Assumptions())
            return {s["stream"]: s["parts"] for s in found["streams"]} | {"credits": found["credits"] > 0}

        assert planned() == {"drops.names": 2, "drops.prices": 1, "credits": True}
        context = make_context(SLOT1, sources, None, "run-1")
        for stream in STREAMS:
            ingest_stream.fn("drops", stream, context)
        assert planned() == {"drops.names": 0, "drops.prices": 0, "credits": False}
        before = bronze(settings)
        again = make_context(SLOT1, sources, None, "run-2")
        accounts = {one.stream: load_again.fn(one, again) for one in choose(Wanted(["drops"]), again)}
        assert {s: (a.read, a.published, a.unchanged, a.quarantined) for s, a in accounts.items()} == {
            "names": (3, 0, 2, 1), "prices": (2, 2, 0, 0),
        }  # fmt: skip
        assert bronze(settings) == before == {"names": [("1", "new"), ("2", "same")], "prices": [("x", "1")] * 2}


def bronze(settings: Settings) -> dict[str, list[tuple[str, ...]]]:
    """The rows of each stream, as text."""
    with open_warehouse(settings) as warehouse:
        shown = {"names": "id, name", "prices": "sku, cents"}
        rows = {s: warehouse.execute(f"SELECT {shown[s]} FROM bronze.drops__{s} ORDER BY 1") for s in STREAMS}
    return {stream: [tuple(map(str, row)) for row in found] for stream, found in rows.items()}


def test_the_console_is_as_quiet_as_that_of_a_run(home: Home) -> None:
    home.with_parse()
    done = home.hallmark("backfill", "drops.names", "--sources", str(home.sources), "--yes", "--json")
    assert done.err == ""
    assert (done.code, done.json["state"]) == (0, "completed"), done.json
