"""What a change of the dbt project does to its data, before it is merged: for the comment on a pull request.

The base is a commit. It is built whole on a copy of the home's warehouse, the change on a copy of that: dbt builds what
it finds modified and everything downstream, and the rows of each table are compared. The home is only read.
"""

from __future__ import annotations

import io
import json
import logging
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from blocks.dbt import PROJECT, DbtProject
from blocks.diff import Wanted, compare
from blocks.diff.sides import DuckDBSide, duckdb_file
from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from governance.contract_changes import contract_changes, key_of
from governance.contracts import Terms, contract_of, declared_contracts
from governance.declared_tests import declared_tests
from governance.errors import ConfigurationError, HallmarkError
from governance.manifest import AUDIT, datasets, layer_models
from governance.model import Dataset
from governance.oncall import load_ownership
from governance.protection import protections
from governance.review import Cell, Review, TableReview, readers_of

LOG = logging.getLogger("hallmark")
EXAMPLES = 5
_MODELS = ("--resource-type", "model", "--resource-type", "seed")
_VALUES = {"slot": "2026-01-01T00:00:00Z", "loads_after": 0, "loads_upto": 2**63 - 1}
"""Of macros/slots.sql: everything that was ever published, as of one day for both."""
How = Literal["modified", "downstream", "new", "gone"]
SELECTORS: Mapping[str, How] = {"state:modified+": "downstream", "state:modified": "modified"}
"""dbt's own; what the second selects is selected by the first too."""


@dataclass(frozen=True)
class Built:
    """A project, and the warehouse that it is built in."""

    dbt: DbtProject
    manifest: Mapping[str, Any]

    @classmethod
    def of(cls, settings: Settings, home: Path, project: Path) -> Built:
        """Parse a project for a home of its own."""
        home.mkdir()
        dbt = DbtProject(settings.model_copy(update={"home": home, "profile": "local"}), project=project)
        return cls(dbt, dbt.manifest())

    @property
    def file(self) -> Path:
        """Its warehouse."""
        return self.dbt.settings.warehouse_file

    def build(self, present: set[str], *arguments: str) -> None:
        """Models and seeds, but for models that read what bronze has not. Raises HallmarkError naming what fails."""
        skipped = [m for layer in ("silver", "gold") for m in layer_models(self.manifest, layer, present).skipped]
        left_out = ["--exclude", *skipped] if skipped else []
        self.dbt.invoke(["build", *_MODELS, "--full-refresh", *arguments, *left_out], _VALUES)


def review(settings: Settings, base: str, project: Path = PROJECT, data: bool = True) -> Review:
    """Compare the dbt project of a folder with the one of a commit.

    Raises ConfigurationError for a commit or project that is not there, and where there is no warehouse to build on;
    HallmarkError where the base itself cannot be built.
    """
    if data and not settings.warehouse_file.is_file():
        remedy = "run `hallmark sample` and `hallmark run` first, or give --no-data"
        raise ConfigurationError(f"home {settings.home}", "it has no warehouse to build on", remedy)
    with tempfile.TemporaryDirectory(prefix="hallmark-review-") as name:
        folder = Path(name)
        commit, before = checked_out(project, base, folder)
        if DbtProject(settings, project=before).fingerprint() == DbtProject(settings, project=project).fingerprint():
            return Review(base=commit, data=data)
        old = Built.of(settings, folder / "before", before)
        new = Built.of(settings, folder / "after", project)
        how = _changed(old, new)
        LOG.info("%d models modified or downstream", len(how))
        changes = contract_changes(*(declared_contracts(side.manifest) for side in (old, new)))
        failure = ""
        if how and data:
            failure = _build(settings, old, new)
        tables = _tables(old, new, how, data and not failure)
        broken = [c.dataset for c in changes if c.breaking]
        readers = readers_of(broken, (old.manifest, new.manifest), load_ownership())
    return Review(
        base=commit, data=data and not failure, tables=tables, changes=changes, readers=readers, failure=failure
    )


def checked_out(project: Path, base: str, folder: Path) -> tuple[str, Path]:
    """(commit, project) of a base, as git has it. Raises ConfigurationError for one that it has not."""
    remedy = "name a commit that `git log` shows, such as origin/main; a shallow clone needs `git fetch`"
    if base.startswith("-"):
        raise ConfigurationError(f"base {base}", "it is no commit", remedy)
    top = Path(_git(project, "rev-parse", "--show-toplevel", what=f"project {project}").decode().strip())
    commit = _git(project, "rev-parse", "--verify", f"{base}^{{commit}}", what=f"base {base}", remedy=remedy)
    inside = project.resolve().relative_to(top.resolve())
    sha = commit.decode().strip()
    packed = _git(top, "archive", sha, "--", inside.as_posix(), what=f"{inside} in {base}", remedy=remedy)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder / "base", filter="data")
    return sha, folder / "base" / inside


def _git(folder: Path, *arguments: str, what: str, remedy: str = "give a folder in a clone of git") -> bytes:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
        raise ConfigurationError(what, said or "git does not know it", remedy)
    return done.stdout


