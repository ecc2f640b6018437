"""Where a person can look who hears of an incident: the run, the catalog, the report, the runbook."""

from __future__ import annotations

from urllib.parse import quote

from blocks.settings import Settings
from flows.catalog_access import places
from governance.incidents.model import Incident, Links
from governance.openmetadata.incidents import CHECKED
from governance.openmetadata.quality import case_fqn


def links_of(settings: Settings, one: Incident) -> Links:
    """Only what is configured: PREFECT_UI_URL, HALLMARK_OPENMETADATA_URL, HALLMARK_REPORT_URL, HALLMARK_RUNBOOK_URL."""
    slot, run = one.latest.slot, one.latest.run_id
    return Links(
        run=(places(settings).run_link(run) or "") if run else "",
        catalog=_catalog(settings, one),
        report=f"{settings.report_url.rstrip('/')}/{quote(slot)}.html" if settings.report_url and slot else "",
        runbook=f"{settings.runbook_url}#{one.kind}" if settings.runbook_url else "",
    )


def _catalog(settings: Settings, one: Incident) -> str:
    """The page of a case with its incident (open-metadata/OpenMetadata, `ROUTES.TEST_CASE_DETAILS_WITH_TAB`)."""
    if not settings.openmetadata_url or one.kind not in CHECKED:
        return ""
    where = places(settings)
    place = where.of(one.dataset)
    if place.kind != "table":
        return ""
    column = where.stored(one.latest.column) if one.latest.column else None
    base = settings.openmetadata_url.rstrip("/").removesuffix("/api")
    return f"{base}/test-case/{quote(case_fqn(place.fqn, column, one.check_id), safe='')}/issues"
