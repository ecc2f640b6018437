"""Whether a webhook comes from whom it says: HMAC-SHA256 of its body, compared in constant time. Pure.

Sources: https://developer.pagerduty.com/docs/verifying-signatures (`X-PagerDuty-Signature: v1=hex,v1=hex`, one for
each secret while it is rotated) and https://docs.open-metadata.org/latest/main-concepts/metadata-standard/schemas/
entity/events/webhook (`secretKey`; `X-OM-Signature: sha256=hex`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

TOLERANCE = timedelta(minutes=10)
"""How old a webhook may be, or ahead of our clock. What comes later is found by asking."""


def verify_pagerduty(secrets: Sequence[str], body: bytes, header: str) -> bool:
    """Whether one of the signatures is of one of the secrets."""
    return _verified(secrets, body, header, "v1=")


def verify_openmetadata(secrets: Sequence[str], body: bytes, header: str) -> bool:
    """The same of OpenMetadata's."""
    return _verified(secrets, body, header, "sha256=")


def fresh(at: datetime, now: datetime, tolerance: timedelta = TOLERANCE) -> bool:
    """Whether a message of this time is no older one that somebody sends again."""
    return abs(now - at) <= tolerance


def _verified(secrets: Sequence[str], body: bytes, header: str, prefix: str) -> bool:
    given = [part.strip() for part in header.split(",")]
    found = [part[len(prefix) :].lower().encode() for part in given if part.startswith(prefix)]
    made = [hmac.new(s.encode(), body, hashlib.sha256).hexdigest().encode() for s in secrets if s]
    return any(hmac.compare_digest(one, other) for one in made for other in found)
