"""What the server refuses: a status and a text, in OpenMetadata's form."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than the one that was asked for."""

    def __init__(self, code: int, message: str, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.body = {"code": code, "message": message, **members}


def bad(message: str) -> ApiError:
    """400."""
    return ApiError(400, message)


def broken_rule(message: str) -> ApiError:
    """400 by the rule engine."""
    return ApiError(400, message, errorType="RULE_VIOLATION")


def not_found(entity_type: str, key: str) -> ApiError:
    """404: not there, or soft-deleted."""
    return ApiError(404, f"{entity_type} instance for {key} not found")
