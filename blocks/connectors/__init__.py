"""A connector that speaks the Airbyte protocol: spec, check, discover and read, as a process of its own.

What a message means, and what of it becomes an error, a log line or a result, is here. What is done with records
is in `sources/airbyte.py`. Protocol: https://docs.airbyte.com/platform/understanding-airbyte/airbyte-protocol
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from blocks.connectors.environment import Environment, Requirement, environment
from blocks.connectors.process import Process, SilentError, TooLongError, passed_on, run_folder, write_private
from blocks.connectors.secrets import Mask, secrets_of, without_secrets
from blocks.lock import exclusive
from governance.errors import SourceError, UnreachableError

LOG = logging.getLogger("hallmark.connector")
SAID = logging.getLogger("hallmark.connector.said")
"""What the connectors themselves log: for the log of a run, too much for a terminal."""
DISCOVERED_FOR = 24 * 3600
"""Seconds that the list of streams is kept: asking for it takes a start of the connector, some 7 s."""
_LEVELS = {"FATAL": logging.CRITICAL, "ERROR": logging.ERROR, "WARN": logging.WARNING, "INFO": logging.INFO}
_NETWORK = re.compile(
    r"Max retries exceeded|ProxyError|NewConnectionError|Connection ?(?:refused|reset|aborted|Error)|ConnectTimeout|"
    r"Name or service not known|Failed to resolve|Temporary failure in name resolution|Read timed out|"
    r"Network is unreachable|No route to host",
    re.IGNORECASE,
)
_BODY = {
    "RECORD": "record", "STATE": "state", "SPEC": "spec", "CATALOG": "catalog", "LOG": "log", "TRACE": "trace",
    "CONNECTION_STATUS": "connectionStatus", "CONTROL": "control",
}  # fmt: skip
"""Types of messages, and the key that has what they say."""
Message = dict[str, Any]


@dataclass
class Read:
    """What a read gave, besides its records."""

    rows: int = 0
    state: str | None = None
    """The last STATE, as `--state` takes it."""
    foreign: int = 0
    """Records of other streams, which were not asked for."""


@dataclass
class _Heard:
    """What is kept of a run's messages until it is known how the run ended."""

    trace: Mapping[str, Any] | None = None
    incomplete: bool = False
    said: list[str] = field(default_factory=list)


