"""An emulator of Snowflake's wire protocol, to which the real connector, dbt-snowflake and Great Expectations speak.

It lacks LIST and REMOVE of a path, FILES in COPY, Time Travel, SHOW TRANSACTIONS, named transactions, ALTER SESSION,
GRANT, policies, account_usage, storage integrations. Such SQL is checked by sqlglot's parser, and the test says that it
was not executed.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROGRAM = ROOT / ".venv-fakesnow" / "bin" / "fakesnow"


@contextmanager
def emulator(log: Path, host: str = "127.0.0.1") -> Iterator[dict[str, str]]:
    """A Snowflake on a free port, empty; the HALLMARK_SNOWFLAKE_ variables that lead to it, without a database."""
    with socket.socket() as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [PROGRAM, "-s", "--host", host, "-p", str(port)], stdout=out, stderr=subprocess.STDOUT
        )
    try:
        _wait(host, port, process, log)
        yield {
            "HALLMARK_SNOWFLAKE_ACCOUNT": "hallmark-test", "HALLMARK_SNOWFLAKE_USER": "LOADER",
            "HALLMARK_SNOWFLAKE_PASSWORD": "emulated", "HALLMARK_SNOWFLAKE_HOST": host,
            "HALLMARK_SNOWFLAKE_PORT": str(port), "HALLMARK_SNOWFLAKE_PROTOCOL": "http",
        }  # fmt: skip
    finally:
        process.terminate()
        process.wait(10)


def _wait(host: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((host, port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"fakesnow did not start: {log.read_text(errors='replace')[-2000:]}; `make test` installs it")


def environment_of(variables: dict[str, str], database: str) -> dict[str, str]:
    """The variables of a home on a database of its own in the emulator."""
    return {**variables, "HALLMARK_SNOWFLAKE_DATABASE": database, "HALLMARK_PROFILE": "snowflake"}
