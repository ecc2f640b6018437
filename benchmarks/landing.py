"""How fast a part reaches the landing zone, beside boto3's own `upload_file` of the same file.

Both go to one S3 of moto on this machine, in turns, so that neither has it warmer. Run it from the repository's root:
`.venv/bin/python -m benchmarks.landing [--megabytes 512] [--times 5]`
"""

from __future__ import annotations

import argparse
import os
import platform
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

from blocks.landing import sha256_of
from blocks.landing_s3 import S3Landing
from blocks.sources.base import Manifest, Part

BUCKET = "bench"
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


def main() -> None:
    """Measure, and print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--megabytes", type=int, default=512)
    options.add_argument("--times", type=int, default=6)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, moto() as url:
        os.environ.update(
            AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID="bench", AWS_SECRET_ACCESS_KEY="bench",
            AWS_DEFAULT_REGION="us-east-1", HALLMARK_HOME=folder,
        )  # fmt: skip
        import boto3

        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        file = Path(folder) / "file"
        with file.open("wb") as out:
            for _ in range(given.megabytes):
                out.write(os.urandom(1 << 20))
        plain, ours = measure(client, Path(folder) / "scratch", file, given.times)
    print(f"{given.megabytes} MiB to moto on loopback; {platform.platform()}, {os.cpu_count()} cores, "
          f"Python {platform.python_version()}, boto3 {boto3.__version__}\n")  # fmt: skip
    print(f"{'upload':24} {'median s':>9} {'best s':>9} {'MB/s':>9}")
    for name, found in (("boto3 upload_file", plain), ("landing zone (ours)", ours)):
        median = statistics.median(found)
        print(f"{name:24} {median:9.2f} {min(found):9.2f} {given.megabytes * 1.048576 / median:9.0f}")
    print(f"\nratio of the speeds, ours to boto3's: {statistics.median(plain) / statistics.median(ours):.2f}")


if __name__ == "__main__":
    main()
