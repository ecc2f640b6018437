"""The environments of connectors: made once, whole or not at all, from packages of an index and nothing else."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from blocks.connectors import Connector
from blocks.landing import Landing
from governance.errors import SourceError, UnreachableError
from tests.integration.airbyte_support import (
    NAME,
    ROOT,
    SCRIPT,
    Make,
    land,
    leftovers,
    run_apart,
    until,
    write_wheel,
)  # fmt: skip


@pytest.fixture(scope="module")
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environments of this module."""
    return tmp_path_factory.mktemp("connectors")


def test_two_processes_that_need_a_connector_make_it_once(
    make: Make, wheels: Path, landing: Landing, tmp_path: Path
) -> None:
    write_wheel(wheels, "2.0.0")
    reader = make(requirement=f"{NAME}==2.0.0", count=5)
    reader.root = tmp_path / "connectors"
    runs = [run_apart(reader, Landing(tmp_path / f"landing{n}")) for n in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    made = reader.root / f"{NAME}-2.0.0"
    assert [p.name for p in reader.root.iterdir() if not p.name.startswith(".")] == [made.name]
    stamp = (made / "connector.json").stat().st_mtime_ns
    land(reader, landing)
    assert (made / "connector.json").stat().st_mtime_ns == stamp


def test_without_a_version_the_newest_is_installed_and_kept(make: Make, wheels: Path, tmp_path: Path) -> None:
    def version() -> str:
        reader = make(requirement=NAME)
        reader.root = tmp_path
        return reader.connector.environment.version

    write_wheel(wheels, "2.0.0")
    assert version() == "2.0.0"
    write_wheel(wheels, "3.0.0")
    try:
        assert version() == "2.0.0"
    finally:
        next(wheels.glob("*-3.0.0-*")).unlink()


def test_what_an_image_has_is_used_from_there_and_not_written_to(
    make: Make, landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, home = tmp_path / "image", tmp_path / "home"
    made = make()
    assert Connector("of the image", made.spec.connector or "", {}, image).specification
    before = {path: path.lstat().st_mtime_ns for path in (image, *image.rglob("*"))}
    with monkeypatch.context() as pod:
        pod.setenv("HALLMARK_CONNECTORS", str(image))
        pod.setenv("UV_NO_INDEX", "1")
        reader = make()
        reader.root = home
        assert land(reader, landing).parts[0].rows == 10
    assert {path: path.lstat().st_mtime_ns for path in (image, *image.rglob("*"))} == before
    assert not list(home.glob("*/connector.json"))


def test_a_killed_installation_leaves_none_and_is_done_again(
    make: Make, landing: Landing, tmp_path: Path, stalling: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make(requirement=f"{NAME}==1.0.0 some-dependency==1.0")
    reader.root = tmp_path / "connectors"
    with monkeypatch.context() as stalled:
        stalled.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{stalling.getsockname()[1]}/index")
        run = run_apart(reader, landing)
        with stalling.accept()[0]:
            assert list(reader.root.glob(".run-*/made/bin/python"))
            run.kill()
            run.wait()
    assert until(lambda: leftovers(reader.root) == [])
    assert not list(reader.root.glob(f"{NAME}*"))
    again = make()
    again.root = reader.root
    assert land(again, landing).parts[0].rows == 10


def test_an_index_that_does_not_answer_is_no_fault_of_the_sources_file(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://" + "me:hushhush" + "@127.0.0.1:9/index")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    reader = make(requirement="airbyte-source-of-nobody==9.9")
    reader.root = tmp_path
    with pytest.raises(UnreachableError, match="package index") as caught:
        land(reader, Landing(tmp_path / "landing"))
    assert "hushhush" not in str(caught.value)


def test_a_package_that_is_no_connector_is_refused(make: Make, wheels: Path, tmp_path: Path) -> None:
    write_wheel(wheels, "1.0.0", "something-else")
    reader = make(requirement="something-else==1.0.0")
    reader.root = tmp_path
    with pytest.raises(SourceError, match="no program something-else"):
        land(reader, Landing(tmp_path / "landing"))


def test_pip_does_where_uv_is_not(make: Make, wheels: Path, landing: Landing, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(plain)], check=True)
    reader = make(count=7)
    reader.root = tmp_path / "connectors"
    packages = str(Path(duckdb.__file__).parents[1])
    environment = {
        **os.environ, "PATH": "/usr/bin:/bin", "PYTHONPATH": packages, "PIP_FIND_LINKS": str(wheels),
        "PIP_NO_INDEX": "1",
    }  # fmt: skip
    given = [reader.spec.model_dump_json(), str(reader.root), str(landing.root)]
    command = [str(plain / "bin" / "python"), "-c", SCRIPT.format(root=str(ROOT)), *given]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    (part,) = landing.root.rglob("part-0.ndjson")
    assert len(part.read_bytes().splitlines()) == 7


@pytest.fixture
def stalling() -> Iterator[socket.socket]:
    """An index that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        yield server
