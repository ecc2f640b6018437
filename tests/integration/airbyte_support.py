"""A connector that speaks the protocol and misbehaves as it is told, and what the tests of connectors share.

The stub is packed as a wheel, which is really installed and run.
"""

import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from blocks.landing import Landing
from blocks.sources.airbyte import AirbyteReader
from blocks.sources.base import Manifest, Since
from blocks.sources.spec import SourceSpec, StreamSpec

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
Make = Callable[..., AirbyteReader]
NAME = "airbyte-source-stub"
# `config.mode` says what it does. It needs nothing but the standard library, and starts at once.
CODE = """
import json, os, signal, subprocess, sys, time

def say(**message):
    print(json.dumps(message, separators=(",", ":")), flush=True)

def log(text, level="INFO"):
    say(type="LOG", log={"level": level, "message": text})

def state(value, name="Things"):
    say(type="STATE", state={"type": "STREAM", "stream": {"stream_descriptor": {"name": name},
        "stream_state": {"next": value}}, "sourceStats": {"recordCount": 1.0}})

def mark(config, *what):
    with open(config["marks"], "a") as marks:
        marks.write(json.dumps(what) + "\\n")

def fail(message, **more):
    say(type="TRACE", trace={"type": "ERROR", "emitted_at": 1, "error": {"message": message, **more}})
    sys.exit(1)

SECRET = {"type": "string", "airbyte_secret": True}
SPEC = {"type": "object", "properties": {"mode": {"type": "string"}, "pin": SECRET, "auth": {"oneOf": [
    {"properties": {"kind": {"const": "a"}}}, {"properties": {"kind": {"const": "b"}, "phrase": SECRET}}]}}}
STREAMS = [
    {"name": "Things", "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"],
     "source_defined_cursor": True, "default_cursor_field": ["id"], "source_defined_primary_key": [["id"]]},
    {"name": "plain", "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
    {"name": "log", "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"],
     "source_defined_cursor": True, "default_cursor_field": ["id"]},
]

def main():
    words = sys.argv[1:]
    options = {words[i][2:]: words[i + 1] for i in range(1, len(words), 2)}
    if words[0] == "spec":
        return say(type="SPEC", spec={"connectionSpecification": SPEC})
    config = json.load(open(options["config"]))
    mode, count = config.get("mode", ""), config.get("count", 10)
    if config.get("marks"):
        mark(config, words[0], os.getpid(), os.stat(options["config"]).st_mode & 0o777)
    if words[0] == "discover":
        return say(type="CATALOG", catalog={"streams": STREAMS})
    if words[0] == "check":
        if mode == "network":
            log("Backing off: HTTPSConnectionPool(host='x.example'): Max retries exceeded with url: /t")
            time.sleep(120)
        if mode == "refused":
            answer = {"status": "FAILED", "message": "bad pin " + config["pin"]}
            return say(type="CONNECTION_STATUS", connectionStatus=answer)
        return say(type="CONNECTION_STATUS", connectionStatus={"status": "SUCCEEDED"})
    catalog = json.load(open(options["catalog"]))["streams"][0]
    name, mode_of_sync = catalog["stream"]["name"], catalog["sync_mode"]
    known = json.load(open(options["state"])) if "state" in options else []
    start = known[0]["stream"]["stream_state"]["next"] if known else 0
    if name == "log" and known:  # at least once: the record at the cursor comes again
        start -= 1
    if mode == "leak":
        log("using " + config["pin"] + " and " + config["auth"]["phrase"])
        print("on its own: " + config["pin"])
        print("to errors: " + config["auth"]["phrase"], file=sys.stderr, flush=True)
        log("GET https://x.example/a?access_token=EAAB123unknown&b=1")
        fail("refused: " + config["pin"] + " " + repr(config["auth"]["phrase"]))
    if mode == "transient":
        fail("slow down", failure_type="transient_error")
    if mode == "silent":
        time.sleep(120)
    if mode == "chatty":
        print("starting up")
        print('{"type":"TRACE","tra****e":{}}')
        say(type="RECORD", record={"stream": "other", "data": {"id": 1}, "emitted_at": 1})
        print(json.dumps({"record": {"emitted_at": 1, "data": {"id": -1}, "stream": name}, "type": "RECORD"}))
    if mode == "environment":
        say(type="RECORD", record={"stream": name, "data": {"environment": dict(os.environ)}, "emitted_at": 1})
        return state(1)
    if mode == "wait":
        child = subprocess.Popen(["sleep", "600"])
        mark(config, "child", child.pid, 0)
    big = config.get("big", "")
    for number in range(start, count):
        say(type="RECORD", record={"stream": name, "data": {"id": number, "price": 1.10, "exact": 9007199254740993,
            "nested": {"sync": mode_of_sync}, "big": big}, "emitted_at": 1})
        if number == count // 2:
            state(number + 1)
            if mode == "wait" and not os.path.exists(config["until"]):
                open(config["reached"], "w").close()
                time.sleep(600)
            if mode == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if mode == "incomplete":
                say(type="TRACE", trace={"type": "STREAM_STATUS", "emitted_at": 1, "stream_status":
                    {"stream_descriptor": {"name": name}, "status": "INCOMPLETE"}})
                return
    state(count, "log" if name == "log" else "Things")
    say(type="STATE", state={"type": "STREAM", "stream": {"stream_descriptor": {"name": "other"}, "stream_state": {}}})
"""
ENTRY = "[console_scripts]\nsource-stub = airbyte_source_stub:main\nanother = airbyte_source_stub:main\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_wheel(folder: Path, version: str = "1.0.0", name: str = NAME, needs: str = "") -> Path:
    """The stub as a wheel in `folder`."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (
        f"Requires-Dist: {needs}\n" if needs else ""
    )
    files = {
        "airbyte_source_stub.py": CODE,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": WHEEL,
        f"{info}/entry_points.txt": ENTRY,
    }
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inner, text in files.items():
            wheel.writestr(inner, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{inner},,\n" for inner in [*files, f"{info}/RECORD"]))
    return path


def stub(
    root: Path, mode: str = "", requirement: str = f"{NAME}==1.0.0", streams: Any = None, **config: Any
) -> AirbyteReader:
    """The reader of a source that the stub serves; its environments are in `root`."""
    named = {name: {**body, "name": name} for name, body in (streams or {"things": {"table": "Things"}}).items()}
    body = {"name": "ads", "kind": "airbyte", "owner": "x", "connector": requirement, "streams": named}
    return AirbyteReader(SourceSpec.model_validate({**body, "config": {"mode": mode, **config}}), root)


def stream_of(reader: AirbyteReader, name: str = "things") -> StreamSpec:
    """A stream as the flows use it: with its key."""
    return reader.resolve(reader.spec.streams[name])


def land(reader: AirbyteReader, landing: Landing, since: Since | None = None, name: str = "things") -> Manifest:
    """Plan and land one stream."""
    stream = stream_of(reader, name)
    (planned,) = reader.plan(stream, since or Since(None, {}, {}), NOW, landing)
    return reader.land(stream, planned, landing)


def rows(reader: AirbyteReader, landing: Landing, *manifests: Manifest, name: str = "things") -> list[dict[str, Any]]:
    """What a landed load gives, none of it rejected."""
    extract = reader.extract(reader.spec.streams[name], manifests, landing, {"": ()})
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT * EXCLUDE (_load_id) FROM ({extract.sql})")
        names = [d[0] for d in found.description or ()]
        result = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        assert extract.rejects(connection) == []
    return result


def raw(landing: Landing, manifest: Manifest) -> bytes:
    """The landed part."""
    return (landing.folder(manifest.source, manifest.stream, manifest.load_id) / manifest.parts[0].path).read_bytes()


def leftovers(connectors: Path) -> list[Path]:
    """Folders of runs: they hold the configuration."""
    return list(connectors.glob(".run-*"))


SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from tests.integration.airbyte_support import *
reader = AirbyteReader(SourceSpec.model_validate_json(sys.argv[1]), Path(sys.argv[2]))
land(reader, Landing(Path(sys.argv[3])))
"""


def run_apart(reader: AirbyteReader, landing: Landing) -> subprocess.Popen[bytes]:
    """The same in a process of its own, which can be killed."""
    script = SCRIPT.format(root=str(ROOT))
    given = [reader.spec.model_dump_json(), str(reader.root), str(landing.root)]
    return subprocess.Popen([sys.executable, "-c", script, *given], cwd=ROOT)


def until(happened: Callable[[], bool], seconds: float = 120) -> bool:
    """Whether it happened in time."""
    limit = time.monotonic() + seconds
    while not happened() and time.monotonic() < limit:
        time.sleep(0.05)
    return happened()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
