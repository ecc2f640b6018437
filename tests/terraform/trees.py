"""Terraform's files and the Snowflake provider's schema as the tests see them, and what is wrong with a resource."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "terraform"
HERE = Path(__file__).parent
PYTHON = ROOT / ".venv-terraform" / "bin" / "python"
META = {"provider", "count", "for_each", "depends_on", "lifecycle", "provisioner", "connection", "dynamic"}
"""What may stand in any resource."""
BLOCK = "__is_block__"
Parsed = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A block of a file with labels: a resource, a variable, a module …"""

    file: str
    kind: str
    labels: tuple[str, ...]
    body: Parsed

    def __str__(self) -> str:
        return f"{self.file}: {self.kind} {'.'.join(self.labels)}"


def _answer(script: str, *arguments: str) -> Any:
    command = [str(PYTHON), str(HERE / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{script}: {done.stderr[-2000:]}"
    return json.loads(done.stdout)


@functools.cache
def schema() -> Parsed:
    """See read_schema.py."""
    found: Parsed = _answer("read_schema.py")
    return found


def tree(folder: Path = TERRAFORM) -> dict[str, Parsed]:
    """Path → parsed file, without comments and the quotes of names."""
    found: dict[str, Parsed] = _clean(_answer("read_hcl.py", str(folder)))
    return found


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key).strip('"'): _clean(item) for key, item in value.items() if not key.endswith("comments__")}
    return [_clean(item) for item in value] if isinstance(value, list) else value


LABELS = {"resource": 2, "data": 2, "variable": 1, "output": 1, "module": 1, "provider": 1}


def parts(files: dict[str, Parsed]) -> Iterator[Part]:
    """The labelled blocks of files."""
    for file, parsed in files.items():
        for kind, depth in LABELS.items():
            for block in parsed.get(kind, []):
                yield from _labelled(file, kind, (), block, depth)


def _labelled(file: str, kind: str, labels: tuple[str, ...], block: Parsed, depth: int) -> Iterator[Part]:
    for label, body in block.items():
        if depth > 1:
            yield from _labelled(file, kind, (*labels, label), body, depth - 1)
        else:
            yield Part(file, kind, (*labels, label), body)


def wrong(body: Parsed, block: Parsed, place: str = "") -> Iterator[str]:
    """What the schema of a block does not know, misses, or has in another form."""
    arguments, blocks = block["arguments"], block["blocks"]
    given = {name: value for name, value in body.items() if name != BLOCK and (place or name not in META)}
    dynamic = {
        name: [d[name] for d in body.get("dynamic", []) if name in d] for d in body.get("dynamic", []) for name in d
    }
    for name, value in given.items():
        if place and name == "dynamic":
            continue
        nested = isinstance(value, list) and any(isinstance(v, dict) and BLOCK in v for v in value)
        if name in blocks and nested:
            if len(value) > 1 and not blocks[name]["many"]:
                yield f"{place}{name}: stands {len(value)} times, may stand once"
            for inner in value:
                yield from wrong(inner, blocks[name]["block"], f"{place}{name}.")
        elif name in blocks:
            yield f"{place}{name}: is a block, given as an argument"
        elif name not in arguments:
            yield f"{place}{name}: unknown {'block' if nested else 'argument'}"
        elif nested:
            yield f"{place}{name}: is an argument, given as a block"
        elif why := misfit(value, arguments[name]["kind"]):
            yield f"{place}{name}: {why}"
    for name, found in dynamic.items():
        if name not in blocks:
            yield f"{place}{name}: unknown block"
        for inner in found:
            for content in inner.get("content", []):
                yield from wrong(content, blocks[name]["block"], f"{place}{name}.") if name in blocks else ()
    for name, declared in {**arguments, **blocks}.items():
        if declared["required"] and name not in given and name not in dynamic:
            yield f"{place}{name}: is required, and missing"


def misfit(value: Any, kind: str) -> str:
    """Why a literal cannot be of this type; an expression may be anything."""
    if isinstance(value, str) and "${" in value:
        return "" if kind != "list" or not value.startswith('"') else "a text, where a list is wanted"
    if isinstance(value, list) != (kind == "list") or isinstance(value, dict) != (kind == "map"):
        return f"{value!r}, where a {kind} is wanted" if value is not None and value != "null" else ""
    text = str(value).strip('"')
    if kind == "number" and not re.fullmatch(r"-?[\d.]+|null", text):
        return f"{value!r} is no number"
    if kind == "bool" and text.lower() not in ("true", "false", "null"):
        return f"{value!r} is no bool"
    return ""


def references(value: Any) -> Iterator[tuple[str, str]]:
    """(resource type, attribute) of every reference to an attribute of a Snowflake resource within a value."""
    text = json.dumps(value)
    index = r"(?:\[[^\]]*\])?"
    for match in re.finditer(rf"\b(snowflake_\w+)\.\w+{index}\.(\w+)", text):
        yield match[1], match[2]
    # [for x in snowflake_y.z : x.attribute]
    for loop in re.finditer(r"for (?:\w+, )?(\w+) in (snowflake_\w+)\.\w+ : (.*?)[\]}]", text):
        for attribute in re.findall(rf"\b{loop[1]}\.(\w+)", loop[3]):
            yield loop[2], attribute
