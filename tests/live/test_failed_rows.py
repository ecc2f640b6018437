"""The rows of failed checks, by the contract that the emulator is held to."""

from tests.integration.test_failed_rows import *  # noqa: F403 - its tests