def _changed(old: Built, new: Built) -> dict[str, How]:
    """model → how, as dbt's state method tells it."""
    state = ("--state", str(old.dbt.target.resolve()))
    found: dict[str, How] = {}
    for selector, how in SELECTORS.items():
        listed = new.dbt.invoke(["ls", "--resource-type", "model", "--select", selector, *state, "--output", "json"])
        found |= {json.loads(line)["name"]: how for line in listed if line.startswith("{")}
    was, now = (_models(side.manifest) for side in (old, new))
    found |= dict.fromkeys(sorted(was - now), "gone")
    return {name: "new" if name not in was else how for name, how in found.items()}


def _models(manifest: Mapping[str, Any]) -> set[str]:
    return {n["name"] for n in manifest["nodes"].values() if n["resource_type"] == "model"}


def _build(settings: Settings, old: Built, new: Built) -> str:
    """Build both; why the change cannot be."""
    with duckdb_file("the home", settings.warehouse_file, "information_schema", "tables"):  # while nobody writes
        shutil.copy(settings.warehouse_file, old.file)
    with open_warehouse(old.dbt.settings) as warehouse:
        present = {f"bronze.{name}" for name in warehouse.tables("bronze", views=True)}
        for layer in ("silver", "gold"):
            warehouse.execute(f"DROP SCHEMA IF EXISTS {layer}{AUDIT} CASCADE")
    LOG.info("building the base")
    old.build(present)
    shutil.copy(old.file, new.file)
    LOG.info("building the change")
    try:
        new.build(present, "--select", "state:modified+", "--state", str(old.dbt.target.resolve()))
    except HallmarkError as error:
        return error.cause
    return ""


def _tables(old: Built, new: Built, how: Mapping[str, How], data: bool) -> tuple[TableReview, ...]:
    known = [{d.name.partition(".")[2]: d for d in datasets(side.manifest)} for side in (old, new)]
    tests = declared_tests(new.manifest)
    personal = {name: {**shield.personal} for name, shield in protections(old.manifest).items()}
    for name, shield in protections(new.manifest).items():
        personal[name] = {**personal.get(name, {}), **shield.personal}
    found = []
    for model, kind in how.items():
        dataset = known[1].get(model) or known[0].get(model)
        if dataset is None:  # ephemeral, or what a gate rejected
            continue
        key = key_of(contract_of(dataset, [t for t in tests if t.dataset == dataset.name], Terms()))
        told = TableReview(dataset=dataset.name, owner=dataset.owner, how=kind, key=tuple(key))
        if data:
            told = _compared(told, dataset, (old.file, new.file), personal.get(dataset.name, {}))
        found.append(told)
    return tuple(sorted(found, key=lambda t: (t.how == "downstream", t.dataset)))


def _compared(
    told: TableReview, dataset: Dataset, files: tuple[Path, Path], personal: Mapping[str, str]
) -> TableReview:
    """With what came of a comparison of both builds; a table that is gone or new has one side only."""
    with _side("before", files[0], dataset) as a, _side("after", files[1], dataset) as b:
        a, b = (None if told.how == "new" else a), (None if told.how == "gone" else b)
        rows = [None if s is None else int(s.rows(f"SELECT count(*) FROM {s.relation}")[0][0]) for s in (a, b)]
        told = told.model_copy(update={"rows_before": rows[0], "rows_after": rows[1]})
        if a is None or b is None:
            return told.model_copy(update={"note": "" if told.how in ("new", "gone") else "not built on this sample"})
        columns = [[c.name for c in side.columns] for side in (a, b)]
        update: dict[str, object] = {
            "columns_gone": tuple(c for c in columns[0] if c not in columns[1]),
            "columns_new": tuple(c for c in columns[1] if c not in columns[0]),
        }
        if not told.key:
            return told.model_copy(update={**update, "note": "no key is declared"})
        try:
            found = compare(a, b, Wanted(told.key, limit=EXAMPLES, personal=personal))
        except ConfigurationError as error:
            return told.model_copy(update={**update, "note": f"{error.what}: {error.cause}"})
    update |= {"only_before": found.only_a, "only_after": found.only_b, "changed": found.changed}
    return told.model_copy(update={**update, "examples": _examples(found.rows)})


@contextmanager
def _side(label: str, file: Path, dataset: Dataset) -> Iterator[DuckDBSide | None]:
    schema, _, table = dataset.name.partition(".")
    with duckdb_file(label, file, "information_schema", "tables") as catalog:
        there = catalog.rows(
            f"SELECT 1 FROM information_schema.tables WHERE table_schema = '{schema}{AUDIT}' AND table_name = '{table}'"
        )
    if not there:
        yield None
        return
    with duckdb_file(label, file, f"{schema}{AUDIT}", table) as side:
        yield side


def _examples(rows: Sequence[Mapping[str, object]]) -> tuple[Cell, ...]:
    found = []
    for row in rows[: 2 * EXAMPLES]:
        key = row["key"]
        said = ", ".join(map(str, key)) if isinstance(key, list) else str(key)
        if row["kind"] == "changed":
            before, after = ("NULL" if row[side] is None else str(row[side]) for side in "ab")
            found.append(Cell(key=said, column=str(row["column"]), before=before, after=after))
        else:
            here = [("is there" if str(row["kind"])[-1] == side else None) for side in "ab"]
            found.append(Cell(key=said, before=here[0], after=here[1]))
    return tuple(found)
