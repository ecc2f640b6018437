"""What a batch needs, checked one by one: each finding says what is wrong and the remedy."""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from blocks.landing import Landed, open_landing
from blocks.lock import exclusive, holder
from blocks.migrate import VERSION
from blocks.settings import HOME_NAME, Settings
from blocks.state import version_of_state
from blocks.warehouses import is_made, open_warehouse
from flows import doctor_prefect
from flows.catalog_access import check as check_catalog
from flows.channels import check as check_alerts
from flows.pulse import check_heartbeat, check_metrics
from flows.rebuild import check_ledger, rebuild
from governance.errors import ConfigurationError, HallmarkError, LockedError
from governance.oncall import load_ownership

Finding = dict[str, Any]
FREE_BYTES = 1 << 30
PATIENCE = timedelta(hours=1)
"""How long what a command tells beside the batches may wait for the next delivery."""


def examine(
    settings: Settings, repair: bool = False, sources: str | None = None, server: bool = False
) -> list[Finding]:
    """Every check of this home; with `repair`, what can be mended is, first of all a ledger that was lost.

    `server`: also what runs by the Prefect server need that is configured.
    """
    checks: dict[str, Callable[[], str]] = {
        "home": lambda: _home(settings),
        "disk": lambda: _disk(settings),
        "lock": lambda: _lock(settings),
        "sources": lambda: _sources(settings, sources),
        "landing": lambda: _landing(settings, repair, sources),
        "warehouse": lambda: _warehouse(settings),
        "state": lambda: version_of_state(settings),
        "outbox": lambda: _outbox(settings),
        "events": lambda: _events(settings, repair),
        "catalog": lambda: check_catalog(settings),
        "alerts": lambda: check_alerts(settings, load_ownership()),
        "owners": lambda: _owners(settings),
        "metrics": check_metrics,
        "heartbeat": lambda: check_heartbeat(settings),
    }
    if not settings.home.is_dir():  # nothing of it can be looked at, and nobody who asks makes one
        checks = {name: checks[name] for name in ("home", "sources")}
    if server:
        checks |= doctor_prefect.checks(settings)
    return [_run(name, check) for name, check in checks.items()]


def _run(name: str, check: Callable[[], str]) -> Finding:
    try:
        return {"check": name, "ok": True, "detail": check(), "remedy": ""}
    except HallmarkError as error:
        return {"check": name, "ok": False, "detail": f"{error.what}: {error.cause}", "remedy": error.remedy}
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding, and the others are wanted too
        detail = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        return {"check": name, "ok": False, "detail": detail, "remedy": "mend what it names, or report it"}


def _home(settings: Settings) -> str:
    if not settings.home.is_dir():
        raise HallmarkError(
            str(settings.home), "it does not exist", f"run `hallmark run` first, or go to a folder with {HOME_NAME}"
        )
    if not os.access(settings.home, os.W_OK):
        raise HallmarkError(
            str(settings.home), "it cannot be written", "give yourself write access, or set HALLMARK_HOME"
        )
    return str(settings.home)


def _disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.home).free
    if free < FREE_BYTES:
        raise HallmarkError(str(settings.home), f"{free >> 20} MiB are free", "free space, or move the home")
    return f"{free >> 30} GiB free"


def _lock(settings: Settings) -> str:
    held = holder(settings.home / "batch.lock")
    return ", ".join(f"{k} {v}" for k, v in held.items()) if held else "no batch is running"


def _sources(settings: Settings, sources: str | None) -> str:
    from blocks.sources.spec import load_sources
    from flows.context import sample_servers, sources_path

    with sample_servers(settings):
        declared = load_sources(sources_path(sources))
    return f"{sum(len(s.streams) for s in declared.values())} streams in {len(declared)} sources"


def _warehouse(settings: Settings) -> str:
    if not is_made(settings):
        return "not made yet: the first run makes it"
    check_ledger(settings)
    with open_warehouse(settings, wait=5) as warehouse:
        unknown = warehouse.execute(
            "SELECT count(*) FROM ops.loads WHERE status = 'published' "
            "AND rows_read <> rows_published + rows_unchanged + rows_quarantined"
        )[0][0]
        loads = warehouse.execute("SELECT count(*) FROM ops.loads")[0][0]
        version = warehouse.execute(VERSION)[0][0]
    if unknown:
        raise HallmarkError("the ledger", f"{unknown} accounts do not balance", "report it with the landed files")
    return f"version {version}, {loads} loads, all accounts balance"


