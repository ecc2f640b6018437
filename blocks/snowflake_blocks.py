"""Prefect's blocks for Snowflake, without the worker that their package imports with them.

That worker is for Snowpark Container Services, and brings `snowflake.core`: 4 s of imports in every process and pod.
"""

from __future__ import annotations

import sys
import types

sys.modules.setdefault("prefect_snowflake.experimental.workers.spcs", types.ModuleType("spcs"))

from prefect_snowflake import SnowflakeConnector, SnowflakeCredentials  # noqa: E402
from prefect_snowflake.credentials import InvalidPemFormat  # noqa: E402

__all__ = ["InvalidPemFormat", "SnowflakeConnector", "SnowflakeCredentials"]
