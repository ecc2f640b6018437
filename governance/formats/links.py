"""Addresses that may be shown as links."""

from __future__ import annotations

import re
from urllib.parse import quote

LONGEST = 2000
"""Beyond that not every reader follows an address; a part of one leads nowhere."""
_WEB = re.compile(r"https?://[^\s/?#@]+([/?#].*)?", re.I)


def safe(address: str) -> str | None:
    """The address encoded; None for one that is no web address, holds a password or is endless."""
    text = address.strip()
    if not _WEB.fullmatch(text):
        return None
    whole = quote(text, safe="!#$%&'()*+,/:;=?@[]~", errors="replace")
    return whole if len(whole) <= LONGEST else None
