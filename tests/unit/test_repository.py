"""The repository as a whole: what may be in it, how large its files are, and which package knows which."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("flows", "blocks", "expectations", "governance")
# One direction: a package may import those to its right, and itself.
MAY_IMPORT = {
    "flows": {"flows", "blocks", "expectations", "governance"},
    "blocks": {"blocks", "governance"},
    "expectations": {"expectations", "governance"},
    "governance": {"governance"},
}
DESIGN = (
    "prefect",
    "prefect-aws",
    "prefect-snowflake",
    "prefect-dbt",
    "prefect-kubernetes",
    "openmetadata-ingestion",
    "great-expectations",
    "pytest",
)
EXPENSIVE = {"prefect", "great_expectations", "dbt", "metadata", "pyarrow", "sqlglot"}
LOCKS = sorted(
    str(p.relative_to(ROOT)) for p in (*ROOT.glob("requirements*.lock"), *ROOT.glob("benchmarks/peers/*.lock"))
)
FORBIDDEN = {
    "a package index's address": re.compile(
        r"--(extra-)?index-url[ =]https?://|https?://[^\s\"']*/simple\b|files\.pythonhosted|https?://[^/\s\"']+@", re.I
    ),
    "a key or token": re.compile(
        r"AKIA[0-9A-Z]{16}|xox[abprs]-[0-9A-Za-z]{10,}|ghp_[0-9A-Za-z]{36}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
        r"|hooks\.slack\.com/services/T[0-9A-Z]{8,}"
    ),
    "a path of one machine": re.compile(r"(?<![\w.])/(home|Users|root|work|farm)/[\w.-]+"),
}


def files() -> list[Path]:
    """What git has, or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return sorted(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def python_files(package: str) -> Iterator[tuple[Path, ast.Module]]:
    """The modules of a package, parsed."""
    for path in sorted((ROOT / package).rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    found = []
    for path in files():
        data = path.read_bytes()
        if path == Path(__file__).resolve() or b"\0" in data[:8000]:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            if FORBIDDEN[what].search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found, f"{what} in:\n" + "\n".join(found)


def test_files_stay_small() -> None:
    lines = {p.relative_to(ROOT): len(p.read_text("utf-8").splitlines()) for p in files() if p.suffix == ".py"}
    assert not {str(path): n for path, n in lines.items() if n > 300}


@pytest.mark.drift
def test_the_packages_listed_are_those_that_exist() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    folders = {p.parent.relative_to(ROOT) for package in PACKAGES for p in (ROOT / package).rglob("__init__.py")}
    assert sorted(listed) == sorted(".".join(folder.parts) for folder in folders)
    without = {p.parent for package in PACKAGES for p in (ROOT / package).rglob("*.py")} - {ROOT / f for f in folders}
    assert not without, "these folders have modules and no __init__.py, so they are not installed"


@pytest.mark.drift
def test_the_packages_of_the_design_are_named_and_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    runs = {requirement_name(r) for r in project["dependencies"]}
    tests = {requirement_name(r) for r in project["optional-dependencies"]["dev"]}
    assert set(DESIGN) <= runs | tests
    for lock, named in (("requirements.lock", runs), ("requirements-dev.lock", runs | tests)):
        assert named <= set(locked(lock)), f"named in pyproject.toml and not in {lock}: make the lock again"
    # An image holds none of the tools but those that openmetadata-ingestion asks for.
    assert tests & set(locked("requirements.lock")) <= {"lxml", "pytest"}


@pytest.mark.drift
def test_tests_run_with_the_packages_that_an_image_has() -> None:
    image, tests = (pins((ROOT / name).read_text("utf-8")) for name in ("requirements.lock", "requirements-dev.lock"))
    assert {name: pin for name, pin in image.items() if tests.get(name) != pin} == {}


@pytest.mark.drift
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_everything_with_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert not re.search(r"://|^-", text, re.M), "an address or an option of pip"
    without = [entry.splitlines()[0] for entry in entries(text) if "--hash=sha256:" not in entry]
    assert not without, f"no hash: {without}"
    assert all("==" in entry for entry in entries(text))
    assert "uv pip compile" in text.splitlines()[1], "the header says how it was made"


def test_a_cap_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    capped = [line for line in text.splitlines() if re.match(r'\s+"[\w\[\].-]+(>=[\d.]+,)?(<|==)', line)]
    assert capped
    assert not [line for line in capped if "#" not in line]


def test_imports_go_one_way() -> None:
    wrong = []
    for package in PACKAGES:
        for path, tree in python_files(package):
            for name, line in imported(tree, path):
                other = name.partition(".")[0]
                if other in PACKAGES and other not in MAY_IMPORT[package]:
                    wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_flows_alone_declare_flows_and_tasks() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for package in ("blocks", "expectations", "governance")
        for path, tree in python_files(package)
        for name, line in imported(tree, path)
        if name in {"prefect.flow", "prefect.task", "prefect.flows", "prefect.tasks"}
    ]
    assert not wrong, "\n".join(wrong)


def test_every_module_says_what_belongs_in_it() -> None:
    without = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path, tree in python_files(package)
        if tree.body and not ast.get_docstring(tree)
    ]
    assert not without


def test_dbt_is_no_package() -> None:
    assert not list((ROOT / "dbt").rglob("*.py")), "it would hide the dbt package"


def test_the_command_line_is_cheap_to_import() -> None:
    code = f"import sys, flows.cli; print(*sorted({EXPENSIVE!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


@pytest.mark.drift
def test_ci_runs_the_same_everywhere() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    commands = [step["run"] for step in workflow["jobs"]["ci"]["steps"] if "run" in step]
    assert commands == ["bash .ci/run"]
    assert workflow["permissions"] == {"contents": "read"}
    script = (ROOT / ".ci/run").read_text("utf-8")
    targets = set(re.findall(r"\bmake ([\w-]+)$", script, re.M))
    assert targets == {"install", "check", "run", "test", "terraform-test", "kubernetes-ci"}
    assert targets <= set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))


def imported(tree: ast.Module, path: Path) -> Iterator[tuple[str, int]]:
    """Dotted names that a module imports, also inside functions, each with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def entries(lock: str) -> list[str]:
    """The requirements of a lock file, each with its hashes."""
    return [e for e in re.split(r"\n(?=[a-z0-9])", "\n" + lock) if not e.lstrip().startswith("#")]


def locked(name: str) -> list[str]:
    """The names of the packages in a lock file."""
    return [requirement_name(entry) for entry in entries((ROOT / name).read_text("utf-8"))]


def pins(lock: str) -> dict[str, tuple[str, list[str]]]:
    """Each package of a lock with its version and its hashes."""
    return {
        requirement_name(entry): (entry.split()[0].partition("==")[2], re.findall(r"--hash=(\S+)", entry))
        for entry in entries(lock)
    }


def requirement_name(requirement: str) -> str:
    """The normalized name of `Name[extra]>=1,<2`."""
    found = re.match(r"\s*([\w.-]+)", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[1]).lower()
