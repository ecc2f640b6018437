"""What pods talk to, outside of the cluster and on an address that they reach: Prefect, Snowflake, S3, PostgreSQL."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3

from blocks import sample
from flows.server import prefect_defaults
from tests.prefect_api import answers
from tests.s3_support import aws_environment, moto
from tests.snowflake_faults import Proxy
from tests.snowflake_proxy import proxy
from tests.snowflake_support import emulator
from tests.tcp_proxy import TcpProxy

ROWS = 300
logging.getLogger("werkzeug").setLevel(logging.ERROR)
AUTH = "admin:auth-of-prefect"
BUCKET = "hallmark"


@dataclass
class PrefectServer:
    """A Prefect server that can be restarted: its database and its address stay."""

    host: str
    folder: Path
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        with socket.create_server((self.host, self.port)) as free:
            self.port = free.getsockname()[1]

    @property
    def url(self) -> str:
        """Of its API."""
        return f"http://{self.host}:{self.port}/api"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        environment = {
            **kept, **prefect_defaults(), "PREFECT_HOME": str(self.folder), "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_API_AUTH_STRING": AUTH, "PREFECT_SERVER_UI_ENABLED": "false",
        }  # fmt: skip
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "prefect", "server", "start", "--host", self.host, "--port", str(self.port)],
                env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
            )  # fmt: skip
        until = time.monotonic() + 120
        while time.monotonic() < until and self._process.poll() is None:
            if answers(self.url):
                return
            time.sleep(0.2)
        raise AssertionError((self.folder / "server.log").read_text(errors="replace")[-2000:])

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@dataclass
class Peers:
    """All of them, and the variables by which they are reached."""

    host: str
    prefect: PrefectServer
    snowflake: Proxy
    settings: dict[str, str]
    secrets: dict[str, str]
    postgres: str
    """URL of its server, with a password and without a database."""


@contextmanager
def peers(host: str, folder: Path) -> Iterator[Peers]:
    """Started, with the sample's files in S3 and its tables in PostgreSQL."""
    home = folder / "home"
    sample.make(home, ROWS)
    (folder / "prefect").mkdir()
    server = PrefectServer(host, folder / "prefect")
    with ExitStack() as stack:
        served = stack.enter_context(sample.serving(home))
        crm = stack.enter_context(TcpProxy(served["CRM_URL"], host)).url
        variables = stack.enter_context(emulator(folder / "snowflake.log", host))
        front, variables = stack.enter_context(proxy(variables, 20, host))
        s3 = aws_environment(stack.enter_context(moto(host)))
        upload(s3, Path(served["DROPS_ROOT"]), "drops")
        upload(s3, Path(served["MAILROOM_ROOT"]), "mailroom")
        server.start()
        stack.callback(server.stop)
        hidden = ("HALLMARK_SNOWFLAKE_PASSWORD", "AWS_SECRET_ACCESS_KEY")
        known = {
            **variables, **s3, "HALLMARK_PROFILE": "snowflake", "CRM_URL": crm, "DO_NOT_TRACK": "1",
            "DROPS_ROOT": f"s3://{BUCKET}/drops", "MAILROOM_ROOT": f"s3://{BUCKET}/mailroom",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30", "PREFECT_API_AUTH_STRING": AUTH,
            "HALLMARK_SNOWFLAKE_PASSWORD": "password-of-snowflake", "AWS_SECRET_ACCESS_KEY": "key-of-aws",
        }  # fmt: skip
        secrets = {name: known.pop(name) for name in (*hidden, "CRM_URL", "PREFECT_API_AUTH_STRING")}
        yield Peers(host, server, front, known, secrets, crm.rpartition("/")[0])


def upload(s3: dict[str, str], folder: Path, prefix: str) -> None:
    """Every file of a folder, below a prefix of the bucket."""
    client = boto3.client(
        "s3", endpoint_url=s3["AWS_ENDPOINT_URL"], region_name=s3["AWS_DEFAULT_REGION"],
        aws_access_key_id=s3["AWS_ACCESS_KEY_ID"], aws_secret_access_key=s3["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    client.create_bucket(Bucket=BUCKET)
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        client.upload_file(str(file), BUCKET, f"{prefix}/{file.relative_to(folder)}")
