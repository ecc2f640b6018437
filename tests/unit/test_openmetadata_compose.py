"""deploy/openmetadata: the form of the compose file, and that its page says what it does. Nothing is started."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks.settings import PREFIX, Settings
from governance.transports.openmetadata import SERVED

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "openmetadata"
TEXT = (FOLDER / "docker-compose.yml").read_text("utf-8")
PAGE = (FOLDER / "README.md").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# https://github.com/compose-spec/compose-spec/blob/main/spec.md, what of it is used here.
KEYS = {
    "image", "command", "environment", "env_file", "volumes", "networks", "healthcheck", "depends_on", "ports",
    "restart",
}  # fmt: skip
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def test_it_has_the_form_of_a_compose_file() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} == {"name", "services", "volumes", "networks"}
    for name, service in SERVICES.items():
        assert set(service) <= KEYS, name
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        assert {v.partition(":")[0] for v in service.get("volumes", ())} <= set(COMPOSE["volumes"])
        assert all(isinstance(value, str) for value in service["environment"].values()), f"{name}: quote numbers"
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] in CONDITIONS
            assert other in SERVICES and (how["condition"] != "service_healthy" or "healthcheck" in SERVICES[other])


def test_versions_are_pinned_and_the_release_is_one_that_we_know() -> None:
    tags = {name: VARIABLE.sub(lambda v: v[2] or "", s["image"]).rpartition(":")[2] for name, s in SERVICES.items()}
    assert all(re.fullmatch(r"\d+\.\d+(\.\d+)?", tag) for tag in tags.values()), tags
    assert tags["server"].startswith(SERVED) and tags["server"] == tags["migrate"]


def test_what_runs_on_has_a_health_check_and_is_reached_from_this_machine_alone() -> None:
    assert {name for name, s in SERVICES.items() if "healthcheck" not in s} == {"migrate"}
    assert not any("airflow" in str(s).lower() or "ingestion" in s["image"] for s in SERVICES.values())
    ports = [port for s in SERVICES.values() for port in s.get("ports", ())]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_each_variable_has_a_default_and_stands_on_the_page() -> None:
    found = dict(VARIABLE.findall(TEXT))
    assert all(found.values())
    rows = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in PAGE.splitlines() if line.startswith("| `")]
    assert set(found) | {"FERNET_KEY"} == {name for row in rows for name in row}


def test_no_password_stands_there_but_upstreams_first_one() -> None:
    secrets = re.findall(r"(?:PASSWORD|TOKEN|SECRET|KEY): *(.+)", TEXT)
    assert secrets and set(secrets) == {"${DB_USER_PASSWORD:-openmetadata_password}"}
    ignored = subprocess.run(["git", "check-ignore", "-q", "deploy/openmetadata/.env"], cwd=ROOT, check=False)
    assert ignored.returncode == 0, "a .env of one's own could be committed"


@pytest.mark.drift
def test_the_page_names_settings_that_there_are() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", PAGE))
    assert {n for n in named if not n.startswith(f"{PREFIX}LIVE_")} <= known
    assert {n for n in named if n.startswith(f"{PREFIX}LIVE_")} == {
        "HALLMARK_LIVE_OPENMETADATA_URL", "HALLMARK_LIVE_OPENMETADATA_TOKEN",
    }  # fmt: skip
