"""docs/ingestion.md: every guarantee names tests, and they are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "ingestion.md").read_text("utf-8")
ROWS = [
    line for line in PAGE.splitlines() if line.startswith("| ") and not re.match(r"\| (---|guarantee|fault) ", line)
]


def test_every_guarantee_names_tests_that_are_there() -> None:
    assert len(ROWS) > 20
    for row in ROWS:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
        assert named, row
        for file, name in named:
            body = ast.parse((ROOT / file).read_text("utf-8")).body
            assert name in {node.name for node in body if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"
