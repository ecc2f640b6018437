"""A size as it is given on the command line."""

from __future__ import annotations

import argparse
import re

UNITS = {"": 10**6, "K": 10**3, "M": 10**6, "G": 10**9}


def size_of(text: str) -> int:
    """Bytes: 200 and 200M are megabytes, 16G gigabytes."""
    found = re.fullmatch(r"(\d+)([KMG]?)B?", text.strip(), re.IGNORECASE)
    if not found:
        raise argparse.ArgumentTypeError(f"{text} is no size: write 200M or 16G")
    return int(found[1]) * UNITS[found[2].upper()]
