"""How long the other side asks to wait: its header Retry-After, made fit to be obeyed. No I/O."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 3600.0
"""Seconds. Who asks for more is asked again after an hour: a mistake there must not silence a destination for years."""


def retry_after(text: str | None) -> float | None:
    """Seconds from 0 to `LONGEST`; the header holds them, or a date (RFC 9110, 10.2.3). None for what is neither."""
    if text is None:
        return None
    try:
        return _fit(float(text))
    except ValueError:
        pass
    try:
        return _fit((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _fit(asked: float) -> float | None:
    return min(max(asked, 0.0), LONGEST) if math.isfinite(asked) else None
