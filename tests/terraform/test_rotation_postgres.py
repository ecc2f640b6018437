"""Users of a real PostgreSQL that take turns: whole rotations, killed at each call and run again; TLS is asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest

from tests import s3_support
from tests.terraform.apps_support import REGION
from tests.terraform.rotation_support import STEPS, Secret, certificate, kill_at
from tests.terraform.tls_proxy import tls_proxy

pytestmark = pytest.mark.terraform


@dataclass
class World:
    """A Secrets Manager, a server, and the URL of its superuser."""

    manager: Any
    superuser: str
    row: dict[str, Any]
    patch: pytest.MonkeyPatch

    def secret(self, group: str) -> Secret:
        """A secret of a group of its own, and the function's table for it."""
        name = f"hallmark-test/{group}"
        self.manager.create_secret(Name=name, SecretString="{}")
        table = {name: {**self.row, "group": group, "database": group}}
        self.patch.setenv("TABLE", json.dumps(table))
        return Secret(self.manager, name)

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.superuser.rpartition("/")[0] + f"/{database}", autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, str]]:
    """A PostgreSQL behind TLS, with an administrator who is no superuser, as in RDS: URL, port of TLS, authorities."""
    from blocks.sample.postgres import EmbeddedPostgres

    folder = tmp_path_factory.mktemp("rotation")
    with EmbeddedPostgres(folder) as running:
        url = running.url("postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE ROLE administrator LOGIN CREATEROLE CREATEDB PASSWORD 'administrator'")
        paths = certificate(folder)
        with tls_proxy(int(url.rpartition(":")[2].partition("/")[0]), *paths) as port:
            yield url, port, str(paths[0])
    running.destroy()


