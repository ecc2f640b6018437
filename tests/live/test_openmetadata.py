"""The contract of a catalog, by which the stand-in is held, against a real OpenMetadata."""

from tests.catalog_contract import *  # noqa: F403 - its tests
