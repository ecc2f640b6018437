"""Prefect's API as tests ask it."""

from __future__ import annotations

import urllib.request


def answers(url: str) -> bool:
    """Whether the API at `url` says that it is well."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
