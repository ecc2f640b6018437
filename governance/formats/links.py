"""Addresses that may be shown as links."""

from __future__ import annotations

import re
from urllib.parse import quote

_WEB = re.compile(r"https?://[^\s/?#@]+([/?#].*)?", re.I)


def safe(address: str) -> str | None:
    """The address with what no address holds encoded; None for what is none of the web, or holds a password."""
    text = address.strip()
    return quote(text, safe="!#$%&'()*+,/:;=?@[]~") if _WEB.fullmatch(text) else None
