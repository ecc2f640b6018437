"""How the command line speaks: tables, JSON and errors. Text from outside is data: escaped, and cut to a limit."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from governance.errors import HallmarkError, Interrupted

if TYPE_CHECKING:
    from rich.console import Console

CELL_LIMIT = 200


def console(stderr: bool = False) -> Console:
    """A rich console; colours respect NO_COLOR, markup in data is not read."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def plain(value: object, limit: int = CELL_LIMIT) -> str:
    """Text for a terminal: control characters shown, not obeyed; cut to `limit`."""
    text = "" if value is None else value.isoformat() if isinstance(value, (datetime, date)) else str(value)
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    numbers: Sequence[str] = (),
    spare: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """Print rows as a table; one line per value where it would not fit the terminal without the `spare` columns.

    `numbers` are aligned right; what is `whole`, such as an id, is never broken, so that it can be copied.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows, out = list(rows), console()
    widths = {name: 2 + max([len(name), *(len(plain(row.get(name))) for row in rows)]) for name in columns}
    if sum(widths.values()) > out.width:
        columns = [name for name in columns if name not in spare]
    least = sum(widths[name] if name in whole else 12 for name in columns)
    if least > out.width or (sum(widths[name] for name in columns) > out.width and len(columns) > 5):
        out.print(title, style="bold")
        for number, row in enumerate(rows, 1):
            out.print(f"─ {number}", style="dim")
            for name in columns:
                line = Text.assemble((f"{name:24} ", "bold"), (plain(row.get(name)), _style(name, row.get(name))))
                out.print(line, soft_wrap=name in whole)
        return
    made = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    for name in columns:
        made.add_column(name, justify="right" if name in numbers else "left", overflow="fold", no_wrap=name in whole)
    for row in rows:
        made.add_row(*(Text(plain(row.get(name)), style=_style(name, row.get(name))) for name in columns))
    out.print(made)


def dump(value: object) -> None:
    """One JSON document on standard output; times RFC 3339, decimals as strings."""
    json.dump(_finite(value), sys.stdout, default=_encode, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


def fail(error: HallmarkError, as_json: bool) -> int:
    """Say what, cause and remedy; the exit status. Who interrupted a command knows the cause: it is one line then."""
    if isinstance(error, Interrupted):
        console(stderr=True).print(f"{error.what}; {error.remedy}")
    if as_json:
        dump({"error": error.as_dict()})
    elif not isinstance(error, Interrupted):
        out = console(stderr=True)
        out.print(f"Error: {plain(error.what, 500)}", style="bold red")
        out.print(f"  cause:  {plain(error.cause, 2000)}")
        out.print(f"  remedy: {plain(error.remedy, 500)}")
    return error.exit_code


def _finite(value: object) -> object:
    """The same without NaN and infinity, which JSON has not: they are text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _encode(value: object) -> object:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return str(value)


def _style(name: str, value: object) -> str:
    if name in ("status", "state"):
        return {
            "failed": "red",
            "blocked": "red",
            "skipped": "yellow",
            "held": "yellow",
            "partly published": "yellow",
        }.get(str(value), "green")
    return "red" if name == "failed" and value not in (0, "0") else ""
