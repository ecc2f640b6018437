"""Users of a PostgreSQL that take turns: `<group>_a` and `<group>_b`, both members of the role `<group>`.

The one whose password changes is the one that nobody was told of for 90 days, so no connection breaks. What either of
them makes belongs to the group. The administrator's secret is that of RDS.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection, identifier, literal

from rotation.protocol import Value

ITERATIONS = 4096
SECONDS = 15
# Amazon's certificates, those of RDS among them, where Lambda's Python has them:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
AUTHORITIES = "/var/runtime/ca-cert.pem"
READERS_AUTHORITIES = "/etc/ssl/hallmark/authorities.pem"
"""Where pods have them: of the ConfigMap hallmark-authorities, which docs/aws.md makes."""
REFUSED = ("28P01", "28000")
"""invalid_password, invalid_authorization_specification."""


@dataclass(frozen=True)
class Postgres:
    """One database and its group."""

    host: str
    port: int
    database: str
    group: str
    field: str
    """Where the URL is in the value."""
    scheme: str
    administrator: Value
    authorities: str

    @classmethod
    def of(cls, row: Mapping[str, Any], manager: Any) -> Postgres:
        """By its row of the table; the administrator's password is read."""
        administrator = json.loads(manager.get_secret_value(SecretId=row["admin"])["SecretString"])
        authorities = os.environ.get("POSTGRES_AUTHORITIES", AUTHORITIES)
        return cls(
            row["host"], int(row["port"]), row["database"], row["group"], row["field"], row["scheme"], administrator,
            authorities,
        )  # fmt: skip

    def renewed(self, current: Value) -> Value:
        """The other user, with a password of 256 bits."""
        turn = "b" if current.get("username") == f"{self.group}_a" else "a"
        user, password = f"{self.group}_{turn}", secrets.token_urlsafe(32)
        verified = f"sslmode=verify-full&sslrootcert={READERS_AUTHORITIES}"
        options = "ssl=verify-full" if self.scheme.endswith("asyncpg") else verified
        url = f"{self.scheme}://{quote(user)}:{password}@{self.host}:{self.port}/{self.database}?{options}"
        known = {"engine": "postgres", "host": self.host, "port": self.port, "dbname": self.database}
        return {**known, "username": user, "password": password, self.field: url}

    def let_in(self, current: Value, pending: Value) -> None:
        """Give the pending user its password; the user, group and database are made where they are missing."""
        if self._works(pending):
            return
        if pending["username"] == current.get("username"):
            raise ValueError(f"{pending['username']} is in use: its password is not changed")
        with closing(self._connection(self.administrator, "postgres")) as connection:
            self._prepare(connection)
            user, group = identifier(pending["username"]), identifier(self.group)
            connection.run("BEGIN")
            if not connection.run("SELECT 1 FROM pg_roles WHERE rolname = :name", name=pending["username"]):
                connection.run(f"CREATE ROLE {user} LOGIN")
            # A verifier, not the password: statements are logged.
            connection.run(f"ALTER ROLE {user} LOGIN PASSWORD {literal(verifier(pending['password']))}")
            connection.run(f"GRANT {group} TO {user}")
            connection.run(f"ALTER ROLE {user} SET role = {literal(self.group)}")
            connection.run("COMMIT")

    def test(self, pending: Value) -> None:
        """Log in, as the group."""
        with closing(self._connection(pending, self.database)) as connection:
            [[role]] = connection.run("SELECT current_user")
        if role != self.group:
            raise ValueError(f"{pending['username']} works as {role}, not as {self.group}")

    def _prepare(self, connection: Connection) -> None:
        """The group and its database. CREATE DATABASE stands in no transaction."""
        group, database = identifier(self.group), identifier(self.database)
        if not connection.run("SELECT 1 FROM pg_roles WHERE rolname = :name", name=self.group):
            connection.run(f"CREATE ROLE {group} NOLOGIN")
        if not connection.run("SELECT 1 FROM pg_database WHERE datname = :name", name=self.database):
            connection.run(f"GRANT {group} TO CURRENT_USER")  # RDS's administrator is no superuser
            connection.run(f"CREATE DATABASE {database} OWNER {group}")
        connection.run(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")  # also where an earlier try made it

    def _works(self, pending: Value) -> bool:
        try:
            self.test(pending)
        except DatabaseError as error:
            if error.args and isinstance(error.args[0], dict) and error.args[0].get("C") in (*REFUSED, "3D000"):
                return False
            raise
        except ValueError:
            return False
        return True

    def _connection(self, who: Value, database: str) -> Connection:
        return Connection(
            who["username"], host=self.host, port=self.port, database=database, password=who["password"],
            ssl_context=ssl.create_default_context(cafile=self.authorities), timeout=SECONDS,
            application_name="hallmark rotation",
        )  # fmt: skip


def verifier(password: str) -> str:
    """What PostgreSQL keeps of a password of ASCII characters: RFC 5803, RFC 7677."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (base64.b64encode(x).decode() for x in (salt, stored, server))
    return f"SCRAM-SHA-256${ITERATIONS}:{salt_text}${stored_text}:{server_text}"
