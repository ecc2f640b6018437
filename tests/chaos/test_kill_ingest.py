"""`kill -9` at many moments over all kinds of sources, and the same again: it ends as a run that nobody killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from blocks.landing import sha256_of
from tests.chaos import apart, world
from tests.chaos.apart import End, Moment
from tests.homes import Home
from tests.integration.airbyte_support import until, write_wheel

SEED, KILLS = 6, int(os.environ.get("KILLS", "200"))
SHARES = 2
"""Of the kills, for as many processes: `make chaos`."""
COMPLETED = "SELECT count(*) FROM ops.batches WHERE state = 'completed'"


@dataclass
class Clean:
    """What nobody killed: the home before a run and after it, and how the run went."""

    before: Home
    after: Home
    sources: Path
    end: End
    picture: dict[str, object]


@pytest.fixture(scope="module")
def clean(
    tmp_path_factory: pytest.TempPathFactory, database: Callable[[str, str | bytes], str]
) -> Iterator[list[Clean]]:
    """The two slots of the world."""
    folder = tmp_path_factory.mktemp("chaos")
    apart.prepare()
    write_wheel(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_FIND_LINKS", str(folder))
        home = Home(folder / "made" / "home")
        home.path.mkdir(parents=True)
        home.with_parse()
        made = []
        for number, sources in enumerate(world.make(folder, database), 1):
            before = copy(home, folder / f"before-{number}")
            end = apart.run(home.path, sources, Moment())
            assert not end.killed
            made.append(Clean(before, copy(home, folder / f"after-{number}"), sources, end, picture(home)))
        yield made


def copy(home: Home, folder: Path) -> Home:
    """The same home elsewhere. The connectors are linked, since nothing changes them."""
    shutil.copytree(home.path, folder, symlinks=True)
    return Home(folder)


def picture(home: Home) -> dict[str, object]:
    """All that two runs over the same data must agree on."""
    assert not home.value(
        "SELECT count(*) FROM ops.loads WHERE rows_read <> rows_published + rows_unchanged + rows_quarantined"
    )
    return {
        "bronze": home.fingerprints("bronze"),
        "deleted": home.rows("SELECT id FROM bronze.oltp__people WHERE _deleted_at IS NOT NULL ORDER BY 1"),
        # A run that was killed after a publish reads rows of tables again, and finds them unchanged.
        "accounts": home.rows(
            "SELECT source, stream, path, slot, sum(rows_published), sum(rows_quarantined), sum(rows_deleted) FROM "
            "ops.loads WHERE status IN ('published', 'duplicate') GROUP BY ALL ORDER BY ALL"
        ),
        "files": home.rows(
            "SELECT load_id, identity, status, rows_read, rows_published, rows_unchanged, rows_quarantined, bytes "
            "FROM ops.loads WHERE source IN ('dropped', 'letters') ORDER BY ALL"
        ),
        "quarantine": home.rows(
            "SELECT id, load_id, position, reason_code, reason, raw, byte_from, byte_to FROM ops.quarantine ORDER BY 1"
        ),
        "cursors": home.rows("SELECT source, stream, value FROM ops.cursors ORDER BY ALL"),
        "streams": home.rows('SELECT source, stream, "schema", status, holder FROM ops.streams ORDER BY ALL'),
        "staging": home.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'bronze__staging'"),
    }


def whole(home: Home) -> None:
    """The landing zone holds what the ledger knows, every load is told once, and no process is left."""
    landing = home.path / "landing"
    assert home.unknown_in_landing() == set()
    assert list(landing.rglob(".*")) == [], "no half part"
    parts = 0
    for file in landing.glob("*/*/*/manifest.json"):
        for part in json.loads(file.read_text())["parts"]:
            assert sha256_of(file.parent / part["path"]) == (part["bytes"], part["sha256"])
            parts += 1
    assert parts
    told = Counter(
        json.loads(data)["load_id"]
        for (data,) in home.rows("SELECT data FROM ops.events WHERE type = 'hallmark.load.published.v1'")
    )
    published = home.rows("SELECT load_id FROM ops.loads WHERE status = 'published'")
    assert told >= Counter(load_id for (load_id,) in published) and set(told.values()) == {1}
    assert until(lambda: not apart.working(home.path), 30), apart.working(home.path)


def killed(clean: Clean, folder: Path, moments: Iterator[Moment], kills: int) -> list[tuple[Moment, str]]:
    """A home whose runs are killed so many times, each at once resumed; the last run is not.

    When each was killed, and at what kind of source.
    """
    home, done = copy(clean.before, folder), list[tuple[Moment, str]]()
    while len(done) < kills and (end := apart.run(home.path, clean.sources, moment := next(moments))).killed:
        done.append((moment, end.kind))
        if end.kind == "end" and home.value(COMPLETED) == clean.after.value(COMPLETED):
            break  # its batch is done: another run would be the next slot's
    else:
        if len(done) == kills:
            assert not apart.run(home.path, clean.sources, Moment(seconds=apart.LIMIT)).killed
    told = ", then ".join(f"{moment} ({kind})" for moment, kind in done)
    assert picture(home) == clean.picture, f"killed {told}"
    whole(home)
    shutil.rmtree(home.path)
    return done


def test_a_run_that_is_killed_is_made_good_by_the_next(clean: list[Clean], tmp_path: Path) -> None:
    second = clean[1]
    moments = iter([Moment(call=second.end.calls * part // 10) for part in (3, 5)])
    assert len(killed(second, tmp_path / "home", moments, 2)) == 2


MERGED, MARKED = 'INSERT INTO bronze__loads."oltp__people"', 'UPDATE bronze__loads."oltp__people" AS b SET _deleted_at'
PUBLISHES = [
    Moment(statements=('DELETE FROM bronze__loads."oltp__people"',)),
    Moment(statements=(MERGED,)),
    Moment(statements=(MARKED,)),
    Moment(statements=(MARKED, "UPDATE ops.loads")),
    Moment(statements=(MARKED, "COMMIT"), before=True),
    Moment(statements=(MARKED, "COMMIT")),
    Moment(statements=('INSERT INTO bronze__loads."dropped__rows"',)),
    Moment(statements=('INSERT INTO bronze__loads."dropped__keyed"', "UPDATE ops.loads", "COMMIT"), before=True),
    Moment(statements=('INSERT INTO bronze__loads."dropped__keyed"', "UPDATE ops.loads", "COMMIT")),
]
"""Within a transaction that publishes, on either side of its end, and while a stream of files is staged."""


def test_a_run_that_is_killed_while_it_publishes_is_made_good_by_the_next(clean: list[Clean], tmp_path: Path) -> None:
    assert len(killed(clean[1], tmp_path / "home", iter(PUBLISHES), len(PUBLISHES))) == len(PUBLISHES)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_run_that_is_killed_anywhere_is_made_good_by_the_next(clean: list[Clean], tmp_path: Path, share: int) -> None:
    chance, began, homes = random.Random(f"{SEED}/{share}"), time.monotonic(), 0
    kinds = Counter[str]()

    def moments(one: Clean) -> Iterator[Moment]:
        while True:
            if chance.random() < 0.5:
                yield Moment(call=chance.randint(1, one.end.calls))
            else:
                yield Moment(seconds=chance.uniform(0, one.end.seconds))

    while kinds.total() < KILLS // SHARES:
        one = chance.choice(clean)
        done = killed(one, tmp_path / f"home-{homes}", moments(one), chance.randint(2, 8))
        kinds.update(kind for _, kind in done)
        homes += 1
        print(f"home {homes}: killed {', '.join(str(moment) for moment, _ in done) or 'too late'}")
    told = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    print(
        f"{kinds.total()} kills over {homes} homes in {time.monotonic() - began:.0f} s, seed {SEED}/{share}: "
        f"each home ended as one that nobody killed. Killed at {told}."
    )
