"""A disk that is full, a real one: one clear error, nothing half landed or published, and the next run goes on."""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.homes import Home
from tests.integration.test_ingest import ingest, results

SOURCES = """
sources:
  shop:
    kind: files
    root: shop
    owner: growth
    streams: {orders: {path: "*", settle: 0s, format: csv}}
"""
ROWS = 60_000
TEXT = "id,name\n" + "".join(f"{n},{n * 7919 % 1_000_003:040x}\n" for n in range(ROWS))


class Disk:
    """A file system in memory, and what takes its room."""

    def __init__(self, path: Path) -> None:
        self.path, self.ballast = path, path / "ballast"

    def fill(self, left: int) -> None:
        """Leave no more than so many bytes."""
        free = os.statvfs(self.path)
        with self.ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - left)

    def clear(self) -> None:
        self.ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", path]).returncode:
        pytest.skip("only root may mount a small disk")
    yield Disk(path)
    subprocess.run(["umount", "--lazy", path], check=True)


def drop(folder: Path, name: str) -> None:
    """A file for the stream `orders`, packed or not."""
    path = folder / "shop" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(TEXT.encode()) if name.endswith(".gz") else TEXT.encode())


def make(folder: Path, **variables: str) -> Home:
    """A home that has loaded one small file."""
    (folder / "sources.yml").write_text(SOURCES)
    (folder / "shop").mkdir()
    (folder / "shop" / "0.csv").write_text("id,name\n0,a\n")
    home = Home(folder / variables.pop("home", "home"), folder / "sources.yml", variables)
    home.with_parse()
    assert ingest(home, "shop").is_completed()
    return home


def fails(home: Home) -> None:
    """A run ends with the error, and with nothing else."""
    state = ingest(home, "shop")
    assert state.is_failed() and "is full" in str(state.message), state.message


def goes_on(home: Home) -> None:
    """All of the file is there with the next run, once."""
    [result] = results(ingest(home, "shop"))
    assert (result["read"], result["published"], result["quarantined"]) == (ROWS, ROWS, 0)
    assert home.value("SELECT count(*) FROM bronze.shop__orders") == ROWS + 1
    assert home.unknown_in_landing() == set()


@pytest.mark.parametrize("name", ["1.csv", "1.csv.gz"])
def test_a_landing_zone_without_room(disk: Disk, tmp_path: Path, prefect_server: str, name: str) -> None:
    home = make(tmp_path, HALLMARK_LANDING=str(disk.path / "landing"))
    before = set(disk.path.rglob("*"))
    drop(tmp_path, name)
    disk.fill(left=2 << 20)
    fails(home)
    disk.clear()
    kept = {p for p in disk.path.rglob("*") if p.is_file()} - before
    assert {p.name for p in kept} <= {"packed-0.gz"}, "no part, no half part and no manifest"
    assert home.value("SELECT count(*) FROM bronze.shop__orders") == 1
    goes_on(home)


def test_a_warehouse_without_room(disk: Disk, tmp_path: Path, prefect_server: str) -> None:
    state = f"sqlite:///{tmp_path / 'state.db'}"
    home = make(tmp_path, home="disk/home", HALLMARK_LANDING=str(tmp_path / "landing"), HALLMARK_STATE_URL=state)
    drop(tmp_path, "1.csv")
    disk.fill(left=300 << 10)
    fails(home)
    disk.clear()
    assert home.value("SELECT count(*) FROM bronze.shop__orders") == 1
    goes_on(home)
