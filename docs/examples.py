"""Runs the example of every page in docs/sources, all in one batch, and puts what was printed into the pages.

An example is made of the page's own blocks: files, a sources file, SQL for a Postgres, lines of a shell, and blocks
of `console`, whose commands are run and whose output is written under them. `make pictures` fills the pages;
`tests/integration/test_docs_sources.py` says when they are another.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "sources"
BLOCK = re.compile(r"<!-- (file|object|postgres|shell|duckdb)(?:: (\S+))? -->\n```\w+\n(.*?)^```$", re.S | re.M)
CONSOLE = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.S | re.M)
RUN = ("hallmark", "run")
REGION = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "of-the-example", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True)
class Page:
    """A page with its example."""

    path: Path

    @cached_property
    def text(self) -> str:
        """As it stands."""
        return self.path.read_text("utf-8")

    @property
    def blocks(self) -> list[tuple[str, str, str]]:
        """(what it is, of which name, its text) of what the example needs."""
        return [(kind, name, body) for kind, name, body in BLOCK.findall(self.text)]

    @property
    def sources(self) -> dict[str, Any]:
        """What its sources file declares."""
        declared = [body for kind, name, body in self.blocks if kind == "file" and name.endswith(".yml")]
        return {name: spec for body in declared for name, spec in yaml.safe_load(body)["sources"].items()}

    @property
    def commands(self) -> Iterator[str]:
        """The commands of its consoles, as they are written."""
        for block in CONSOLE.findall(self.text):
            yield from (command for command, _ in told(block))

    def filled(self, printed: Mapping[str, str]) -> str:
        """The page with what its commands printed."""
        return CONSOLE.sub(
            lambda block: "\n".join(f"$ {command}\n{printed[command]}" for command, _ in told(block[1])), self.text
        )


def pages() -> list[Page]:
    """Every page of a kind of source."""
    return [Page(path) for path in sorted(FOLDER.glob("*.md"))]


def told(console: str) -> Iterator[tuple[str, str]]:
    """(command, output) of a console block; a command goes on until its quotes are closed."""
    for piece in re.split(r"^\$ ", console, flags=re.M)[1:]:
        lines = piece.splitlines(keepends=True)
        size = next(n for n in range(1, len(lines) + 1) if "".join(lines[:n]).count('"') % 2 == 0)
        yield "".join(lines[:size]).removesuffix("\n"), "".join(lines[size:])


def run(
    folder: Path, postgres: str, connectors: Path | None = None, parsed: Path | None = None
) -> dict[Path, dict[str, str]]:
    """Run all examples in a folder, with the URL of a Postgres; page → command → what it printed.

    `connectors` is a folder of connectors' environments to share with others, `parsed` dbt's parse of the project.
    """
    found, home = pages(), folder / ".hallmark"
    home.mkdir()
    if connectors:
        (home / "connectors").symlink_to(connectors)
    if parsed:
        shutil.copytree(parsed, home / "dbt")
    with services(postgres) as variables:
        for page in found:
            for kind, name, body in page.blocks:
                prepare(folder, kind, name, body, variables)
        declared = {name: spec for page in found for name, spec in page.sources.items()}
        (folder / "all.yml").write_text(yaml.safe_dump({"sources": declared}, sort_keys=False), "utf-8")
        lines = printed("hallmark run --sources all.yml", folder, variables).splitlines()
        commands = [(page, command) for page in found for command in page.commands]
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # beside the run they only read
            texts = pool.map(
                lambda one: of_sources(lines, one[0]) if one[1].startswith(" ".join(RUN))
                else printed(one[1], folder, variables),
                commands,
            )  # fmt: skip
            outputs: dict[Path, dict[str, str]] = {page.path: {} for page in found}
            for (page, command), text in zip(commands, texts, strict=True):
                outputs[page.path][command] = text
        return outputs


def of_sources(lines: list[str], page: Page) -> str:
    """The lines of a run that tell of the page's streams, in the order of its sources file."""
    order = [f"{source}.{stream}" for source, spec in page.sources.items() for stream in spec["streams"]]

    def place(line: str) -> tuple[int, str]:
        stream = line.split(":")[0].strip()
        return order.index(".".join(p.split("__")[0] for p in stream.split("."))), stream

    mine = [x for x in lines if re.match(rf"  ({'|'.join(page.sources)})\.\w+: \d+ read", x)]
    return "".join(f"{line}\n" for line in sorted(mine, key=place))


@contextmanager
def services(postgres: str) -> Iterator[dict[str, str]]:
    """An S3 and a database of their own; the variables that examples may name."""
    import psycopg
    from moto.server import ThreadedMotoServer

    server_url = postgres.rpartition("/")[0]
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS shop")
        connection.execute("CREATE DATABASE shop")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield {"SHOP_URL": f"{server_url}/shop", "AWS_ENDPOINT_URL": f"http://{host}:{port}", **REGION}
    finally:
        server.stop()


def prepare(folder: Path, kind: str, name: str, body: str, variables: Mapping[str, str]) -> None:
    """Put one block where its example needs it."""
    if kind == "file":
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, "utf-8")
    elif kind == "object":
        import boto3

        s3 = boto3.client(
            "s3", endpoint_url=variables["AWS_ENDPOINT_URL"], region_name=REGION["AWS_DEFAULT_REGION"],
            aws_access_key_id=REGION["AWS_ACCESS_KEY_ID"], aws_secret_access_key=REGION["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        bucket, _, key = name.removeprefix("s3://").partition("/")
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
    elif kind == "postgres":
        import psycopg

        with psycopg.connect(variables["SHOP_URL"], autocommit=True) as connection:
            connection.execute(body.encode())
    elif kind == "duckdb":
        execute([sys.executable, "-c", "import duckdb, sys; duckdb.execute(sys.argv[1])", body], folder, variables)
    else:
        execute(["bash", "-euc", body], folder, variables)


def printed(command: str, folder: Path, variables: Mapping[str, str]) -> str:
    """What a terminal of 100 columns shows of a command, without colours and blanks at the end of lines."""
    words = shlex.split(command)
    text = execute([Path(sys.executable).with_name(words[0]), *words[1:]], folder, variables)
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip() + "\n"


def execute(command: list[str | Path], folder: Path, variables: Mapping[str, str]) -> str:
    """Run a command in the folder, whose home is there; RuntimeError with what it said if it fails."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HALLMARK_", "AWS_", "PREFECT_"))}
    own = {"HALLMARK_HOME": str(folder / ".hallmark"), "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=folder, env={**kept, **own, **variables}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{shlex.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def fill(folder: Path, postgres: str) -> None:
    """Write what was printed into the pages."""
    for path, outputs in run(folder, postgres).items():
        path.write_text(Page(path).filled(outputs), "utf-8")
