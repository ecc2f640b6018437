"""The example of docs/governance.md, as somebody else's project runs it: the catalog then has what it told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.openmetadata.server import Server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "governance.md"


def test_the_example_brings_datasets_lineage_and_a_check(tmp_path: Path, prefect_server: str) -> None:
    found = re.search(r"<!-- example -->\n```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert found and len(found[1].splitlines()) <= 30
    (tmp_path / "totals.py").write_text(found[1], "utf-8")
    with Server() as server:
        catalog = {"CATALOG_URL": server.url, "CATALOG_TOKEN": server.token, "PREFECT_API_URL": prefect_server}
        done = subprocess.run(
            [sys.executable, "totals.py"], cwd=tmp_path, env={**os.environ, **catalog}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "{'delivered': 4, 'waiting': 0, 'buried': 0}" in done.stdout
        seen = server.snapshot()
    gold = "hallmark_warehouse.warehouse.gold"
    assert set(seen["entities"]["tables"]) == {f"{gold}.orders", f"{gold}.totals"}
    edge = dict(seen["lineage"])[f"table {gold}.orders -> table {gold}.totals"]
    columns = {c["toColumn"]: c["fromColumns"] for c in edge["columnsLineage"]}
    assert columns == {f"{gold}.totals.customer": [f"{gold}.orders.customer"],
                       f"{gold}.totals.total": [f"{gold}.orders.amount"]}  # fmt: skip
    assert f"{gold}.totals.total.total" in seen["entities"]["dataQuality/testCases"]
