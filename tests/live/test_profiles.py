"""Profiles, by the contract that the emulator is held to."""

from tests.integration.test_profiles import *  # noqa: F403 - its tests
