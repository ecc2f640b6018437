"""What doctor says of the channels."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from blocks.settings import Settings
from flows.channels import check
from governance.errors import UnreachableError
from governance.oncall import Ownership, Team


def test_the_block_of_a_pagers_key_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://127.0.0.1:1/api"
    for name, value in (("HOME", str(tmp_path)), ("PAGERDUTY_KEY", "of-all")):
        monkeypatch.setenv(f"HALLMARK_{name}", value)
    monkeypatch.setenv("PREFECT_API_URL", url)
    known = Ownership(default="a", teams={"a": Team(name="a", slack="#a", key="pager-a")})
    with (
        temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}),
        pytest.raises(UnreachableError, match="the Prefect server"),
    ):
        check(Settings.load(), known)
