"""Layers, by the contract that the emulator is held to."""

from tests.integration.test_warehouse_layers import *  # noqa: F403 - its tests
