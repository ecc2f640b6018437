"""What Secrets Manager does around a rotation, and a function that is killed at any of its calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends

from tests.terraform.apps_support import REGION, ROOT

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
LAMBDA = ROOT / "terraform" / "lambda"
# Runs the steps, and ends by SIGKILL before (even numbers) or after (odd ones) one call to AWS, a server or a database.
KILLED = """
import json, os, signal, sys
sys.path.insert(0, sys.argv[1])
event, limit = json.loads(sys.argv[2]), int(sys.argv[3])
import botocore.client, pg8000.native, urllib.request
from rotation import handler
seen = 0

def counted(function):
    def call(*args, **kwargs):
        global seen
        mine, seen = seen, seen + 1
        if limit == 2 * mine:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return function(*args, **kwargs)
        finally:
            if limit == 2 * mine + 1:
                os.kill(os.getpid(), signal.SIGKILL)
    return call

botocore.client.BaseClient._make_api_call = counted(botocore.client.BaseClient._make_api_call)
pg8000.native.Connection.run = counted(pg8000.native.Connection.run)
urllib.request.urlopen = counted(urllib.request.urlopen)
for step in sys.argv[4:]:
    handler.handle({**event, "Step": step})
"""


@dataclass
class Secret:
    """One secret, as Secrets Manager has it before it calls the function."""

    manager: Any
    name: str

    @property
    def _kept(self) -> Any:
        [backend] = [b[REGION] for b in secretsmanager_backends.values() if self.name in b[REGION].secrets]
        return backend.secrets[self.name]

    def begin(self, value: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The event of a new rotation; what Secrets Manager does first is to make a version without a value."""
        if value is not None:
            self.manager.put_secret_value(SecretId=self.name, SecretString=json.dumps(value))
        token, kept = str(uuid.uuid4()), self._kept
        kept.rotation_requested = kept.rotation_enabled = True
        kept.remove_version_stages_from_old_versions(["AWSPENDING"])
        kept.versions[token] = {"createdate": 0, "version_id": token, "version_stages": ["AWSPENDING"]}
        return {"SecretId": str(kept.arn), "ClientRequestToken": token}

    def value(self, stage: str = "AWSCURRENT") -> dict[str, Any]:
        """The value of a stage."""
        text = self.manager.get_secret_value(SecretId=self.name, VersionStage=stage)["SecretString"]
        found: dict[str, Any] = json.loads(text)
        return found

    def stages(self) -> dict[str, list[str]]:
        """Version → its stages."""
        found: dict[str, list[str]] = self.manager.describe_secret(SecretId=self.name)["VersionIdsToStages"]
        return found


def kill_at(point: int, event: Mapping[str, str], steps: tuple[str, ...] = STEPS) -> bool:
    """Run the steps in a process that is killed at a point; whether it was, or came to its end before."""
    command = [sys.executable, "-c", KILLED, str(LAMBDA), json.dumps(event), str(point), *steps]
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False, timeout=60)
    if done.returncode == 0:
        return False
    assert done.returncode == -9, done.stderr[-2000:]
    return True


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that vouches for itself, and its key."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / "server.crt", folder / "server.key"
    form = serialization.PrivateFormat.PKCS8
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    paths[1].chmod(0o600)
    return paths
