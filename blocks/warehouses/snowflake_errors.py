"""What Snowflake's errors mean for who runs a batch: the cause in its words, the remedy in ours, a retry by type.

Numbers: https://docs.snowflake.com/en/developer-guide/snowflake-scripting and the connector's `errorcode.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.errors import ConfigurationError, HallmarkError, LockedError, UnreachableError

if TYPE_CHECKING:
    from snowflake.connector.errors import Error

AUTHENTICATION = (250001, 390100, 390102, 390144, 390318)
"""Refused password, disabled user, refused key (JWT), expired token; 250001 is the connector's word for them."""
_NOT_THERE = (2003, 2043)
_LOCKED = (625, 628)
_QUOTA = (90073,)
_NO_WAREHOUSE = (606, 607, 2043)
_TIMED_OUT = (604, 630)
_DENIED = (3001,)


class NotThereError(ConfigurationError):
    """An object does not exist, or the role may not see it: Snowflake does not say which."""


def translated(error: Error, what: str) -> HallmarkError:
    """The error as ours; its text never holds a secret, since Snowflake's does not."""
    from snowflake.connector import errors

    number, said = error.errno or 0, " ".join(str(error.msg or error).split())[:500]
    if number in AUTHENTICATION and not (number == 250001 and "Could not connect" in said):
        return ConfigurationError(
            what, f"the login was refused: {said}", "correct or rotate the user's key, see docs/production.md"
        )
    if number in _LOCKED:
        return LockedError(what, f"another session holds it: {said}", "wait for the other publisher to end")
    if number in _QUOTA or "resource monitor" in said.lower():
        return UnreachableError(
            what,
            f"the quota of the warehouse is used up: {said}",
            "raise it in its resource monitor, or wait for the next period",
        )
    if number in _NO_WAREHOUSE and "warehouse" in said.lower():
        return UnreachableError(
            what, f"the warehouse does not run: {said}", "resume it, or correct HALLMARK_SNOWFLAKE_WAREHOUSE"
        )
    if number in _TIMED_OUT:
        return UnreachableError(
            what,
            f"a statement was ended: {said}",
            "use a larger warehouse, or raise HALLMARK_SNOWFLAKE_STATEMENT_TIMEOUT",
        )
    if number in _NOT_THERE:
        return NotThereError(what, said, "make it, or grant it to the role, see docs/production.md")
    if number in _DENIED:
        return ConfigurationError(what, f"a right is missing: {said}", "grant it to the role, see docs/production.md")
    if isinstance(error, errors.OperationalError | errors.InterfaceError | errors.HttpError):
        return UnreachableError(what, f"it cannot be reached: {said}", "see the network, then run again")
    return HallmarkError(what, said, "see the query in Snowflake's history by its tag")