class Connector:
    """One connector with one configuration. `silence`: seconds that it may say nothing while it reads."""

    def __init__(
        self, source: str, requirement: str, config: Mapping[str, Any], root: Path,
        *, installed: Path | None = None, silence: float = 1800, limit: float = 300, patience: float = 10,
    ) -> None:  # fmt: skip
        self.what = f"source {source}"
        self.requirement, self.config, self.root = requirement, dict(config), root
        self.installed = installed
        """A folder of environments that is only read."""
        self.silence = silence
        self.limit = limit
        """Seconds for spec, check and discover."""
        self.patience = patience
        """Seconds that check and discover go on after the network failed them, for connectors try for minutes."""
        self.mask = Mask()

    @cached_property
    def environment(self) -> Environment:
        """Its environment, installed on first use."""
        return environment(self.root, Requirement.parse(self.requirement, self.what), self.installed)

    @cached_property
    def specification(self) -> dict[str, Any]:
        """The JSON schema of its configuration; kept beside the environment, since a version has one."""
        kept = self.environment.folder / "spec.json"
        if kept.is_file():
            return dict(json.loads(kept.read_text()))
        self.mask.add(secrets_of(self.config, {}))
        found = self._one("spec", "SPEC", {})["spec"]["connectionSpecification"]
        _keep(kept, found)
        return dict(found)

    def check(self) -> None:
        """Return if it reaches its partner with this configuration.

        Raises SourceError with the connector's words if it does not, UnreachableError where the network is why.
        """
        status = self._one("check", "CONNECTION_STATUS", self._configured())["connectionStatus"]
        if status.get("status") != "SUCCEEDED":
            raise self._error(str(status.get("message") or "the check failed"), None)

    def discover(self, *, anew: bool = False) -> list[dict[str, Any]]:
        """Its streams, as AirbyteStream objects; known for a day, unless they are wanted anew."""
        shown = json.dumps(
            [self.what, self.requirement, without_secrets(self.config, self.specification)], sort_keys=True
        )
        name = f".{self.environment.folder.name}-streams-{hashlib.sha256(shown.encode()).hexdigest()[:16]}"
        kept = self.root / f"{name}.json"  # the environment may be one that is only read
        with exclusive(kept.with_suffix(".lock"), f"the list of streams of {self.what}", wait=self.limit + 60):
            if anew or not kept.is_file() or time.time() - kept.stat().st_mtime > DISCOVERED_FOR:
                _keep(kept, self._one("discover", "CATALOG", self._configured())["catalog"]["streams"])
        return list(json.loads(kept.read_text()))

    def read(self, configured: Mapping[str, Any], state: str | None, write: Callable[[bytes], object]) -> Read:
        """Read one ConfiguredAirbyteStream after `state`; `write` takes every RECORD line of it as it came.

        Raises SourceError or UnreachableError; then what was written is not whole.
        """
        name, result = configured["stream"]["name"], Read()
        files = {**self._configured(), "catalog": json.dumps({"streams": [configured]})}
        files |= {"state": state} if state else {}
        # What the connectors' own library writes; any other form of a message is parsed.
        quick = f'{{"type":"RECORD","record":{{"stream":{json.dumps(name, ensure_ascii=False)},'.encode()
        with closing(self._messages("read", files, quick)) as messages:
            for line, message in messages:
                if message is None or (message["type"] == "RECORD" and message["record"].get("stream") == name):
                    write(line if line.endswith(b"\n") else line + b"\n")
                    result.rows += 1
                elif message["type"] == "RECORD":
                    result.foreign += 1
                elif message["type"] == "STATE":
                    result.state = _for_next(message["state"], name) or result.state
        return result

    def _configured(self) -> dict[str, str]:
        self.mask.add(secrets_of(self.config, self.specification))
        return {"config": json.dumps(self.config)}

    def _one(self, command: str, wanted: str, files: Mapping[str, str]) -> Message:
        """The one message that a command answers with."""
        found = None
        with closing(self._messages(command, files)) as messages:
            for _, message in messages:
                if message and message["type"] == wanted:
                    found = message
                    if wanted == "CONNECTION_STATUS":
                        break  # facebook-marketing goes on for seconds
        if found is None:
            raise SourceError(self.what, f"its connector answered nothing to {command}", "see its log lines")
        return found

    def _messages(
        self, command: str, files: Mapping[str, str], quick: bytes = b"\0"
    ) -> Generator[tuple[bytes, Message | None], None, None]:
        """(line, message) of what is not told to the log; of a line that begins with `quick` no message."""
        heard, reading = _Heard(), command == "read"
        with run_folder(self.root) as folder:
            paths = {name: write_private(folder / f"{name}.json", text) for name, text in files.items()}
            options = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
            with Process([*self.environment.command, command, *options], passed_on(folder), folder) as process:
                process.until = None if reading else time.monotonic() + self.limit
                try:
                    for is_output, line in process.lines(self.silence if reading else self.limit):
                        if is_output and line.startswith(quick) and line.endswith(b"}}\n"):
                            yield line, None
                        elif message := self._message(line, is_output, heard, reading):
                            yield line, message
                        elif not reading and process.until and heard.said and _NETWORK.search(heard.said[-1]):
                            process.until = min(process.until, time.monotonic() + self.patience)
                except SilentError:
                    raise self._late(heard, command) from None
                except TooLongError:
                    raise SourceError(self.what, "its connector gave a line without end", "report it") from None
        if process.status or heard.trace or heard.incomplete:
            raise self._error(_words(heard, process.status), (heard.trace or {}).get("failure_type"))

    def _message(self, line: bytes, is_output: bool, heard: _Heard, reading: bool) -> Message | None:
        """The message of a line, unless it is one for the log; anything that is no message is a line of the log.

        Raises SourceError for what was to be a message of a read: it may be a record, or where the next read begins.
        """
        message = None
        is_object = is_output and line.lstrip()[:1] == b"{"
        if is_object:
            try:
                message = json.loads(line)
            except ValueError:
                message = None
        kind = message.get("type") if isinstance(message, dict) else None
        may_lack = str(kind) in _BODY and kind not in ("RECORD", "STATE")
        body = message.get(_BODY.get(str(kind), "")) if message and kind else None
        if not isinstance(body, dict):  # a connector's own mask may have spoiled a message
            kind = None
        if kind == "LOG" and body:
            self._say(str(body.get("message", "")), body.get("level", "INFO"), heard)
        elif kind == "TRACE" and body:
            self._trace(body, heard)
        elif kind == "CONTROL" and body:
            changed = (body.get("connectorConfig") or {}).get("config") or {}
            self.mask.add(secrets_of(changed, self.specification))
            if changed != self.config:
                LOG.debug("%s: its connector completed its configuration, which is not kept", self.what)
        elif kind and message:
            return dict(message)
        elif is_object:  # its text may be a partner's data: it is in no log
            if reading and not may_lack:
                cause = f"its connector gave a line of {len(line)} bytes that begins as a message and is none"
                raise SourceError(self.what, cause, "try again; report it to the connector's maker if it stays")
            self._say(f"(a line of {len(line)} bytes that is no message)", "INFO", heard)
        elif text := line.decode(errors="replace").strip():
            self._say(text, "INFO", heard)
        return None

    def _trace(self, trace: Mapping[str, Any], heard: _Heard) -> None:
        if trace.get("type") == "ERROR":
            heard.trace = heard.trace or trace.get("error") or {}
        elif trace.get("type") == "STREAM_STATUS":
            heard.incomplete |= (trace.get("stream_status") or {}).get("status") == "INCOMPLETE"

    def _say(self, text: str, level: str, heard: _Heard) -> None:
        text = self.mask(text)[:4000]
        heard.said = [*heard.said[-9:], text]
        SAID.log(_LEVELS.get(level, logging.DEBUG), "%s: %s", self.what, text)

    def _late(self, heard: _Heard, command: str) -> UnreachableError:
        if failed := [text for text in heard.said if _NETWORK.search(text)]:
            return UnreachableError(self.what, f"its partner cannot be reached: {_short(failed[-1])}", "try again")
        said = f"; it last said: {_short(heard.said[-1])}" if heard.said else ""
        return UnreachableError(self.what, f"its connector did not end {command} in time{said}", "try again")

    def _error(self, words: str, failure: str | None) -> SourceError | UnreachableError:
        words = _short(self.mask(words))
        if failure == "transient_error" or (failure != "config_error" and _NETWORK.search(words)):
            return UnreachableError(self.what, f"its partner cannot be reached: {words}", "try again")
        return SourceError(self.what, f"its connector says: {words}", "correct `config` in the sources file")


