"""What would be granted in Snowflake: the module snowflake_access, applied, and what a role reaches by it.

The module has no provider, so that it is applied as it is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.terraform.trees import TERRAFORM

MODULE = TERRAFORM / "modules" / "snowflake_access"
Access = dict[str, Any]
Granted = set[tuple[str, str, str]]
"""(what kind of thing, its name, privilege)."""


def outputs(folder: Path) -> Callable[..., Access]:
    """Outputs of the module for some variables, applied in an empty folder."""
    for file in MODULE.glob("*.tf"):
        shutil.copy(file, folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["terraform", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("init", "-backend=false")
    known: dict[str, Access] = {}

    def applied(**variables: bool) -> Access:
        key = json.dumps(variables, sort_keys=True)
        if key not in known:
            given = [f"-var={name}={str(value).lower()}" for name, value in {"ledger": True, **variables}.items()]
            run("apply", "-auto-approve", "-var=prefix=HALLMARK", *given)
            known[key] = {name: output["value"] for name, output in json.loads(run("output", "-json")).items()}
        return known[key]

    return applied


def inherited(access: Access, role: str) -> set[str]:
    """A role and all that are granted to it, at any depth."""
    found, todo = set[str](), [role]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += [row["role"] for row in access["within"].values() if row["parent"] == one]
    return found


def rights(access: Access, role: str) -> Granted:
    """All that a role may, by itself and by what is granted to it."""
    grants, roles = access["grants"], inherited(access, role)
    found = Granted()
    for kind in ("database", "account"):
        found |= {(kind, "", p) for name, granted in grants[kind].items() if name in roles for p in granted}
    for kind in ("schema", "future", "table", "warehouse", "integration"):
        for row in grants[kind].values():
            if row["role"] in roles:
                found |= {(kind, row["schema" if kind == "future" else kind], p) for p in row["privileges"]}
    found |= {("schema", schema, "OWNERSHIP") for schema, name in grants["owned"].items() if name in roles}
    found |= {("made", row["schema"], row["kind"]) for row in grants["made"].values() if row["role"] in roles}
    return found | {
        ("of Snowflake", row["database_role"], "") for row in grants["snowflake"].values() if row["role"] in roles
    }