@pytest.fixture
def world(server: tuple[str, int, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    from moto.secretsmanager.models import secretsmanager_backends

    url, port, authorities = server
    secretsmanager_backends.reset()  # moto keeps what other tests of this process made
    with s3_support.moto() as aws:
        s3_support.use(monkeypatch, aws)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        monkeypatch.setenv("POSTGRES_AUTHORITIES", authorities)
        for name, value in {"TOPIC_ARN": "arn", "ROTATION_DAYS": "90", "OVERLAP_HOURS": "24"}.items():
            monkeypatch.setenv(name, value)
        manager = boto3.client("secretsmanager")
        administrator = json.dumps({"username": "administrator", "password": "administrator"})
        arn = manager.create_secret(Name="rds", SecretString=administrator)["ARN"]
        row = {"kind": "postgres", "field": "state_url", "scheme": "postgresql", "host": "127.0.0.1", "port": port}
        yield World(manager, url, {**row, "admin": arn}, monkeypatch)
        secretsmanager_backends.reset()


def rotate(secret: Secret, event: dict[str, str], steps: tuple[str, ...] = STEPS) -> None:
    from rotation import handler

    for step in steps:
        handler.handle({**event, "Step": step})


def works(value: dict[str, Any]) -> str:
    """Log in by the URL that a reader finds; whose rights one has."""
    with psycopg.connect(value["state_url"], sslrootcert=os.environ["POSTGRES_AUTHORITIES"]) as connection:
        [[role]] = connection.execute("SELECT current_user").fetchall()
    return str(role)


def test_three_rotations_by_turns_break_nobody(world: World) -> None:
    secret = world.secret("turns")
    users = []
    for turn in range(3):
        rotate(secret, secret.begin())
        users.append(secret.value()["username"])
        assert works(secret.value()) == "turns"
        if turn:  # who still has the one before goes on
            assert secret.value("AWSPREVIOUS")["username"] == users[-2]
            assert works(secret.value("AWSPREVIOUS")) == "turns"
        trusted = os.environ["POSTGRES_AUTHORITIES"]
        with psycopg.connect(secret.value()["state_url"], sslrootcert=trusted, autocommit=True) as one:
            one.execute(f"CREATE TABLE made_{turn} ()".encode())
            one.execute("ALTER TABLE made_0 ADD COLUMN IF NOT EXISTS by_the_other int")
    assert users == ["turns_a", "turns_b", "turns_a"]
    owners = world.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", "turns")
    assert owners == [("turns",)]
    assert len([v for v, s in secret.stages().items() if "AWSCURRENT" in s]) == 1


def test_a_rotation_that_is_killed_at_any_call_ends_as_if_it_was_not(world: World) -> None:
    secret = world.secret("killed")
    rotate(secret, secret.begin())
    point, ended = 0, []
    while True:
        before = secret.value()
        event = secret.begin()
        killed = kill_at(point, event)
        assert works(secret.value()) == "killed", f"the current one does not work after a kill at {point}"
        rotate(secret, event)
        now = secret.value()
        assert now["username"] != before["username"]
        assert (works(now), works(before)) == ("killed", "killed")
        assert secret.value("AWSPREVIOUS") == before
        assert secret.stages()[event["ClientRequestToken"]].count("AWSCURRENT") == 1
        if not killed:
            break
        ended.append(point)
        point += 1
    assert len(ended) > 30, "too few calls were seen: does the script still count them?"
    assert world.sql("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'killed_%'") == [(2,)]


def test_a_first_rotation_that_is_killed_is_made_good_by_the_next(world: World) -> None:
    """It also makes the group and the database, and takes from PUBLIC what PostgreSQL gives it."""
    rights = (
        "SELECT count(*) FROM pg_database d, aclexplode(coalesce(datacl, acldefault('d', datdba))) a "
        "WHERE datname = '{}' AND a.grantee = 0"
    )
    point, killed = 0, True
    while killed:
        name = f"first_{point}"
        secret = world.secret(name)
        event = secret.begin()
        killed = kill_at(point, event)
        rotate(secret, event)
        assert works(secret.value()) == name
        assert world.sql(rights.format(name)) == [(0,)], f"PUBLIC has rights after a kill at {point}"
        point += 3
    assert point > 30, "too few calls were seen: does the script still count them?"


def test_a_step_may_come_twice(world: World) -> None:
    secret = world.secret("twice")
    event = secret.begin()
    for step in STEPS:
        rotate(secret, event, (step, step))
    first = secret.value()
    rotate(secret, event)
    assert secret.value() == first and works(first) == "twice"


def test_the_password_is_in_no_statement(world: World) -> None:
    world.sql("ALTER SYSTEM SET log_statement = 'all'")
    world.sql("SELECT pg_reload_conf()")
    secret = world.secret("quiet")
    rotate(secret, secret.begin())
    [(data,)] = world.sql("SHOW data_directory")
    log = (Path(data).parent / "postgres.log").read_text(errors="replace")
    assert "quiet_a" in log and "SCRAM-SHA-256$4096:" in log, "statements are in the log"
    assert secret.value()["password"] not in log


def test_a_server_that_nobody_vouches_for_gets_no_password(world: World, tmp_path: Any) -> None:
    import ssl

    secret = world.secret("stranger")
    event = secret.begin()
    rotate(secret, event, ("createSecret",))
    world.patch.setenv("POSTGRES_AUTHORITIES", str(certificate(tmp_path)[0]))
    with pytest.raises(ssl.SSLCertVerificationError):
        rotate(secret, event, ("setSecret",))
    assert world.sql("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'stranger%'") == [(0,)]


def test_what_is_not_due_is_refused(world: World) -> None:
    from rotation.protocol import NotDueError

    secret = world.secret("due")
    event = secret.begin()
    with pytest.raises(NotDueError, match="createSecret did not end"):
        rotate(secret, event, ("setSecret",))
    with pytest.raises(NotDueError, match="there is no version"):
        rotate(secret, {**event, "ClientRequestToken": "0" * 32}, ("createSecret",))
    with pytest.raises(NotDueError, match="not one of createSecret"):
        rotate(secret, event, ("dropSecret",))
    assert secret.value() == {}
