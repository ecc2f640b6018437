"""How a database that carries a version is brought to the newest one: by Alembic, a step at a time.

The state database is in `state_database.py`, the ledger of a warehouse in `blocks/migrate.py`. The steps are files
`v<version>_<what>.py`; `migrations/env.py` serves all. Whether there is anything to do is known from one SELECT and
the names of the files: Alembic is imported only for work.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from governance.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Connection

ENVIRONMENT = Path(__file__).parent / "migrations"
_one_at_a_time = threading.Lock()  # alembic.op and alembic.context are of the whole process


@functools.cache
def head(steps: Path) -> str:
    """The newest version that this program knows."""
    return max(path.stem[1:].partition("_")[0] for path in steps.glob("v*.py"))


def is_pending(what: str, found: str | None, steps: Path) -> bool:
    """Whether a database of the version `found` (None: it has none) has steps before it.

    Raises ConfigurationError for one that a newer program made.
    """
    known = head(steps)
    if found is not None and found > known:
        raise ConfigurationError(
            what, f"it has version {found}, this program knows versions up to {known}",
            "use the Hallmark that made it, or a newer one",
        )  # fmt: skip
    return found != known


def upgrade(connection: Connection, steps: Path, **configure: Any) -> None:
    """Take every step that the database has not taken. `configure` goes to Alembic's `context.configure`.

    Within a transaction of the caller all of it is done or nothing is.
    """
    from alembic import command
    from alembic.config import Config

    settings: Mapping[str, str] = {
        "script_location": str(ENVIRONMENT), "version_locations": str(steps), "path_separator": "newline",
    }  # fmt: skip
    config = Config(attributes={"configure": {"connection": connection, **configure}})
    for name, value in settings.items():
        config.set_main_option(name, value.replace("%", "%%"))
    with _one_at_a_time:
        command.upgrade(config, "head")
