"""The image as a pod sees it: its steps run in a bare Debian, its programs as its user on a root to read only.

`make image-test` runs these: two minutes, root and debootstrap are needed.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.server import local_server
from tests.image_root import CONNECTOR_DOCKERFILE, EPOCH, build, last, make, pod
from tests.integration.airbyte_support import NAME, write_wheel

pytestmark = [
    pytest.mark.image,
    pytest.mark.skipif(os.geteuid() != 0, reason="a Debian is made and entered by chroot: run it as root"),
    pytest.mark.skipif(not shutil.which("debootstrap"), reason="needs debootstrap: apt-get install debootstrap"),
]
APP = "opt/hallmark"
SITE = f"{APP}/.venv/lib/python3.11/site-packages"
TOOLS = ("hypothesis", "moto", "mypy", "pip", "pytest_timeout", "ruff", "selenium", "uv", "xdist")
SOURCES = {"CRM_URL": "postgresql://crm.example/crm", "DROPS_ROOT": "/scratch", "MAILROOM_ROOT": "/scratch"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root file system, made once."""
    root = tmp_path_factory.mktemp("image") / "root"
    make(root)
    yield root
    subprocess.run(["rm", "-rf", root], check=True)


def test_it_takes_less_than_two_gigabytes(image: Path) -> None:
    whole = subprocess.run(["du", "--block-size=1", "--summarize", image], capture_output=True, text=True, check=True)
    assert int(whole.stdout.split()[0]) < 2_000_000_000


def test_its_user_can_write_nothing_but_scratch_space(image: Path) -> None:
    done = pod(image, "sh", "-c", "id -u; id -g; touch /scratch/a /tmp/a && echo written; touch /opt/hallmark/a")
    assert done.stdout.split() == ["10001", "10001", "written"]
    assert "Read-only file system" in done.stderr
    found = [path for path in (image / "opt").rglob("*") if not path.is_symlink()]
    assert [path for path in found if path.lstat().st_uid or path.lstat().st_mode & 0o022] == []


def test_the_command_line_answers_and_so_does_the_health_check(image: Path) -> None:
    done = pod(image, "hallmark", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Data, tested and stamped" in done.stdout
    check = last("HEALTHCHECK").partition("CMD ")[2]
    assert pod(image, "sh", "-c", check).returncode == 0
    assert pod(image, "sh", "-c", check, HALLMARK_HOME="/opt/hallmark").returncode != 0


def test_doctor_finds_all_that_a_batch_needs(image: Path) -> None:
    done = pod(image, "hallmark", "doctor", "--json", **SOURCES)
    found = {f["check"]: f for f in json.loads(done.stdout)}
    assert [f for f in found.values() if not f["ok"]] == []
    assert "datasets" in found["owners"]["detail"]  # dbt has read its project, whose folder cannot be written
    assert done.returncode == 0


def test_a_flow_run_is_executed_as_by_a_worker(image: Path, tmp_path: Path) -> None:
    with local_server(tmp_path) as url:
        run_id = asyncio.run(_submit())
        done = pod(image, "prefect", "flow-run", "execute", PREFECT_API_URL=url, PREFECT__FLOW_RUN_ID=run_id)
        assert done.returncode == 0, done.stderr[-3000:]
        state = asyncio.run(_state(run_id))
    assert (state.type.value, state.name) == ("COMPLETED", "Completed")


async def _submit() -> str:
    """A run of the deliver flow, whose code is where the image has it."""
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        flow_id = await client.create_flow_from_name("deliver")
        deployment = await client.create_deployment(
            flow_id, "deliver", entrypoint="flows/deliver.py:deliver", path=f"/{APP}"
        )
        return str((await client.create_flow_run_from_deployment(deployment)).id)


async def _state(run_id: str) -> Any:
    from uuid import UUID

    from prefect.client.orchestration import get_client

    async with get_client() as client:
        return (await client.read_flow_run(UUID(run_id))).state


def test_all_is_compiled_and_of_one_time(image: Path) -> None:
    modules = [
        path for folder in ("blocks", "expectations", "flows", "governance", SITE.removeprefix(f"{APP}/"))
        for path in (image / APP / folder).rglob("*.py")
    ]  # fmt: skip
    compiled = {m: m.parent / "__pycache__" / f"{m.stem}.cpython-311.pyc" for m in modules}
    assert len(compiled) > 10_000
    assert [str(m) for m, code in compiled.items() if not code.is_file()] == []
    # Flags of a .pyc: 1 is by hash and unchecked (PEP 552).
    assert {code.read_bytes()[4:8] for code in compiled.values()} == {b"\1\0\0\0"}
    assert [path for path in (image / APP).rglob("*") if path.lstat().st_mtime > EPOCH] == []


def test_the_bill_of_materials_is_what_is_installed(image: Path) -> None:
    bill = json.loads((image / "var/lib/db/sbom/hallmark.cdx.json").read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "hallmark")
    named = {(normal(c["name"]), c["version"]) for c in bill["components"]}
    code = "import importlib.metadata as m, json; print(json.dumps([(d.name, d.version) for d in m.distributions()]))"
    installed = {(normal(name), version) for name, version in json.loads(pod(image, "python", "-c", code).stdout)}
    assert {name for name, _ in installed} >= {"hallmark", "prefect-kubernetes", "dbt-snowflake", "great-expectations"}
    assert {(name, version) for name, version in installed if name != "hallmark"} == named


def normal(name: str) -> str:
    """A package's name, as an index writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_it_has_no_tool_and_no_address_of_an_index(image: Path) -> None:
    assert [tool for tool in TOOLS if (image / SITE / tool).exists()] == []
    assert sorted(path.name for path in (image / "tmp").iterdir()) == []
    kept = [image / "root/.cache", image / "root/.config", image / "etc/pip.conf"]
    assert [path for path in kept if path.exists()] == []


def test_a_connector_is_found_in_its_image(image: Path) -> None:
    wheels = image / "wheels"
    wheels.mkdir()
    write_wheel(wheels)
    build(image, CONNECTOR_DOCKERFILE, CONNECTOR=f"{NAME}==1.0.0", UV_FIND_LINKS="/wheels", UV_NO_INDEX="1")
    shutil.rmtree(wheels)
    spec = {"kind": "airbyte", "connector": f"{NAME}==1.0.0", "config": {}, "owner": "growth", "streams": {"plain": {}}}
    code = (
        "from blocks.sources.airbyte import AirbyteReader; from blocks.sources.spec import SourceSpec; import json\n"
        f"reader = AirbyteReader(SourceSpec.model_validate({{'name': 'shop', **json.loads({json.dumps(spec)!r})}}))\n"
        "print(reader.connector.environment.folder, len(reader.connector.discover()))"
    )
    done = pod(image, "python", "-c", code)
    assert done.stdout.split() == [f"/{APP}/connectors/{NAME}-1.0.0", "3"], done.stderr[-2000:]
