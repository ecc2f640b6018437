"""What `prefect deploy --all` is to make of prefect.yaml, with the work pool of `hallmark register`."""

from __future__ import annotations

from typing import Any

DEPLOYMENTS: dict[str, dict[str, Any]] = {
    "backfill/backfill": {
        "entrypoint": "flows/backfill.py:backfill",
        "schedules": [],
        "tags": ["backfill", "hallmark"],
        "work_pool": "hallmark-local",
        "limit": (1, "ENQUEUE"),
        "parameters": {},
    },
    "batch/transform": {
        "entrypoint": "flows/batch.py:batch",
        "schedules": [],
        "tags": ["hallmark", "transform"],
        "work_pool": "hallmark-local",
        "limit": (1, "ENQUEUE"),
        "parameters": {"from_layer": "silver"},
    },
    "shard/shard": {
        "entrypoint": "flows/shard.py:shard",
        "schedules": [],
        "tags": ["hallmark", "ingest", "shard"],
        "work_pool": "hallmark-local",
        "limit": (8, "ENQUEUE"),
        "parameters": {},
    },
    "batch/batch": {
        "entrypoint": "flows/batch.py:batch",
        "schedules": [("six-hourly", "0 */6 * * *", "UTC", True)],
        "tags": ["batch", "hallmark"],
        "work_pool": "hallmark-local",
        "limit": (1, "ENQUEUE"),
        "parameters": {},
    },
    **{
        f"ingest/ingest-{source}": {
            "entrypoint": "flows/ingest.py:ingest",
            "schedules": [],
            "tags": sorted(["hallmark", "ingest", source]),
            "work_pool": "hallmark-local",
            "limit": (1, "ENQUEUE"),
            "parameters": {"source": source},
        }
        for source in ("crm", "drops", "mailroom", "ads")
    },
    "catalog/catalog": {
        "entrypoint": "flows/catalog.py:catalog",
        "schedules": [("daily", "30 3 * * *", "UTC", True)],
        "tags": ["governance", "hallmark"],
        "work_pool": "hallmark-local",
        "limit": (1, "ENQUEUE"),
        "parameters": {},
    },
    "deliver/deliver": {
        "entrypoint": "flows/deliver.py:deliver",
        "schedules": [("every-5-minutes", "*/5 * * * *", "UTC", True)],
        "tags": ["governance", "hallmark"],
        "work_pool": "hallmark-local",
        "limit": (1, "ENQUEUE"),
        "parameters": {},
    },
    "watch/watch": {
        "entrypoint": "flows/watch.py:watch",
        "schedules": [("every-15-minutes", "*/15 * * * *", "UTC", True)],
        "tags": ["hallmark", "watch"],
        "work_pool": "hallmark-local",
        "limit": (1, "ENQUEUE"),
        "parameters": {},
    },
}
