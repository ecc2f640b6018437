"""Where files are dropped: a folder and an S3 bucket are one to `FilesReader`; a real local HTTP server speaks S3."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from moto.server import ThreadedMotoServer

from blocks.landing import Landing
from blocks.sources.base import Planned, Since
from blocks.sources.files import FilesReader
from blocks.sources.spec import SourceSpec, StreamSpec
from governance.errors import HallmarkError, SourceError

NOW = datetime(2100, 1, 1, tzinfo=UTC)
NOTHING = Since(None, {}, {})
NAMES = (
    "a[1].csv", "a1.csv", "it's.csv", 'say "x".csv', "new\nline.csv", "-x.csv", "star*.csv", "what?.csv", "é ü.csv",
    " space .csv", "per%20cent.csv", "plus+.csv", "deep/er/x.csv", "a!b.csv", "#1.csv", "日本.csv",
)  # fmt: skip


@dataclass
class Place:
    """A root to drop into, and who reads it."""

    root: str
    landing: Landing
    client: Any = None

    def put(self, name: str, text: str) -> None:
        if self.client:
            self.client.put_object(Bucket="drops", Key=f"in/{name}", Body=text.encode())
        else:
            path = Path(self.root) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def remove(self, name: str) -> None:
        if self.client:
            self.client.delete_object(Bucket="drops", Key=f"in/{name}")
        else:
            (Path(self.root) / name).unlink()

    def reader(self, **options: object) -> tuple[FilesReader, StreamSpec]:
        stream = StreamSpec.model_validate({"name": "c", "path": "**/*.csv", "settle": "0s", **options})
        spec = SourceSpec(name="drops", kind="files", owner="x", root=self.root, streams={"c": stream})
        return FilesReader(spec), stream

    def plan(self, since: Since = NOTHING, **options: object) -> list[Planned]:
        reader, stream = self.reader(**options)
        return reader.plan(stream, since, NOW, self.landing)

    def rows(self, **options: object) -> list[tuple[str, str]]:
        reader, stream = self.reader(**options)
        manifests = [reader.land(stream, p, self.landing) for p in reader.plan(stream, NOTHING, NOW, self.landing)]
        sql = reader.extract(stream, manifests, self.landing, {"": ()}).sql
        return duckdb.sql(f"SELECT id, _source_position FROM ({sql})").fetchall()


def aws(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    import boto3

    aws(monkeypatch, s3)
    client = boto3.client("s3")
    client.create_bucket(Bucket="drops")
    yield Place("s3://drops/in", Landing(tmp_path / "landing"), client)
    for entry in client.list_objects_v2(Bucket="drops").get("Contents", ()):
        client.delete_object(Bucket="drops", Key=entry["Key"])
    client.delete_bucket(Bucket="drops")


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "bucket":
        found: Place = request.getfixturevalue("bucket")
        return found
    (tmp_path / "in [1]").mkdir()
    return Place(str(tmp_path / "in [1]"), Landing(tmp_path / "landing"))


def test_names_are_literal(place: Place) -> None:
    names = [n for n in NAMES if not (place.client and "\n" in n)]  # moto serves no key with a line break
    for number, name in enumerate(names):
        place.put(name, f"id\n{number}\n")
    place.put(".hidden.csv", "id\n99\n")
    assert sorted(place.rows()) == sorted((str(n), f"{name}#1") for n, name in enumerate(names))
    assert [p.path for p in place.plan(path="a[1].csv")] == ["a[1].csv"]


def test_what_is_in_a_hidden_folder_is_hidden_unless_it_is_named(place: Place) -> None:
    for name in (".tmp/x.csv", "d/.e/x.csv", "d/x.csv"):
        place.put(name, f"id\n{name}\n")
    assert [p.path for p in place.plan()] == ["d/x.csv"]
    assert [p.path for p in place.plan(path=".tmp/x.csv")] == [".tmp/x.csv"]


def test_a_full_landing_zone_is_no_fault_of_the_source(place: Place) -> None:
    place.put("a.csv", "id\n1\n")
    reader, _ = place.reader()
    [dropped] = reader.drops.matching("*.csv", "w")
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space") as caught, reader.drops.open(dropped, "w"):
        raise full
    assert caught.value is full


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.csv", ["a.csv", "b.csv"]),
        ("?.csv", ["a.csv", "b.csv"]),
        ("d/*.csv", ["d/a.csv"]),
        ("**/a.csv", ["a.csv", "d/a.csv"]),
    ],
)
def test_a_star_stops_at_a_folder(place: Place, pattern: str, found: list[str]) -> None:
    for name in ("a.csv", "b.csv", "d/a.csv", "d/e/x.csv", "a.csvx"):
        place.put(name, f"id\n{name}\n")
    assert [p.path for p in place.plan(path=pattern)] == found


def test_new_changed_and_identical_files(place: Place) -> None:
    place.put("a.csv", "id\n1\n")
    [first] = place.plan()
    seen = Since(None, {"a.csv": (first.size or 0, first.mtime_ns or 0)}, {first.identity: 1})
    assert place.plan(seen) == []
    place.put("b.csv", "id\n1\n")
    assert [(p.path, p.identity) for p in place.plan(seen)] == [("b.csv", first.identity)]
    place.put("a.csv", "id\n2\n")  # as long as before, and within the same second
    [changed] = [p for p in place.plan(seen) if p.path == "a.csv"]
    assert changed.identity != first.identity and changed.size == first.size


def test_a_young_file_is_left_for_later(place: Place) -> None:
    place.put("a.csv", "id\n1\n")
    assert place.plan(settle="60s") == []
    time.sleep(1.1)
    assert len(place.plan(settle="1s")) == 1


def test_what_vanished_or_changed_is_refused(place: Place) -> None:
    place.put("a.csv", "id\n1\n")
    place.put("b.csv", "id\n1\n")
    reader, _ = place.reader()
    gone, changed = reader.drops.matching("*.csv", "stream drops.c")
    place.remove("a.csv")
    place.put("b.csv", "id\n22\n")
    with pytest.raises(SourceError, match="vanished"), reader.drops.open(gone, "stream drops.c") as file:
        file.read()
    with pytest.raises(SourceError, match="changed while"), reader.drops.open(changed, "stream drops.c") as file:
        file.read()


def test_absent_things_are_told_apart(place: Place) -> None:
    reader, stream = place.reader()
    assert reader.plan(stream, NOTHING, NOW, place.landing) == []
    assert "no file matches" in (reader.warning(stream) or "")
    with pytest.raises(SourceError, match=r"one\.csv does not exist"):
        place.plan(path="one.csv")
    with pytest.raises(SourceError, match=r"does not exist.*root"):
        Place(place.root.replace("drops/in", "absent").replace("in [1]", "absent"), place.landing).plan()


@contextmanager
def answering(status: int, body: bytes, length: int | None = None) -> Iterator[str]:
    """A server that gives one answer to everything; the length that it says may be a lie."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(length or len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "code", "exit_code", "said"),
    [
        (403, "AccessDenied", 1, "S3 refused"),
        (403, "InvalidAccessKeyId", 1, "AWS_ACCESS_KEY_ID"),
        (503, "SlowDown", 4, "SlowDown"),
        (400, "Whatever", 1, "Whatever"),
    ],
)
def test_what_s3_says_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, code: str, exit_code: int, said: str
) -> None:
    with answering(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()) as url:
        aws(monkeypatch, url)
        with pytest.raises(HallmarkError, match=said) as caught:
            Place("s3://drops/in", Landing(tmp_path)).plan()
    assert caught.value.exit_code == exit_code
    assert "testing" not in str(caught.value)


