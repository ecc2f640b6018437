"""The schema of the Snowflake provider as JSON, from the assembly of its cdktf bindings, which is only read.

Run by the environment of requirements-terraform.lock. Gives {"provider": version, "preview": [features], "resources":
{type: block}, "configuration": block}; a block is {"arguments": {name: {"required", "kind", "of"}}, "blocks": {name:
{"required", "many", "block"}}, "computed": [name]}. `kind` is string, number, bool, list or map, and `of` the
kind of what is in a list or map.
"""

from __future__ import annotations

import gzip
import importlib.metadata
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

PACKAGE = "cdktf-cdktf-provider-snowflake"
SIMPLE = (("boolean", "bool"), ("number", "number"), ("string", "string"))


def archive() -> tarfile.TarFile:
    """The bindings for Node within the package."""
    files = importlib.metadata.files(PACKAGE) or []
    [found] = [file for file in files if file.name.endswith(".jsii.tgz")]
    return tarfile.open(fileobj=io.BytesIO(Path(str(found.locate())).read_bytes()))


def read(folder: tarfile.TarFile, name: str) -> bytes:
    """A file of the package."""
    found = folder.extractfile(f"package/{name}")
    assert found is not None, name
    return found.read()


def name_of(declared: dict[str, Any]) -> str:
    """Terraform's name of a property, which stands in its link; else its own, in snake case."""
    docs = declared.get("docs", {})
    found = re.search(r"\w#(\w+)[ }]", f"{docs.get('remarks', '')} {docs.get('summary', '')}")
    return found[1] if found else re.sub(r"(?<!^)([A-Z])", r"_\1", declared["name"]).lower()


class Assembly:
    """The types of the bindings."""

    def __init__(self, types: dict[str, Any], prefix: str) -> None:
        self.types, self.prefix = types, prefix

    def block(self, fqn: str) -> dict[str, Any]:
        """What may and must stand in a block."""
        arguments: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        for declared in self.types[fqn].get("properties", []):
            name, required, said = name_of(declared), not declared.get("optional"), json.dumps(declared["type"])
            struct = re.search(rf'"({re.escape(self.prefix)}[^"]+)"', said)
            if struct:
                many = '"collection"' in said
                blocks[name] = {"required": required, "many": many, "block": self.block(struct[1])}
            else:
                of = next((k for p, k in SIMPLE if f'"{p}"' in said), "string")
                arguments[name] = {"required": required, "kind": kind(said, of), "of": of}
        return {"arguments": arguments, "blocks": blocks}

    def resources(self) -> dict[str, Any]:
        """Every resource by its type in Terraform."""
        found = {}
        for fqn, type_ in self.types.items():
            summary = type_.get("docs", {}).get("summary", "")
            match = re.search(r"docs/resources/\w+ (snowflake_\w+)\}", summary)
            if type_["kind"] == "class" and match and f"{fqn}Config" in self.types:
                block = self.block(f"{fqn}Config")
                names = {name_of(p) for p in type_["properties"] if not p["name"].endswith("Input")}
                found[match[1]] = {**block, "computed": sorted(names)}
        return found


def kind(said: str, of: str) -> str:
    """The type of an argument, by its JSON and what is in it."""
    if '"collection"' in said:
        return "map" if '"kind": "map"' in said else "list"
    return of


def schema() -> dict[str, Any]:
    """All of it."""
    with archive() as folder:
        manifest = json.loads(read(folder, "package.json"))
        assembly = json.loads(read(folder, ".jsii"))
        if assembly.get("schema") == "jsii/file-redirect":
            assembly = json.loads(gzip.decompress(read(folder, assembly["filename"])))
    known = Assembly(assembly["types"], f"{assembly['name']}.")
    configuration = f"{assembly['name']}.provider.SnowflakeProviderConfig"
    [preview] = [p for p in known.types[configuration]["properties"] if p["name"] == "previewFeaturesEnabled"]
    features = preview["docs"]["remarks"].partition("Promoted features")[0]
    return {
        "provider": manifest["cdktf"]["provider"]["version"],
        "preview": sorted(set(re.findall(r"`(snowflake_\w+)`", features))),
        "resources": known.resources(),
        "configuration": known.block(configuration),
    }


if __name__ == "__main__":
    print(json.dumps(schema()))
