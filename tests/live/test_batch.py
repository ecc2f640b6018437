"""The sample batch, with its landing zone on an emulated S3, by the contract that the emulator is held to."""

from tests.integration.test_batch_snowflake import *  # noqa: F403 - its tests, with the fixtures of theirs
