"""The SDK's generated models: what a body may hold. Their values are not used, because they rewrite some names."""

from __future__ import annotations

import importlib
from enum import Enum
from functools import cache
from typing import Any

from pydantic import BaseModel, RootModel, TypeAdapter, ValidationError

from tests.openmetadata.errors import ApiError

# The server sets the first two itself; whether it refuses a result without values is not known.
MAY_BE_MISSING = {"labelType", "state", "testResultValue"}


@cache
def model(where: str) -> type[BaseModel]:
    """The model of `package.module:Class` below the generated schema."""
    module, _, name = where.partition(":")
    found: type[BaseModel] = getattr(importlib.import_module(f"metadata.generated.schema.{module}"), name)
    return found


@cache
def adapter(where: str) -> TypeAdapter[Any]:
    """Checks bodies, lists of bodies (`[package.module:Class]`) too."""
    if where.startswith("["):
        of: Any = model(where[1:-1])
        return TypeAdapter(list[of])
    return TypeAdapter(model(where))


@cache
def members(where: str) -> frozenset[str]:
    """Names of a model's members in JSON."""
    return frozenset(field.alias or name for name, field in model(where).model_fields.items())


@cache
def defaults(where: str) -> dict[str, Any]:
    """Members of a model that have a value when none is sent."""
    found: dict[str, Any] = {}
    for name, field in model(where).model_fields.items():
        value = field.default
        if field.is_required() or value is None:
            continue
        while isinstance(value, RootModel | Enum):
            value = value.root if isinstance(value, RootModel) else value.value
        if isinstance(value, bool | int | float | str | list):
            found[field.alias or name] = {"false": False, "true": True}.get(str(value), value)
    return found


class Unreadable(ApiError):
    """400: a member or a value that the schema does not know; nothing of the body is looked at any more."""


def check(where: str, body: Any) -> None:
    """Raises 400 if the body does not fit the model."""
    try:
        adapter(where).validate_python(body)
    except ValidationError as error:
        problems = [p for p in error.errors() if not (p["type"] == "missing" and p["loc"][-1] in MAY_BE_MISSING)]
        if not problems:
            return
        first = problems[0]
        path = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise Unreadable(400, f'Unrecognized field "{first["loc"][-1]}" (at {path} of {where})') from None
        if first["type"] in ("missing", "string_too_long", "string_too_short", "string_pattern_mismatch"):
            raise ApiError(400, f"[{path} {first['msg']}]") from None
        raise Unreadable(400, f"Cannot deserialize {path}: {first['msg']}") from None
