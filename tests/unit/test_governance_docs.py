"""docs/governance.md, held against the code: settings, workflows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from blocks.settings import PREFIX, Settings
from governance.workflows import NAMES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "governance.md").read_text("utf-8")


@pytest.mark.drift
def test_the_page_names_the_settings_of_the_catalog_and_of_sigma() -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", PAGE))
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    assert named <= settings
    assert {name for name in settings if name.startswith(f"{PREFIX}SIGMA_")} <= named


@pytest.mark.drift
def test_the_page_names_each_workflow() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \| [^|]*\|$", PAGE, re.M)) == set(NAMES)
