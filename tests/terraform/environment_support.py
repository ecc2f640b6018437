"""The AWS side of an environment, applied to moto by Terraform in a copy of what it needs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.terraform.apps_support import ALL_AT_ONCE, ROOT, Applied, archives, first_values, mirror, post, terraform

# Terraform merges this into the root's files: where moto is, and no role, which moto would hand out to anybody.
OVERRIDE = """
terraform {{
  backend "local" {{}}
}}

provider "aws" {{
  access_key        = "testing"
  secret_key        = "testing"
  s3_use_path_style = true
  assume_role {{
    role_arn = null
  }}
  endpoints {{
{endpoints}
  }}
}}

provider "aws" {{
  alias             = "platform"
  access_key        = "testing"
  secret_key        = "testing"
  s3_use_path_style = true
  assume_role {{
    role_arn = null
  }}
  endpoints {{
{endpoints}
  }}
}}
"""
# What moto does not keep of what it was told, or answers in its own way: only of these a second plan asks nothing.
FORGOTTEN = {
    "cluster": {
        "aws_eks_cluster.this": "access_config",
        "aws_eks_node_group.this": "scaling_config[0].desired_size, remote_access, update_config",
        "aws_launch_template.this": "tag_specifications, vpc_security_group_ids",
    },
    "database": {
        "aws_db_instance.this": "performance_insights_enabled, performance_insights_kms_key_id",
        "aws_db_parameter_group.this": "parameter",
    },
    "events": {"aws_sqs_queue.arrived": "redrive_policy"},
    "landing": {"aws_s3_bucket_notification.this": "eventbridge"},
    "network": {
        f"aws_vpc_security_group_{way}_rule.{name}": "description"
        for way in ("ingress", "egress")
        for name in ("group", "nodes")
    },
    "secrets": {"aws_lambda_function.rotation": "dead_letter_config"},
}

SERVICES = (
    "acm", "budgets", "cloudwatch", "cloudwatchlogs", "cognitoidp", "configservice", "dynamodb", "ec2", "ecr", "eks",
    "elbv2",
    "eventbridge", "iam", "kms", "lambda", "rds", "route53", "s3", "secretsmanager", "sns", "sqs", "sts",
)  # fmt: skip


def ignoring(address: str, what: str) -> str:
    """A resource whose attributes are left as they are answered."""
    kind, name = address.split(".")
    return f'resource "{kind}" "{name}" {{\n  lifecycle {{\n    ignore_changes = [{what}]\n  }}\n}}\n'


class Environment:
    """One root in a folder of its own, and the moto that it is applied to."""

    def __init__(self, folder: Path, url: str, root: str = "terraform/environments/dev/aws") -> None:
        left_out = shutil.ignore_patterns(".terraform*", "*.tfstate*", "dist", "snowflake")
        shutil.copytree(ROOT / "terraform", folder / "terraform", ignore=left_out)
        (folder / "flows").mkdir()
        shutil.copy(ROOT / "flows" / "sources.yml", folder / "flows")
        dist = folder / "terraform" / "lambda" / "dist"
        made = ROOT / "terraform" / "lambda" / "dist"
        shutil.copytree(made, dist) if made.is_dir() else archives(dist)
        self.url, self.root = url, folder / root
        endpoints = "\n".join(f'    {service} = "{url}"' for service in SERVICES)
        (self.root / "emulated_override.tf").write_text(OVERRIDE.format(endpoints=endpoints))
        for module, resources in FORGOTTEN.items():
            file = folder / "terraform" / "modules" / module / "emulated_override.tf"
            file.write_text("".join(ignoring(address, what) for address, what in resources.items()))
        # Lambda's functions are not run by moto, which needs Docker for it.
        post(f"{url}/moto-api/config", {"lambda": {"use_docker": False}})
        self.run("init", "-input=false", *([f"-plugin-dir={found}"] if (found := mirror()) else []))

    def run(self, *arguments: str) -> str:
        """What Terraform prints."""
        return terraform(self.root, *arguments)

    def apply(self, *given: str) -> None:
        """Apply, with variables as `-var=…`."""
        with first_values(self.url):
            self.run("apply", *ALL_AT_ONCE, "-var=emulated=true", *given)

    def changes(self, *given: str) -> dict[str, list[str]]:
        """Address → actions that a plan would take."""
        self.run("plan", "-input=false", "-var=emulated=true", "-out=plan", *given)
        plan = json.loads(self.run("show", "-json", "plan"))
        taken = {c["address"]: c["change"]["actions"] for c in plan.get("resource_changes", [])}
        return {address: actions for address, actions in taken.items() if actions not in (["no-op"], ["read"])}

    def take(self) -> None:
        """What the last plan would change."""
        self.run("apply", *ALL_AT_ONCE, "plan")

    def outputs(self) -> dict[str, Any]:
        """The root's outputs."""
        return {name: found["value"] for name, found in json.loads(self.run("output", "-json")).items()}

    def managed(self) -> list[str]:
        """Addresses of what is in the state, without data."""
        return [
            line
            for line in self.run("state", "list").splitlines()
            if ".data." not in line and not line.startswith("data.")
        ]

    def applied(self) -> Applied:
        """What tests ask of it."""
        return Applied(self.url, self.root, self.outputs())

    def destroy(self, *given: str) -> None:
        """Destroy everything, as the state has it."""
        self.run("destroy", *ALL_AT_ONCE, "-refresh=false", "-var=emulated=true", *given)
