"""Partners through connectors that speak the Airbyte protocol: RECORD messages landed as they come, with the STATE.

Which stream is read how, and what a load is. Running a connector is in `blocks/connectors.py`.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from blocks.connectors import Connector, Read
from blocks.landing import Landing
from blocks.settings import Settings
from blocks.sources.base import Known, Manifest, Part, Planned, Since
from blocks.sources.extracts import Extract
from blocks.sources.json_lines import JsonLinesExtract, schema_of
from blocks.sources.spec import SourceSpec, StreamSpec
from governance.errors import SourceError

RECORD = "/record/data"
"""Where a RECORD message has its record."""
PART = "part-0.ndjson"


class AirbyteReader:
    """One connector with one configuration. `root` is the folder of the environments, by default in the home."""

    def __init__(self, spec: SourceSpec, root: Path | None = None) -> None:
        self.spec = spec
        self.root = root
        self._notes: dict[str, str] = {}

    @cached_property
    def connector(self) -> Connector:
        """The connector; nothing is installed before it is asked for something."""
        settings = Settings.load()
        root = self.root or settings.home / "connectors"
        requirement = self.spec.connector or ""
        return Connector(self.spec.name, requirement, self.spec.config, root, installed=settings.connectors)

    def resolve(self, stream: StreamSpec) -> StreamSpec:
        """The stream with the connector's own primary key, where the sources file declares none.

        Raises SourceError for a stream that the connector does not have.
        """
        key = self._found(stream).get("source_defined_primary_key") or []
        if stream.primary_key or any(len(path) != 1 for path in key):  # a key within a nested value is no column
            return stream
        return stream.model_copy(update={"primary_key": tuple(path[0] for path in key)})

    def plan(self, stream: StreamSpec, since: Since, now: datetime, landing: Landing) -> list[Planned]:
        """One load: everything after the committed state; one that a killed run planned is used again."""
        lower = since.cursor if self._incremental(stream, self._found(stream)) else None
        if again := [p for p in since.unfinished if p.landed or p.lower == lower]:
            return again
        upper = now.isoformat()
        return [Planned(f"{self.spec.name}.{stream.name}:range:{_short(lower)}..{upper}", lower=lower, upper=upper)]

    def warning(self, stream: StreamSpec) -> str | None:
        """What the last read left out."""
        return self._notes.get(stream.name)

    def land(self, stream: StreamSpec, planned: Planned, landing: Landing) -> Manifest:
        """Let the connector read into one part, its message lines as they come."""
        source, load_id = self.spec.name, planned.load_id
        if done := landing.manifest(source, stream.name, load_id):
            return done
        landing.discard(source, stream.name, load_id)
        target = landing.folder(source, stream.name, load_id) / PART
        found = self._found(stream)
        incremental = self._incremental(stream, found)
        digest, size, read = hashlib.sha256(), 0, Read()

        def fill(out: BinaryIO) -> None:
            nonlocal read

            def write(line: bytes) -> None:
                nonlocal size
                digest.update(line)
                size += len(line)
                out.write(line)

            read = self.connector.read(self._configured(stream, found), planned.lower, write)

        landing.put(target, fill)
        if read.foreign:
            self._notes[stream.name] = f"the connector gave {read.foreign} records of other streams, which are left out"
        state = (read.state or planned.lower) if incremental else None
        part = Part(PART, size, digest.hexdigest(), found["name"], read.rows)
        manifest = Manifest(
            load_id, planned.identity, source, stream.name, planned.lower, planned.upper, None,
            schema_of(target, stream, landing, RECORD), (part,), state=state, rereads=True,
        )  # fmt: skip
        landing.write_manifest(manifest)
        return manifest

    def extract(self, stream: StreamSpec, manifests: Sequence[Manifest], landing: Landing, known: Known) -> Extract:
        """The records of the landed messages, as any JSON. A load of nothing new is no empty file that was dropped."""
        return JsonLinesExtract(stream, [m for m in manifests if m.parts[0].rows], landing, known, at=RECORD)

    def _found(self, stream: StreamSpec) -> dict[str, Any]:
        """The connector's own description of the stream."""
        wanted = stream.table or stream.name
        for anew in (False, True):  # one that its partner has just got is in no list of yesterday
            streams = {s["name"]: s for s in self.connector.discover(anew=anew)}
            if wanted in streams:
                return dict(streams[wanted])
        near = difflib.get_close_matches(wanted, streams, 1, 0.5)
        valid = ", ".join(sorted(streams)[:20])
        remedy = f"did you mean `table: {near[0]}`? " if near else "name it by `table`; "
        where = f"stream {self.spec.name}.{stream.name}"
        raise SourceError(where, f"the connector has no stream {wanted}", f"{remedy}It has {valid}")

    @staticmethod
    def _incremental(stream: StreamSpec, found: dict[str, Any]) -> bool:
        """Whether the connector can go on where it ended: it says so, and it is known by which field."""
        able = "incremental" in (found.get("supported_sync_modes") or ())
        by = found.get("source_defined_cursor") or found.get("default_cursor_field") or stream.cursor
        return able and bool(by)

    def _configured(self, stream: StreamSpec, found: dict[str, Any]) -> dict[str, Any]:
        """A ConfiguredAirbyteStream. The destination's modes say nothing here, but the protocol wants them."""
        key = [[k] for k in stream.primary_key] or found.get("source_defined_primary_key") or []
        configured: dict[str, Any] = {"stream": found, "primary_key": key}
        if not self._incremental(stream, found):
            return {**configured, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
        chosen = not found.get("source_defined_cursor") and stream.cursor
        field = [stream.cursor] if chosen else found.get("default_cursor_field") or []
        mode = "append_dedup" if key else "append"
        return {**configured, "sync_mode": "incremental", "cursor_field": field, "destination_sync_mode": mode}


def _short(state: str | None) -> str:
    """A state as part of an identity: it may be long."""
    return hashlib.sha256(state.encode()).hexdigest()[:16] if state else ""
