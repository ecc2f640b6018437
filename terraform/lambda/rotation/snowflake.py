"""The key pair of a Snowflake user, which has two public keys: a new one is let in beside the current one.

The user changes its own keys, logged in by its current one. The role that it always works in has MODIFY PROGRAMMATIC
AUTHENTICATION METHODS on it, beside the rights of its work. The first key is put in by an administrator. Which place
is free is asked of Snowflake, not remembered.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rotation import keys
from rotation.protocol import Value

PLACES = ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")
SECONDS = 30


@dataclass(frozen=True)
class Snowflake:
    """One user of one account."""

    account: str
    user: str
    role: str
    field: str
    """Where the private key is in the value: the name of the setting, by which a reader finds it."""
    url: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Snowflake:
        """By its row of the table."""
        host = row["account"].lower().replace("_", "-")  # certificates know no underscore
        url = row.get("url") or f"https://{host}.snowflakecomputing.com"
        return cls(row["account"], row["user"], row["role"], row["field"], url)

    def renewed(self, current: Value) -> Value:
        """A new pair; what else the value holds stays."""
        made = keys.new_private_key()
        return {**current, self.field: made, "public_key": keys.public_key(made)}

    def let_in(self, current: Value, pending: Value) -> None:
        """Put the pending key into the place that the current one does not hold."""
        mine = self._key(current)
        held = self._places(mine)
        if keys.fingerprint(self._key(pending)) in held.values():
            return
        [free] = [place for place in PLACES if held[place] != keys.fingerprint(mine)] or ("",)
        self._run(mine, f"ALTER USER {self.user} SET {free} = '{keys.public_key(self._key(pending))}'")

    def test(self, pending: Value) -> None:
        """Log in by the pending key."""
        [[user]] = self._run(self._key(pending), "SELECT CURRENT_USER()")
        if user.upper() != self.user.upper():
            raise ValueError(f"the key is that of {user}, not of {self.user}")

    def retire(self, current: Value, previous: Value) -> bool:
        """End the key before the current one, if it still has a place; whether it had. No other key is touched."""
        mine, old = self._key(current), keys.fingerprint(self._key(previous))
        if old == keys.fingerprint(mine):
            return False
        found = [place for place, held in self._places(mine).items() if held == old]
        for place in found:
            self._run(mine, f"ALTER USER {self.user} UNSET {place}")
        return bool(found)

    def _key(self, value: Value) -> str:
        found = value.get(self.field)
        if not isinstance(found, str):
            raise ValueError(f"the secret of {self.user} has no {self.field}: an administrator puts the first key in")
        return found

    def _places(self, private_key: str) -> dict[str, str]:
        """Place → fingerprint of the key in it. Raises ValueError if ours is in neither: it would be thrown out."""
        shown = {row[0]: row[1] or "" for row in self._run(private_key, f"DESC USER {self.user}")}
        held = {place: shown.get(f"{place}_FP", "") for place in PLACES}
        if list(held.values()).count(keys.fingerprint(private_key)) != 1:
            raise ValueError(f"DESC USER {self.user} does not show the current key in one of its two places")
        return held

    def _run(self, private_key: str, statement: str) -> list[list[Any]]:
        """Rows of a statement, by Snowflake's SQL API. Raises RuntimeError with its code, without the statement."""
        request = urllib.request.Request(  # noqa: S310 - the address is the table's
            f"{self.url}/api/v2/statements",
            json.dumps({"statement": statement, "role": self.role, "timeout": SECONDS}).encode(),
            {
                "Authorization": f"Bearer {keys.token(private_key, self.account, self.user)}",
                "X-Snowflake-Authorization-Token-Type": "KEYPAIR_JWT", "Content-Type": "application/json",
                "Accept": "application/json", "User-Agent": "hallmark-rotation/1",
            },
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=SECONDS + 5) as answer:  # noqa: S310
                status, found = answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"Snowflake answers {error.code} {_code(error.read())}".rstrip()) from None
        except (urllib.error.URLError, TimeoutError) as error:
            raise RuntimeError(f"Snowflake does not answer ({type(error).__name__})") from None
        if status != 200:  # 202: it goes on, and the step comes again
            raise RuntimeError(f"Snowflake answers {status}")
        rows: list[list[Any]] = found.get("data") or []
        return rows


def _code(body: bytes) -> str:
    try:
        return str(json.loads(body).get("code", ""))[:20]
    except (ValueError, AttributeError):
        return ""
