"""A batch of the sample: the shares of data, gates, profiles, orchestration and governance in its processor time.

Its streams go one after the other, so that what is spent belongs to one part. The Prefect server is started before,
and what it spends counts as orchestration.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import yaml

from benchmarks import child
from benchmarks.data import SEED
from benchmarks.measure import DAY, run
from benchmarks.report import Goal, Section
from blocks import sample
from flows.context import SOURCES

ROWS_OF = 6.8
"""Rows in bronze for each of those that the sample is asked for."""
BYTES_OF_A_ROW = 100
"""Of the sample's sources, about: what SIZE comes to in rows."""
LITTLE = 200
COLUMNS = ["", "CPU s", "of all", "goal"]
PARTS = {
    "data": "read, land, load, count, ledger; models and their publish",
    "gates": "gates of bronze, silver and gold",
    "profiles": "the profile of each dataset",
    "governance": "lineage, events, delivery, report",
    "orchestration": "Prefect, its server among it, and all the rest",
}
_server: list[psutil.Process] = []


def batch(source: str, folder: Path) -> int:
    """One batch of a home that has a sample and nothing else; the rows that it published in bronze."""
    home = Path(source)
    for path in home.iterdir():
        if path.name not in ("sample", "sources.yml"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if not _server:
        _prepare(folder)
    parsed = folder.parent / "parsed"
    if parsed.exists():  # a home's first batch parses the dbt project, and none after it
        shutil.copytree(parsed, home / "dbt")
    before = _server_seconds()
    from flows.batch import batch as flow

    os.environ["HALLMARK_HOME"] = source
    state = flow(sources=str(home / "sources.yml"), return_state=True)
    summary = state.result(raise_on_failure=False)
    if isinstance(summary, BaseException):
        raise summary
    child.NOTED["server"] = _server_seconds() - before
    if summary["state"] != "completed":
        raise SystemExit(f"the batch is {summary['state']}")
    shutil.copytree(home / "dbt", parsed, dirs_exist_ok=True)
    return sum(s["published"] for s in summary["streams"])


def _prepare(folder: Path) -> None:
    """Start the server, and let the steps of a batch be parts."""
    import atexit

    from flows.server import LocalServer

    server = LocalServer(folder.parent / "server")
    server.start().wait()
    atexit.register(server.stop)
    _server.append(next(p for p in psutil.Process().children() if "flows.server" in p.cmdline()))
    from prefect.task_runners import ThreadPoolTaskRunner

    import flows.batch
    import flows.ingest
    import flows.load
    import flows.transform
    from blocks.dbt import DbtProject
    from blocks.warehouses.ledger import Ledger
    from blocks.warehouses.sql import SqlWarehouse
    from expectations import gate

    flows.batch.ingest_source = flows.ingest.ingest_source.with_options(task_runner=ThreadPoolTaskRunner(max_workers=1))
    child.note_calls("data", flows.ingest, "plan", "land", "publish", "after_publish")
    child.note_calls("data", flows.load, "stage")
    child.note_calls("data", DbtProject, "invoke")
    child.note_calls("data", SqlWarehouse, "prepare_layer", "publish_layer")
    child.note_calls("gates", gate, "run")
    child.note_calls("profiles", SqlWarehouse, "profile")
    child.note_calls("profiles", Ledger, "profiles")
    child.note_calls("governance", flows.load, "bronze_lineage", "load_events")
    child.note_calls("governance", flows.transform, "model_lineage", "layer_events")
    child.note_calls("governance", flows.batch, "deliver", "write_report", "publish_artifacts", "stale_datasets")


def _server_seconds() -> float:
    spent = _server[0].cpu_times()
    return float(spent.user + spent.system)


def measure(size: int, times: int, scratch: Path) -> Section:
    """The shares of a batch of about `size` bytes, measured once: it is long, and its parts are many."""
    little, home = (
        _home(scratch / f"batch-{n}", n) for n in (LITTLE, max(LITTLE, int(size / BYTES_OF_A_ROW / ROWS_OF)))
    )
    found = run("", "benchmarks.batch", ["batch", str(little), str(home), str(scratch / "runs")], longest=DAY)
    section = Section("batch", f"A batch: {found.rows} rows from their sources to gold", COLUMNS)
    if found.error:
        section.rows.append([found.error, "", "", ""])
        return section
    all_ = found.cpu + found.noted["server"]
    spent = {name: found.noted.get(name, 0.0) for name in PARTS}
    spent["orchestration"] = all_ - sum(spent.values())
    for name, what in PARTS.items():
        section.rows.append([f"{name}: {what}", f"{spent[name]:.1f}", f"{spent[name] / all_:.1%}", ""])
    steering = (spent["governance"] + spent["orchestration"]) / all_
    for what, share, goal in (
        ("orchestration and governance", steering, 0.05),
        ("gates", spent["gates"] / all_, 0.2),
    ):
        title = f"A batch of {found.rows} rows: {what}, of its processor time"
        section.goals.append(Goal(title, f"≤ {goal:.0%}", f"{share:.1%}", share <= goal))
        section.rows.append([f"**{what}**", f"{share * all_:.1f}", f"{share:.1%}", f"≤ {goal:.0%}"])
    section.rows.append(["all", f"{all_:.1f}", "100%", ""])
    section.notes.append(f"{found.wall:.0f} s, peak memory {found.peak / 1e6:.0f} MB, one stream at a time.")
    return section


def _home(home: Path, rows: int) -> Path:
    """A home with a sample of so many rows, and the repository's sources without those of connectors."""
    if not sample.exists(home):
        sample.make(home, rows, SEED)
    declared = yaml.safe_load(SOURCES.read_text("utf-8"))["sources"]
    kept = {name: body for name, body in declared.items() if body["kind"] != "airbyte"}
    (home / "sources.yml").write_text(yaml.safe_dump({"sources": kept}, sort_keys=False), encoding="utf-8")
    return home


if __name__ == "__main__":
    child.main({"batch": batch})