def _words(heard: _Heard, status: int | None) -> str:
    """The connector's words for what went wrong: the first error it told of, else what it said last."""
    if heard.trace:
        general, precise = str(heard.trace.get("message") or ""), str(heard.trace.get("internal_message") or "")
        # The library's text for any exception says nothing.
        return precise if precise and (not general or general.startswith("Something went wrong")) else general
    said = f"; it last said: {heard.said[-1]}" if heard.said else ""
    return f"it ended with status {status}{said}" if status else f"it did not read the stream to its end{said}"


def _short(text: str) -> str:
    text = " ".join(text.split("Traceback (most recent")[0].split())
    return text if len(text) <= 500 else f"{text[:500]}…"


def _for_next(state: Mapping[str, Any], stream: str) -> str | None:
    """What `--state` takes, from a STATE message; None for the state of another stream."""
    kind = state.get("type")
    if kind == "STREAM":
        if state["stream"]["stream_descriptor"]["name"] != stream:
            return None
        return json.dumps([{"type": kind, "stream": state["stream"]}], separators=(",", ":"))
    if kind == "GLOBAL":
        return json.dumps([{"type": kind, "global": state["global"]}], separators=(",", ":"))
    return json.dumps(state.get("data") or {}, separators=(",", ":"))


def _keep(path: Path, value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Write beside the environment; never seen half."""
    partial = path.with_name(f".{path.name}.{time.monotonic_ns()}")
    partial.write_text(json.dumps(value))
    partial.replace(path)