def test_a_server_that_is_down_may_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(200, b"") as url:
        pass
    aws(monkeypatch, url)
    with pytest.raises(HallmarkError, match="cannot be reached") as caught:
        Place("s3://drops/in", Landing(tmp_path)).plan()
    assert caught.value.exit_code == 4


def test_an_object_that_breaks_off_is_not_landed(
    tmp_path: Path, bucket: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("a.csv", "id\n1\n")
    found, _ = bucket.reader()
    [dropped] = found.drops.matching("*.csv", "w")
    with answering(200, b"id\n", 6) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        reader, _ = bucket.reader()
        with pytest.raises(HallmarkError, match="S3 ") as caught, reader.drops.open(dropped, "w") as file:
            bucket.landing.copy_in(file, tmp_path / "copy")
    assert caught.value.exit_code == 4 and not (tmp_path / "copy").exists()


@pytest.mark.parametrize("missing", ["keys", "bucket name"])
def test_a_wrong_setup_is_a_configuration_error(bucket: Place, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    if missing == "keys":
        import boto3

        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it remembers the keys of other tests
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    root = "s3://drops/in" if missing == "keys" else "s3://no bucket!/in"
    with pytest.raises(HallmarkError) as caught:
        Place(root, bucket.landing).plan()
    assert caught.value.exit_code == 2
