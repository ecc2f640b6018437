"""How a value of a personal column is shown to whoever may not see it, the same as Snowflake's policies show it.

The SQL lets no such value leave the warehouse; `checked` holds what came of an address against what it may be.
"""

from __future__ import annotations

import re

MASK = "*****"
_ADDRESS = re.compile(r"\*{5}@[\w-]+(\.[\w-]+)*")


def masked_sql(text: str, kind: str) -> str:
    """SQL of what is shown of a column, given as SQL of its text; NULL stays NULL. Of an e-mail the domain is shown."""
    shown = f"'{MASK}@' || split_part({text}, '@', 2)" if kind == "email" else f"'{MASK}'"
    return f"CASE WHEN {text} IS NOT NULL THEN {shown} END"


def checked(value: str | None, kind: str) -> str | None:
    """What `masked_sql` gave: of what was no single address, what comes after the @ may be anything."""
    if value is None or (kind == "email" and _ADDRESS.fullmatch(value)):
        return value
    return MASK
