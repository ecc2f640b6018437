"""What runs by a Prefect server need beside a home: server, work pool, a worker, deployments, clocks, a landing zone.

For `hallmark doctor --server`, on a machine or within a pod of the cluster.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import yaml

from blocks.kubernetes import jobs
from blocks.landing import open_landing
from blocks.settings import Settings
from blocks.warehouses import is_made, open_warehouse
from flows.pipelines import DEPLOYMENTS
from governance.errors import ConfigurationError, HallmarkError, UnreachableError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

SKEW = timedelta(seconds=30)
"""Two clocks may differ by so much: heartbeats, leases and cursors are compared across machines."""


def checks(settings: Settings) -> dict[str, Callable[[], str]]:
    """Name → check; each gives what it found, or raises HallmarkError."""
    return {
        "prefect": _server,
        "pool": _pool,
        "worker": _worker,
        "deployments": _deployments,
        "blocks": _blocks,
        "clock": lambda: _clock(settings),
        "landing rights": lambda: _landing(settings),
        **({"cluster rights": _cluster} if jobs.reachable() else {}),
    }


def _cluster() -> str:
    """Only `deliver` has an account there: whoever takes the Jobs of stuck runs away."""
    namespace = jobs.own_namespace() if jobs.ACCOUNT.exists() else "hallmark"
    if missing := jobs.missing_rights(namespace):
        raise ConfigurationError(f"namespace {namespace}", f"the account may not: {', '.join(missing)}", jobs.REMEDY)
    return f"may delete the Jobs of stuck runs in namespace {namespace}"


@contextmanager
def _client() -> Iterator[SyncPrefectClient]:
    import httpx
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            yield client
    except httpx.HTTPError as error:
        cause = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        remedy = "start it, or correct PREFECT_API_URL and PREFECT_API_AUTH_STRING"
        raise UnreachableError("the Prefect server", cause, remedy) from None


def _server() -> str:
    from importlib.metadata import version

    with _client() as client:
        theirs, ours = client.api_version(), version("prefect")
        client.request("GET", "/ready").raise_for_status()
    if theirs.split(".")[:2] != ours.split(".")[:2]:
        raise HallmarkError("the Prefect server", f"it is of {theirs}, this is {ours}", "run one release on both")
    return f"answers, version {theirs}"


def _variables(client: SyncPrefectClient) -> tuple[str, str]:
    from blocks.pools import CODE_VARIABLE, WORK_POOL_VARIABLE

    found = [client.read_variable_by_name(name) for name in (WORK_POOL_VARIABLE, CODE_VARIABLE)]
    if None in found:
        raise ConfigurationError(
            "the Prefect server", "nothing is registered there", "run `hallmark register --server`"
        )
    pool, code = (str(v.value) for v in found if v)
    return pool, code


def _pool() -> str:
    from prefect.exceptions import ObjectNotFound

    from blocks.pools import kubernetes

    with _client() as client:
        name, _ = _variables(client)
        try:
            pool = client.read_work_pool(name)
        except ObjectNotFound:
            raise ConfigurationError(f"work pool {name}", "it is not there", "run `hallmark register`") from None
    if pool.is_paused:
        raise HallmarkError(f"work pool {name}", "it is paused", f"`prefect work-pool resume {name}`")
    if pool.type == "kubernetes" and (changed := _drift(pool.base_job_template, kubernetes().template)):
        remedy = "`hallmark register --server --kubernetes --image IMAGE` brings this release's template"
        raise HallmarkError(f"work pool {name}", f"its job template is another one: {', '.join(changed)}", remedy)
    return f"{name}, {pool.type}"


def _drift(found: Any, wanted: Any, path: str = "") -> list[str]:
    """Where two templates differ; the defaults of the variables are a person's to set."""
    if path.startswith("variables.properties.") and path.endswith(".default"):
        return []
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = dict.fromkeys([*found, *wanted])
        return [p for k in keys for p in _drift(found.get(k), wanted.get(k), f"{path}.{k}".lstrip("."))]
    return [] if found == wanted else [path]


def _worker() -> str:
    with _client() as client:
        name, _ = _variables(client)
        workers = client.request(
            "POST", "/work_pools/{work_pool_name}/workers/filter", path_params={"work_pool_name": name}, json={}
        )  # fmt: skip
        online = [w["name"] for w in workers.raise_for_status().json() if w["status"] == "ONLINE"]
    if not online:
        remedy = f"start one: `prefect worker start --pool {name}`; on Kubernetes look at deployment hallmark-worker"
        raise HallmarkError(f"work pool {name}", "no worker of it is online", remedy)
    return f"{len(online)} online"


def _deployments() -> str:
    declared = {d["name"] for d in yaml.safe_load(DEPLOYMENTS.read_text("utf-8"))["deployments"]}
    with _client() as client:
        pool, code = _variables(client)
        found = {d.name: d for d in client.read_deployments() if "hallmark" in d.tags}
    if missing := sorted(declared - set(found)):
        raise HallmarkError("deployments", f"not there: {', '.join(missing)}", "`prefect --no-prompt deploy --all`")
    if other := sorted(n for n in declared if found[n].work_pool_name != pool):
        cause = f"of another pool than {pool}: {', '.join(other)}"
        raise HallmarkError("deployments", cause, "`prefect --no-prompt deploy --all`")
    paused = sorted(n for n in declared if found[n].paused)
    return f"{len(declared)}, code in {code}" + (f"; paused: {', '.join(paused)}" if paused else "")


def _blocks() -> str:
    with _client() as client:
        types = client.request("POST", "/block_types/filter", json={}).raise_for_status().json()
    if "oltp-database" not in {t["slug"] for t in types}:
        raise ConfigurationError("block types", "ours are not there", "run `hallmark register --server`")
    return "types are registered"


def _clock(settings: Settings) -> str:
    with _client() as client:
        answer = client.request("GET", "/health")
    told = {"the Prefect server": parsedate_to_datetime(answer.headers["date"])} if "date" in answer.headers else {}
    if is_made(settings) and settings.profile != "local":
        with open_warehouse(settings, wait=5) as warehouse:
            at = warehouse.execute("SELECT current_timestamp")[0][0]
        told["the warehouse"] = at if at.tzinfo else at.replace(tzinfo=UTC)
    now = datetime.now(UTC)
    for whose, at in told.items():
        if abs(now - at) > SKEW:
            cause = f"it differs from that of {whose} by {abs(now - at).total_seconds():.0f} s"
            raise HallmarkError("this clock", cause, "let NTP set both")
    return f"as that of {' and '.join(told)}" if told else "nobody told theirs"


def _landing(settings: Settings) -> str:
    """Write, read and remove an object, as a load would; it is of no load."""
    from blocks.landing_s3 import S3Landing

    landing = open_landing(settings)
    landing.check()
    if not isinstance(landing, S3Landing):
        return "a folder"
    key, body = f"{landing.prefix}doctor-{uuid.uuid4()}", b"hallmark doctor"
    landing.s3.call("put_object", Key=key, Body=body, **landing.encrypted)
    try:
        if landing.s3.read(key) != body:
            raise HallmarkError(landing.url, "an object is not what was written", "see what stands before the bucket")
    finally:
        landing.s3.delete([key])
    return "written, read and removed"
