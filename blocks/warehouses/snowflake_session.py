"""Sessions of Snowflake: opened by prefect-snowflake's credentials, kept for the next step, closed with the process."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Any

from blocks.settings import Settings
from blocks.warehouses.snowflake_errors import AUTHENTICATION, translated
from blocks.warehouses.tags import query_tag
from governance.errors import ConfigurationError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

NETWORK_SECONDS = 60
LOGIN_SECONDS = 60
LOCK_SECONDS = 60
_REQUIRED = ("account", "user", "database")
_idle: dict[tuple[object, ...], list[SnowflakeConnection]] = {}
_guard = threading.Lock()


def acquire(settings: Settings) -> SnowflakeConnection:
    """A session that nobody else uses; what the errors of `connect` say."""
    with _guard:
        waiting = _idle.get(_key(settings), [])
        while waiting:
            session = waiting.pop()
            if not session.is_closed() and not session.expired:
                return session
    return connect(settings)


def release(settings: Settings, session: SnowflakeConnection) -> None:
    """Keep the session for who asks next. One that an error left in an unknown state is to be closed instead."""
    with _guard:
        _idle.setdefault(_key(settings), []).append(session)


@atexit.register
def close_all() -> None:
    """Close the sessions that nobody uses."""
    with _guard:
        for session in [s for sessions in _idle.values() for s in sessions]:
            session.close(retry=False)  # Snowflake ends it by itself should it not be reached
        _idle.clear()


def patience(settings: Settings) -> int:
    """Seconds after which the connector aborts a statement: later than Snowflake itself ends it."""
    timeout = settings.snowflake_statement_timeout
    return timeout + min(NETWORK_SECONDS, timeout)


def check_settings(settings: Settings) -> None:
    """Raises ConfigurationError where a setting is missing that no block can stand for; asks nobody."""
    missing = [f"HALLMARK_SNOWFLAKE_{n.upper()}" for n in _REQUIRED if not getattr(settings, f"snowflake_{n}")]
    if missing:
        names = " and ".join(filter(None, (", ".join(missing[:-1]), missing[-1])))
        cause = f"{names} {'is' if len(missing) == 1 else 'are'} not set"
        raise ConfigurationError("profile snowflake", cause, f"set {names}, see docs/production.md")


def connect(
    settings: Settings, paramstyle: str = "qmark", network_seconds: int = NETWORK_SECONDS
) -> SnowflakeConnection:
    """A new session in UTC.

    After `network_seconds` an answer is no longer waited for, and a statement is aborted that was given no time of its
    own. A password or key that is refused is read once more, since it may have been rotated meanwhile. Raises
    ConfigurationError for settings that are missing or refused, UnreachableError when Snowflake does not answer.
    """
    from snowflake.connector.errors import Error

    check_settings(settings)
    network_seconds = min(network_seconds, patience(settings))
    options = {
        "database": settings.snowflake_database, "warehouse": settings.snowflake_warehouse, "paramstyle": paramstyle,
        "host": settings.snowflake_host, "port": settings.snowflake_port, "protocol": settings.snowflake_protocol,
        "network_timeout": network_seconds, "login_timeout": min(LOGIN_SECONDS, network_seconds),
        "application": "Hallmark", "client_session_keep_alive": True,
        "session_parameters": {
            "QUERY_TAG": query_tag(), "TIMEZONE": "UTC", "LOCK_TIMEOUT": LOCK_SECONDS,
            # A large insert would go through a temporary stage, whose definition commits the transaction.
            "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0, "ABORT_DETACHED_QUERY": True,
            "STATEMENT_TIMEOUT_IN_SECONDS": settings.snowflake_statement_timeout,
        },
    }  # fmt: skip
    for last in (False, True):
        credentials = credentials_of(settings)
        try:
            session: SnowflakeConnection = credentials.get_client(
                **{name: value for name, value in options.items() if value is not None}
            )
            return session
        except Error as error:
            if last or error.errno not in AUTHENTICATION:
                raise translated(error, f"Snowflake at {host_of(settings)}") from None
    raise AssertionError


def host_of(settings: Settings) -> str:
    """Whom a session is opened to."""
    return settings.snowflake_host or f"{settings.snowflake_account}.snowflakecomputing.com"


def credentials_of(settings: Settings) -> Any:
    """Of the block `snowflake-connector/hallmark`, else of the settings; read anew each time.

    Raises ConfigurationError for a private key that is none, or is encrypted.
    """
    from blocks.snowflake_blocks import InvalidPemFormat

    found = _credentials(settings)
    try:
        found.resolve_private_key()
    except (InvalidPemFormat, ValueError, TypeError, OSError):  # its text may be of the key
        raise ConfigurationError(
            "private key of Snowflake", "it cannot be read: it is no private key in PEM, or it is encrypted",
            "give the PEM itself, not its path, and unencrypted: `openssl pkcs8 -topk8 -nocrypt`",
        ) from None  # fmt: skip
    return found


def _credentials(settings: Settings) -> Any:
    from blocks.register import secret, snowflake_block
    from blocks.snowflake_blocks import SnowflakeCredentials

    if block := snowflake_block():
        return block.credentials
    key, password = secret("snowflake_private_key", settings), secret("snowflake_password", settings)
    if not (key or password):
        raise ConfigurationError(
            "profile snowflake", "neither HALLMARK_SNOWFLAKE_PRIVATE_KEY nor HALLMARK_SNOWFLAKE_PASSWORD is set",
            "set HALLMARK_SNOWFLAKE_PRIVATE_KEY to the user's private key (PEM), see docs/production.md",
        )  # fmt: skip
    proof: dict[str, Any] = {"private_key": key.get_secret_value().encode()} if key else {"password": password}
    role = {"role": settings.snowflake_role} if settings.snowflake_role else {}
    return SnowflakeCredentials(account=settings.snowflake_account, user=settings.snowflake_user, **proof, **role)


def _key(settings: Settings) -> tuple[object, ...]:
    names = ("account", "user", "host", "port", "database", "warehouse", "role")
    return tuple(getattr(settings, f"snowflake_{name}") for name in names)
