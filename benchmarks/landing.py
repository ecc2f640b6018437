"""How fast a part reaches the landing zone, beside boto3's own `upload_file` of the same file.

Both go to one S3 of moto on this machine, in turns, so that neither has it warmer. What counts is the time, since it is
the link that is to be filled.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.report import Goal, Section
from blocks.landing import sha256_of
from blocks.landing_s3 import S3Landing
from blocks.sources.base import Manifest, Part

BUCKET = "bench"
LEAST = 0.8
"""Ours is to be at least so many times as fast."""
_SERVER = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def moto() -> Iterator[str]:
    """URL of an S3 in a process of its own, which ends with this one."""
    server = subprocess.Popen([sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin and server.stdout
    try:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
    finally:
        server.stdin.close()
        server.wait()


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def land(landing: S3Landing, file: Path) -> Manifest:
    """A load of one part, read and hashed, that only has to be brought to the bucket."""
    load_id = str(uuid4())
    landing.discard("bench", "t", load_id)
    part = landing.folder("bench", "t", load_id) / "part-0.parquet"
    part.parent.mkdir(parents=True)
    part.hardlink_to(file)
    size, digest = sha256_of(part)
    return Manifest(load_id, load_id, "bench", "t", None, None, None, (), (Part(part.name, size, digest, "t", 1),))


def measure(client: Any, scratch: Path, file: Path, times: int) -> tuple[list[float], list[float]]:
    """Seconds of each upload: (boto3's, ours)."""
    plain, ours = [], []
    landing = S3Landing(f"s3://{BUCKET}/landing", scratch)
    for turn in range(times + 1):
        key, manifest = f"plain-{turn}", land(landing, file)
        both: list[tuple[list[float], Callable[[], object]]] = [
            (plain, lambda key=key: client.upload_file(str(file), BUCKET, key)),
            (ours, lambda manifest=manifest: landing.write_manifest(manifest)),
        ]
        for found, work in both if turn % 2 else reversed(both):  # each is first as often
            took = seconds(work)
            if turn:  # turn 0 warms up, and makes the client
                found.append(took)
            landing.remove(list(landing.loads()))
            client.delete_object(Bucket=BUCKET, Key=key)
    return plain, ours


def measure_upload(size: int, times: int, scratch: Path) -> Section:
    """Both with a file of this size."""
    columns = ["", "MB/s", "median s", "best s", "× boto3", "goal"]
    section = Section("upload", f"Upload: {size / 1e6:.0f} MB to an S3 on this machine", columns)
    with tempfile.TemporaryDirectory(dir=scratch) as folder, moto() as url:
        os.environ.update(
            AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID="bench", AWS_SECRET_ACCESS_KEY="bench",
            AWS_DEFAULT_REGION="us-east-1", HALLMARK_HOME=folder,
        )  # fmt: skip
        import boto3

        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        file = Path(folder) / "file"
        with file.open("wb") as out:
            for begin in range(0, size, 1 << 20):
                out.write(os.urandom(min(1 << 20, size - begin)))
        plain, ours = measure(client, Path(folder) / "scratch", file, 2 * times)
    ratio, goal = statistics.median(plain) / statistics.median(ours), f"≥ {LEAST:.2f}"
    for name, found, shown in (("boto3 upload_file", plain, ["", ""]), ("**Hallmark**", ours, [f"{ratio:.2f}", goal])):
        median = statistics.median(found)
        section.rows.append([name, f"{size / 1e6 / median:.0f}", f"{median:.2f}", f"{min(found):.2f}", *shown])
    section.goals.append(Goal("Upload to S3, beside boto3", f"{goal} ×", f"{ratio:.2f} ×", ratio >= LEAST))
    return section
