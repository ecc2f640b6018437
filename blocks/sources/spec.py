"""sources.yml as types: which streams are ingested, how, and whose they are.

Only the declaration: reading a source is in the module of its kind.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from governance import strict_yaml
from governance.errors import ConfigurationError

NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(value: object) -> object:
    """`90s`, `2h`, `7d` as a timedelta; a bare number is seconds."""
    if isinstance(value, str) and (found := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", value)):
        return timedelta(**{_UNITS[found[2]]: float(found[1])})
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class StreamSpec(BaseModel):
    """One stream: a table, a pattern of files, or a connector's stream."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    table: str | None = None
    path: str | None = None
    record: str | None = None
    format: Literal["csv", "json", "xml", "parquet"] | None = None
    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    lateness: Duration = timedelta(0)
    schema_policy: Literal["evolve", "freeze", "discard"] = "evolve"
    deletes: Literal["none", "keys", "column"] = "none"
    deleted_column: str | None = None
    max_delete_share: float = Field(0.2, ge=0, le=1)
    max_quarantine_share: float = Field(0.5, ge=0, le=1)
    date_order: Literal["dmy", "mdy"] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    settle: Duration = timedelta(seconds=60)
    max_expansion: float = Field(200, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> StreamSpec:
        if self.deletes == "column" and not self.deleted_column:
            raise ValueError("deletes: column needs deleted_column")
        if self.deletes != "none" and not self.primary_key:
            raise ValueError("deletes needs primary_key")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ValueError("delimiter must be one character, not a quote or a line end")
        if self.encoding is not None:
            try:
                "".encode(self.encoding)
            except LookupError:
                raise ValueError(f"encoding {self.encoding} is not known: use a name that Python knows") from None
        return self

    @property
    def fingerprint(self) -> str:
        """sha256 of the rules by which the stream is read; rows that they refused are refused by them again."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


class SourceSpec(BaseModel):
    """One source: where it is, whose it is, and its streams."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    kind: Literal["postgres", "files", "documents", "airbyte"]
    owner: str
    url: SecretStr | None = None
    block: str | None = None
    root: str | None = None
    connector: str | None = None
    config: dict[str, Any] = Field(default_factory=dict)
    streams: dict[str, StreamSpec]

    @model_validator(mode="after")
    def _place(self) -> SourceSpec:
        places = [k for k in ("url", "block", "root", "connector") if getattr(self, k)]
        if len(places) != 1:
            raise ValueError(f"give exactly one of url, block, root, connector (found: {', '.join(places) or 'none'})")
        need = "path" if self.kind in ("files", "documents") else "table" if self.kind == "postgres" else None
        for name, stream in self.streams.items():
            if need and not getattr(stream, need):
                raise ValueError(f"stream {name} of kind {self.kind} needs {need}")
            if stream.deletes == "keys" and self.kind != "postgres":
                raise ValueError(f"stream {name}: deletes: keys is for tables")
        return self


def load_sources(path: Path, variables: Mapping[str, str] | None = None, *, fill: bool = True) -> dict[str, SourceSpec]:
    """The sources of a file, `${VAR}` filled from the environment, then from `variables`.

    Who wants to know what is declared, and connects to nothing, leaves `${VAR}` as it is by `fill=False`.

    Raises ConfigurationError for a file that is not there or not YAML, an unset variable, an unknown key (naming
    the nearest valid one) or a name that is not `^[a-z][a-z0-9_]*$` or has `__`.
    """
    if not path.is_file():
        raise ConfigurationError(f"sources file {path}", "it does not exist", "give the path of a sources.yml")
    known = {**(variables or {}), **os.environ}
    try:
        document = strict_yaml.load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"sources file {path}", strict_yaml.reason(error), "correct the file") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"sources file {path}", "it is not UTF-8", "save it as UTF-8") from None
    if not isinstance(document, dict) or not isinstance(document.get("sources"), dict) or set(document) != {"sources"}:
        raise ConfigurationError(f"sources file {path}", "it must hold one key `sources`", "see docs/sources.md")
    document = _fill(document, known, path) if fill else document
    sources: dict[str, SourceSpec] = {}
    for name, body in document["sources"].items():
        _check_name(path, "source", name)
        if isinstance(body, dict) and isinstance(body.get("streams"), dict):
            for stream in body["streams"]:
                _check_name(path, f"stream of {name}", stream)
                options = body["streams"][stream]
                if not isinstance(options, dict | None) or "name" in (options or {}):
                    raise ConfigurationError(
                        f"{path}: {name}.streams.{stream}",
                        "not a mapping of the keys of a stream",
                        "see docs/sources.md",
                    )
            named = {s: {**(options or {}), "name": s} for s, options in body["streams"].items()}
            body = {**body, "name": name, "streams": named}
        if isinstance(body, dict) and body.get("streams") == {}:
            raise ConfigurationError(f"{path}: {name}", "it has no streams", "give one, or take the source out")
        try:
            spec = SourceSpec.model_validate(body)
        except ValidationError as error:
            raise _explain(path, name, error) from None
        if spec.root and "://" not in spec.root:
            spec = spec.model_copy(update={"root": str((path.parent / spec.root).resolve())})
        sources[name] = spec
    return sources


def _check_name(path: Path, what: str, name: object) -> None:
    if not isinstance(name, str) or not NAME.match(name) or "__" in name:
        raise ConfigurationError(
            f"{path}: {what} {name!r}", "not a valid name", "use lower case letters, digits and single underscores"
        )


def _fill(value: Any, known: Mapping[str, str], path: Path) -> Any:
    if isinstance(value, dict):
        return {k: _fill(v, known, path) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, known, path) for v in value]
    if not isinstance(value, str):
        return value

    def one(found: re.Match[str]) -> str:
        if found[1] not in known:
            near = difflib.get_close_matches(found[1], list(known), 1, 0.6)
            hint = f"set it, or use ${{{near[0]}}}" if near else "set it"
            raise ConfigurationError(f"{path}: ${{{found[1]}}}", "the variable is not set", hint)
        return known[found[1]]

    return re.sub(r"\$\{(\w+)\}", one, value)


def _explain(path: Path, source: str, error: ValidationError) -> ConfigurationError:
    # An unknown key is most likely why another one is missing.
    first = min(error.errors(include_input=False), key=lambda e: e["type"] != "extra_forbidden")
    where = ".".join(str(p) for p in (source, *first["loc"]))
    if first["type"] == "extra_forbidden":
        model = StreamSpec if "streams" in first["loc"] else SourceSpec
        valid = [k for k in model.model_fields if k != "name"]
        near = difflib.get_close_matches(str(first["loc"][-1]), valid, 1, 0.5)
        remedy = f"did you mean {near[0]}?" if near else f"use one of {', '.join(valid)}"
        return ConfigurationError(f"{path}: {where}", "unknown key", remedy)
    if first["type"] == "tuple_type":
        return ConfigurationError(f"{path}: {where}", "it must be a list", "write it like [id]")
    cause = first["msg"].removeprefix("Value error, ")
    return ConfigurationError(f"{path}: {where}", cause, "correct it (see docs/sources.md)")
