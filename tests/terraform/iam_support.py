"""What IAM decides of the policies that were applied, by @cloud-copilot/iam-simulate.

moto's own enforcement ignores conditions' meaning, permissions boundaries, and the wildcard ? of a resource.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.terraform.apps_support import Applied

FOLDER = Path(__file__).with_name("iam")
ACCOUNT = "123456789012"
Policy = dict[str, Any]


@dataclass(frozen=True)
class Try:
    """A request of a role."""

    role: str
    action: str
    resource: str
    context: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Role:
    """What was applied, read back."""

    arn: str
    policies: dict[str, Policy]
    boundary: Policy
    trust: Policy


def read_role(applied: Applied, arn: str) -> Role:
    """A role's inline and attached policies, its boundary, and whom it trusts."""
    iam, name = applied.client("iam"), arn.rpartition("/")[2]

    def managed(policy: str) -> Policy:
        version = iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"]
        found: Policy = iam.get_policy_version(PolicyArn=policy, VersionId=version)["PolicyVersion"]["Document"]
        return found

    role = iam.get_role(RoleName=name)["Role"]
    inline = {
        policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    }
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    policies = inline | {policy["PolicyName"]: managed(policy["PolicyArn"]) for policy in attached}
    boundary = managed(role["PermissionsBoundary"]["PermissionsBoundaryArn"])
    return Role(arn, policies, boundary, role["AssumeRolePolicyDocument"])


def install() -> None:
    """The packages of package-lock.json, once."""
    if not (FOLDER / "node_modules" / ".package-lock.json").exists():
        npm = [str(shutil.which("npm")), "ci", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(npm, cwd=FOLDER, check=True, timeout=300)


def decide(simulations: Sequence[dict[str, Any]]) -> list[str]:
    """Allowed, ImplicitlyDenied or ExplicitlyDenied of each."""
    done = subprocess.run(
        ["node", "decide.mjs"], cwd=FOLDER, input=json.dumps(simulations), capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[str] = json.loads(done.stdout)
    return found


def simulation(role: Role, one: Try, resource_policy: Policy | None) -> dict[str, Any]:
    """A request as the library takes it."""
    context = {"aws:PrincipalArn": role.arn, "aws:SecureTransport": "true", **one.context}
    found = {
        "identityPolicies": [{"name": name, "policy": policy} for name, policy in role.policies.items()],
        "permissionBoundaryPolicies": [{"name": "boundary", "policy": role.boundary}],
        "serviceControlPolicies": [], "resourceControlPolicies": [],
        "request": {
            "action": one.action, "principal": role.arn, "contextVariables": context,
            "resource": {"resource": one.resource, "accountId": ACCOUNT},
        },
    }  # fmt: skip
    return found | ({"resourcePolicy": resource_policy} if resource_policy else {})
