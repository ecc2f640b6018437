"""Bronze, by the contract that the emulator is held to."""

from tests.integration.test_warehouses import *  # noqa: F403 - its tests, with the fixtures of theirs