def _landing(settings: Settings, repair: bool, sources: str | None) -> str:
    """Loads that the ledger does not know: a repair loads whole ones again, and removes half landed ones."""
    landing, root = open_landing(settings), settings.landing_root
    with exclusive(settings.home / "batch.lock", "the batch"):
        loads = list(landing.loads())
        strangers = _strangers(settings, loads)
        whole = [x for x in strangers if x.whole]
        done = [rebuild(settings, sources)] if repair and (whole or _is_lost(settings)) else []
        if not repair:
            check_ledger(settings)
        if whole and not repair:
            cause = f"{len(whole)} landed loads are not in the ledger, such as {whole[0].load_id}"
            remedy = "if this warehouse landed them, `hallmark doctor --repair` loads them again; else leave them"
            raise HallmarkError(root, cause, remedy)
        half = [x for x in strangers if not x.whole]
        if half and not repair:
            cause = f"{len(half)} loads are half landed and not in the ledger"
            raise HallmarkError(root, cause, "`hallmark doctor --repair` removes them")
        for load in half:
            landing.remove([load])
            target = f"{load.source}.{load.stream}/{load.load_id}"
            with open_warehouse(settings, wait=5) as warehouse:
                warehouse.ledger.act(getpass.getuser(), "doctor.repair", target, "half landed, not in the ledger")
    done += [f"{len(half)} half landed ones removed"] if half else []
    return ", ".join([f"{len(loads) - len(half)} loads", *done]) if loads else "empty"


def _strangers(settings: Settings, loads: Sequence[Landed]) -> list[Landed]:
    """Those that the ledger does not know."""
    if not is_made(settings):
        return list(loads)
    with open_warehouse(settings, wait=5) as warehouse:
        there = "loads" in warehouse.tables("ops")
        known = {load_id for (load_id,) in warehouse.execute("SELECT load_id FROM ops.loads")} if there else set()
    return [x for x in loads if x.load_id not in known]


def _is_lost(settings: Settings) -> bool:
    """Whether a run would be refused."""
    try:
        check_ledger(settings)
    except ConfigurationError:
        return True
    return False


def _outbox(settings: Settings) -> str:
    from flows.state import open_outbox

    with open_outbox(settings) as outbox:
        counts = outbox.counts()
    buried = sum(states.get("buried", 0) for states in counts.values())
    if buried:
        raise HallmarkError("the outbox", f"{buried} deliveries are buried", "`hallmark outbox list --state buried`")
    told = (f"{d}: {', '.join(f'{n} {state}' for state, n in states.items())}" for d, states in counts.items())
    return "; ".join(told) or "empty"


def _events(settings: Settings, repair: bool) -> str:
    """Those that no outbox has, although what tells them has ended: a relay that fails stops no batch."""
    from flows.delivery import relay

    if not is_made(settings):
        return "none yet"
    try:
        if repair:
            relay(settings, wait=5)
        with open_warehouse(settings, wait=5) as warehouse:
            [[ended]] = warehouse.execute(
                "SELECT max(finished_at) FROM ops.batches WHERE state IN ('completed', 'failed')"
            )
            [[waiting, late]] = warehouse.execute(
                "SELECT count(*), count(CASE WHEN time < ? OR time <= ? THEN 1 END) "
                "FROM ops.events WHERE relayed_at IS NULL",
                (old := settings.clock() - PATIENCE, ended or old),
            )
            running = bool(warehouse.ledger.elsewhere())
    except LockedError:
        return "a batch is running: it relays its own"
    if late and not running:
        cause = f"{late} events wait in the warehouse, of runs that have ended: they were never relayed to the outbox"
        raise HallmarkError("the events", cause, "`hallmark deliver` brings them, or says what is in its way")
    return f"{waiting} wait for the next delivery" if waiting else "all are in the outbox"


def _owners(settings: Settings) -> str:
    from blocks.dbt import DbtProject
    from governance.manifest import datasets

    known = datasets(DbtProject(settings).manifest())
    ownership = load_ownership(datasets=known)
    if ownership.unknown:
        names = ", ".join(f"{n} ({o})" for n, o in ownership.unknown)
        raise HallmarkError("owners", f"no team of oncall.yml: {names}", "add the team, or correct the group")
    return f"{len(known)} datasets, {len(ownership.teams)} teams"
