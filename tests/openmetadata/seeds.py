"""What a new server holds: its users, the classifications and the test definitions of the system."""

from __future__ import annotations

from typing import Any

from tests.openmetadata import entities
from tests.openmetadata.kinds import BY_TYPE
from tests.openmetadata.precedence import Writer
from tests.openmetadata.state import State, new_id

SYSTEM = {"provider": "system"}
RANGE = ({"name": "minValue", "dataType": "INT"}, {"name": "maxValue", "dataType": "INT"})
DEFINITIONS: tuple[tuple[str, str, str, tuple[dict[str, Any], ...]], ...] = (
    ("columnValuesToBeNotNull", "COLUMN", "Completeness", ()),
    ("columnValuesToBeUnique", "COLUMN", "Uniqueness", ()),
    ("columnValuesToBeBetween", "COLUMN", "Accuracy", RANGE),
    ("columnValuesToMatchRegex", "COLUMN", "Validity", ({"name": "regex", "dataType": "STRING", "required": True},)),
    ("tableRowCountToEqual", "TABLE", "Integrity", ({"name": "value", "dataType": "INT", "required": True},)),
    ("tableRowCountToBeBetween", "TABLE", "Integrity", RANGE),
    ("tableCustomSQLQuery", "TABLE", "SQL", ({"name": "sqlExpression", "dataType": "STRING", "required": True},)),
)
PROPERTY_TYPES = (
    "string", "integer", "number", "markdown", "sqlQuery", "enum", "email", "date-cp", "dateTime-cp", "time-cp",
    "timestamp", "timeInterval", "duration", "entityReference", "entityReferenceList", "table-cp", "hyperlink-cp",
)  # fmt: skip


def sown(state: State) -> State:
    """The state with all of it."""
    by = Writer("admin", bot=False)
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("user", {"name": "admin", "email": "admin@open-metadata.org", "isAdmin": True}),
        ("user", {"name": "ingestion-bot", "email": "ingestion-bot@open-metadata.org", "isBot": True}),
        ("team", {"name": "Organization", "teamType": "Organization"}),
        ("classification", {"name": "PII", "description": "Personal data.", "mutuallyExclusive": True, **SYSTEM}),
        ("classification", {"name": "Tier", "description": "Importance.", "mutuallyExclusive": True, **SYSTEM}),
    ]
    bodies += [
        ("tag", {"name": name, "description": name, "classification": "PII", **SYSTEM})
        for name in ("None", "NonSensitive", "Sensitive")
    ]
    bodies += [
        ("tag", {"name": f"Tier{n}", "description": f"Tier {n}", "classification": "Tier", **SYSTEM})
        for n in range(1, 6)
    ]
    bodies += [
        (
            "testDefinition",
            {
                "name": name, "description": name, "entityType": of, "testPlatforms": ["OpenMetadata"],
                "dataQualityDimension": dimension, "parameterDefinition": list(parameters), **SYSTEM,
            },
        )
        for name, of, dimension, parameters in DEFINITIONS
    ]  # fmt: skip
    for type_, body in bodies:
        entities.post(state, BY_TYPE[type_], body, by).seeded = True
    for name in PROPERTY_TYPES:
        state.property_types[name] = property_type(name, "field")
    for name in BY_TYPE:
        state.property_types[name] = property_type(name, "entity")
    return state


def property_type(name: str, category: str) -> dict[str, Any]:
    """A type, of entities or of their members."""
    described = {"name": name, "fullyQualifiedName": name, "displayName": name, "description": name}
    return {"id": new_id(), **described, "category": category, "version": 0.1}
