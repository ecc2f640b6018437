"""Rules of form for all of Terraform's files: those of tflint that matter, and where things stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terraform.trees import BLOCK, TERRAFORM, Parsed, parts, tree

pytestmark = pytest.mark.terraform
SNAKE = re.compile(r"[a-z][a-z0-9_]*")
FOLDERS = sorted({p.parent for p in TERRAFORM.rglob("*.tf") if ".terraform" not in p.parts})
MODULES = [folder for folder in FOLDERS if folder.parent == TERRAFORM / "modules"]
SECRET = re.compile(r"password|private_key|secret_string|secret_value|\.token\b|access_key")


def names(folder: Path) -> str:
    """What a case is called."""
    return str(folder.relative_to(TERRAFORM))


def files_of(folder: Path) -> dict[str, Parsed]:
    """The parsed files of one folder."""
    return {file: parsed for file, parsed in tree(folder).items() if "/" not in file}


def locals_of(files: dict[str, Parsed]) -> Iterator[str]:
    """The names of a folder's locals."""
    for parsed in files.values():
        for block in parsed.get("locals", []):
            yield from (name for name in block if name != BLOCK)


def undescribed(files: dict[str, Parsed]) -> Iterator[str]:
    """Variables without type or description, outputs without description."""
    for part in parts(files):
        if part.kind == "variable":
            yield from (f"{part}: no {what}" for what in ("type", "description") if not part.body.get(what))
            if re.fullmatch(r"\W*any\W*", str(part.body.get("type", ""))):
                yield f"{part}: any is no type"
        elif part.kind == "output" and not part.body.get("description"):
            yield f"{part}: no description"


def misnamed(files: dict[str, Parsed]) -> Iterator[str]:
    """Names that are not in snake case, or repeat the type of their resource."""
    for part in parts(files):
        name = part.labels[-1]
        if not SNAKE.fullmatch(name):
            yield f"{part}: not in snake case"
        if part.kind in ("resource", "data") and name == part.labels[0].partition("_")[2]:
            yield f"{part}: its name says its type again"
    yield from (f"local {name}: not in snake case" for name in locals_of(files) if not SNAKE.fullmatch(name))


def unused(files: dict[str, Parsed], text: str) -> Iterator[str]:
    """Variables, locals and data that nothing refers to, and references to variables and locals that there are not."""
    variables = {p.labels[0] for p in parts(files) if p.kind == "variable"}
    local = set(locals_of(files))
    for prefix, declared in (("var", variables), ("local", local)):
        used = set(re.findall(rf"\b{prefix}\.(\w+)", text))
        yield from (f"{prefix}.{name}: nothing refers to it" for name in sorted(declared - used))
        yield from (f"{prefix}.{name}: is not declared" for name in sorted(used - declared))
    for part in parts(files):
        if part.kind == "data" and not re.search(rf"\bdata\.{re.escape('.'.join(part.labels))}\b", text):
            yield f"{part}: nothing refers to it"


def code(folder: Path) -> str:
    """What a folder's files say beside their comments."""
    text = "\n".join(path.read_text("utf-8") for path in sorted(folder.glob("*.tf")))
    return re.sub(r"(^|\s)(#|//).*", "", text)


def secrets(files: dict[str, Parsed]) -> Iterator[str]:
    """Outputs whose value is a secret's: they would be in the state, and on the screen."""
    yield from (str(p) for p in parts(files) if p.kind == "output" and SECRET.search(str(p.body.get("value"))))


@pytest.mark.parametrize("folder", FOLDERS, ids=names)
def test_variables_and_outputs_are_typed_and_described(folder: Path) -> None:
    assert not list(undescribed(files_of(folder)))


@pytest.mark.parametrize("folder", FOLDERS, ids=names)
def test_names_are_in_snake_case(folder: Path) -> None:
    assert not list(misnamed(files_of(folder)))


@pytest.mark.parametrize("folder", FOLDERS, ids=names)
def test_nothing_is_declared_and_not_used(folder: Path) -> None:
    assert not list(unused(files_of(folder), code(folder)))


@pytest.mark.parametrize("folder", FOLDERS, ids=names)
def test_no_output_has_a_secret(folder: Path) -> None:
    assert not list(secrets(files_of(folder)))


@pytest.mark.parametrize("folder", FOLDERS, ids=names)
def test_versions_are_bounded(folder: Path) -> None:
    files = files_of(folder)
    settings = [block for parsed in files.values() for block in parsed.get("terraform", [])]
    assert [block for block in settings if "required_version" in block], "no required_version"
    pinned = {
        name: source.get("version")
        for block in settings
        for required in block.get("required_providers", [])
        for name, source in required.items()
        if name != BLOCK
    }
    assert all(pinned.values()), "a provider without a version"
    used = {p.labels[0].partition("_")[0] for p in parts(files) if p.kind in ("resource", "data")} - {"terraform"}
    assert used <= set(pinned), "a provider is used and not required"


@pytest.mark.parametrize("folder", MODULES, ids=names)
def test_a_module_has_its_files(folder: Path) -> None:
    asked = {"main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"}
    assert asked <= {path.name for path in folder.iterdir()}
    assert list((folder / "tests").glob("*.tftest.hcl")), "no test"
    for part in parts(files_of(folder)):
        assert part.kind != "provider", "who calls a module says by which provider"
        assert part.kind not in ("variable", "output") or part.file == f"{part.kind}s.tf", f"{part}: in another file"


@pytest.mark.parametrize("folder", FOLDERS, ids=names)
def test_files_and_lines_are_short(folder: Path) -> None:
    for path in sorted(folder.glob("*.tf*")):
        lines = path.read_text("utf-8").splitlines()
        assert len(lines) <= 300, path.name
        assert not [f"{path.name}:{n}" for n, line in enumerate(lines, 1) if len(line) > 120 and "://" not in line]


def _part(kind: str, *labels: str, **body: object) -> dict[str, Parsed]:
    block: Parsed = {BLOCK: True, **body}
    for label in reversed(labels):
        block = {label: block}
    return {"x.tf": {kind: [block]}}


def test_what_breaks_a_rule_is_named() -> None:
    assert list(undescribed(_part("variable", "a", type="${any}"))) == [
        "x.tf: variable a: no description",
        "x.tf: variable a: any is no type",
    ]
    assert list(undescribed(_part("output", "a"))) == ["x.tf: output a: no description"]
    assert list(misnamed(_part("resource", "aws_subnet", "Private-A"))) == [
        "x.tf: resource aws_subnet.Private-A: not in snake case"
    ]
    assert list(misnamed(_part("resource", "aws_subnet", "subnet")))
    assert list(unused(_part("variable", "a"), "b = var.c")) == [
        "var.a: nothing refers to it",
        "var.c: is not declared",
    ]
    assert list(unused(_part("data", "aws_region", "this"), ""))
    assert list(secrets(_part("output", "a", value="${aws_db_instance.this.password}")))
