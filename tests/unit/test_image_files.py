"""Dockerfiles, .dockerignore and the scripts of the image, held against the folder and the settings."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from blocks.settings import PREFIX, Settings
from tests.image_root import (
    CONNECTOR_DOCKERFILE,
    DOCKERFILE,
    ROOT,
    context,
    copies,
    ignored,
    instructions,
    last,
    values,
)

IMAGE = ROOT / "deploy/image"
DOCKERFILES = (DOCKERFILE, CONNECTOR_DOCKERFILE)
# What the scripts themselves need; no engine is among it.
PROGRAMS = ("bash", "cut", "date", "dirname", "git", "sed", "sha256sum")
SECRET = re.compile(r"token|passw|secret|credential|key", re.IGNORECASE)


def test_what_is_copied_is_all_that_the_build_sees() -> None:
    sources = [source for dockerfile in DOCKERFILES for names, _ in copies(dockerfile) for source in names]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    seen = context()
    assert [s for s in sources if not any(name == s or name.startswith(f"{s}/") for name in seen)] == []
    assert [name for name in seen if not any(name == s or name.startswith(f"{s}/") for s in sources)] == []


@pytest.mark.parametrize(
    "name",
    [
        ".env", "flows/.env", "blocks/sources/.env", ".git/config", ".hallmark/state.db", ".venv/bin/python",
        "dbt/.user.yml", "dbt/target/manifest.json", "dbt/logs/dbt.log", "flows/__pycache__/cli.cpython-311.pyc",
        "hallmark.egg-info/PKG-INFO", "tests/conftest.py", "terraform/terraform.tfstate", "requirements-dev.lock",
    ],
)  # fmt: skip
def test_the_build_does_not_see(name: str) -> None:
    assert ignored(name)


def test_every_folder_of_the_wheel_is_in_the_image() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = {name.partition(".")[0] for name in project["tool"]["setuptools"]["packages"]}
    assert packages <= {source for names, _ in copies() for source in names}


def test_python_is_the_one_that_is_tested_and_its_image_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    found = re.fullmatch(r"python:(\d+\.\d+)\.\d+-slim-[a-z]+", values("ARG")["PYTHON_IMAGE"])
    assert found and found[1] == project["tool"]["mypy"]["python_version"]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_every_step_is_one_of_the_script(dockerfile: Path) -> None:
    steps = [re.sub(r"--mount=\S+", "", rest).split() for word, rest in instructions(dockerfile) if word == "RUN"]
    assert steps
    assert {step[0] for step in steps} == {"/opt/hallmark/deploy/image/build.sh"}
    done = subprocess.run([IMAGE / "build.sh", "nothing"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Remedy: system, packages, project or connector" in done.stderr
    assert {step[1] for step in steps} <= set(re.findall(r"\w+", done.stderr.partition("Remedy:")[2]))


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_no_variable_of_an_image_is_a_secret(dockerfile: Path) -> None:
    assert [name for word in ("ENV", "ARG", "LABEL") for name in values(word, dockerfile) if SECRET.search(name)] == []


def test_it_runs_as_a_user_without_rights_and_writes_to_scratch_space_alone() -> None:
    assert last("USER") == "10001:10001"
    environment = values("ENV")
    assert {name: environment[name] for name in ("HALLMARK_HOME", "HOME")} == {
        "HALLMARK_HOME": "/scratch",
        "HOME": "/scratch",
    }
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    assert {name for name in environment if name.startswith(PREFIX)} <= settings
    assert json.loads(last("ENTRYPOINT")) == ["tini", "--"]
    assert last("HEALTHCHECK").partition("CMD ")[2]


def test_it_says_what_it_is() -> None:
    labels = {name.rpartition(".")[2] for name in values("LABEL") if name.startswith("org.opencontainers.image.")}
    assert {"title", "version", "revision", "created", "licenses", "name"} <= labels


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone that has what a tag is made of."""
    folder = tmp_path / "clone"
    (folder / "deploy/image").mkdir(parents=True)
    for name in ("deploy/image/image.sh", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def test_a_tag_tells_version_commit_and_lock(clone: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    first = tag(clone)
    assert re.fullmatch(rf"{re.escape(version)}-g[0-9a-f]{{12}}-l[0-9a-f]{{8}}", first)
    assert tag(clone) == first
    with (clone / "requirements.lock").open("a") as lock:
        lock.write("another==1\n")
    dirty = tag(clone)
    assert dirty.endswith("-dirty")
    assert dirty.split("-l")[1] != f"{first.split('-l')[1]}-dirty"
    commit(clone)
    second = tag(clone)
    assert first.split("-")[1] != second.split("-")[1]
    assert f"{second}-dirty".split("-l")[1] == dirty.split("-l")[1]


def test_without_an_engine_it_says_what_is_missing(clone: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(str(shutil.which(name)))
    command = [clone / "deploy/image/image.sh", "build"]
    done = subprocess.run(
        command, env={**os.environ, "PATH": str(programs)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "none of docker, podman and buildah is there\n  Remedy: install one of them" in done.stderr


def tag(clone: Path) -> str:
    """What the script says."""
    return subprocess.run(
        [clone / "deploy/image/image.sh", "tag"], capture_output=True, text=True, check=True
    ).stdout.strip()


def commit(clone: Path) -> None:
    """All that is there."""
    git(clone, "add", "--all")
    git(clone, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "--quiet", "--message", "a change")


def git(clone: Path, *words: str) -> None:
    """Run git there."""
    subprocess.run(["git", *words], cwd=clone, check=True)
