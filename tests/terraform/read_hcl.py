"""Terraform's files as JSON: {path: parsed}, of the folder or the file that is given, as python-hcl2 reads them.

Run by the environment of requirements-terraform.lock.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import hcl2


def main() -> None:
    """Print all files, but those that Terraform keeps for itself."""
    given = Path(sys.argv[1])
    root = given.parent if given.is_file() else given
    files = [given] if given.is_file() else [p for p in sorted(root.rglob("*.tf")) if ".terraform" not in p.parts]
    parsed = {}
    for path in files:
        with path.open(encoding="utf-8") as file:
            parsed[str(path.relative_to(root))] = hcl2.load(file)
    print(json.dumps(parsed))


if __name__ == "__main__":
    main()
