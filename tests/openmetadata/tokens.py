"""Who may call: tokens like the server's, and what becomes of those that it does not know."""

from __future__ import annotations

import secrets
import time

import jwt

from tests.openmetadata.errors import ApiError

BOT, ADMIN = "ingestion-bot", "admin"


class Tokens:
    """Makes tokens, and tells who sent one. Only the bot's newest is good."""

    def __init__(self) -> None:
        self._key = secrets.token_hex(32)
        self.admin = self.made(ADMIN)
        self.bot = self.made(BOT, bot=True)

    def made(self, user: str, *, bot: bool = False, lifetime: float = 10 * 365 * 86400) -> str:
        """A token of its own."""
        now = time.time()
        claims = {"iss": "open-metadata.org", "sub": user, "isBot": bot, "tokenType": "BOT" if bot else "OM_USER",
                  "iat": int(now), "exp": int(now + lifetime), "jti": secrets.token_hex(8)}  # fmt: skip
        return jwt.encode(claims, self._key, "HS256")

    def rotate(self) -> str:
        """A new token of the bot; the one before is refused from now on."""
        self.bot = self.made(BOT, bot=True)
        return self.bot

    def user(self, header: str | None) -> tuple[str, bool]:
        """Name of the caller, and whether it is a bot; 401."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise ApiError(401, "Not Authorized! Token not present")
        try:
            claims = jwt.decode(token.strip(), self._key, ["HS256"])
        except jwt.ExpiredSignatureError:
            raise ApiError(401, "Expired token!") from None
        except jwt.InvalidTokenError:
            raise ApiError(401, "Invalid token") from None
        if claims["isBot"] and token.strip() != self.bot:
            raise ApiError(401, "Not Authorized! Invalid Token")
        return claims["sub"], claims["isBot"]
