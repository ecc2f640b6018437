"""A provider of Terraform's that has a schema and nothing else: for `terraform validate`, and for tests that mock it.

Run by terraform, in the environment of requirements-terraform.lock; the first argument is the file of the schema, as
read_schema.py prints it. It makes nothing: to plan or to apply without a mock fails.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import tf.provider
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc
from tf.runner import run_provider


def attribute(name: str, declared: dict[str, Any]) -> Any:
    """An argument. What Snowflake gives where nothing is said is not told by the schema: only `id` is computed."""
    kind = [declared["kind"], declared["of"]] if declared["kind"] in ("list", "map") else declared["kind"]
    required = declared["required"]
    return pb.Schema.Attribute(
        name=name, type=json.dumps(kind).encode(), required=required, optional=not required, computed=name == "id"
    )


def block(declared: dict[str, Any], computed: list[str]) -> Any:
    """A block with what is within it, and what only the provider knows."""
    arguments, blocks = declared["arguments"], declared["blocks"]
    known = [name for name in computed if name not in {*arguments, *blocks}]
    return pb.Schema.Block(
        attributes=[
            *(attribute(name, one) for name, one in arguments.items() if name != "alias"),
            *(pb.Schema.Attribute(name=name, type=b'"string"', computed=True) for name in known),
        ],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name, block=block(one["block"], []), nesting=pb.Schema.NestedBlock.LIST,
                min_items=int(one["required"]), max_items=0 if one["many"] else 1,
            )
            for name, one in blocks.items()
        ],
    )  # fmt: skip


class Schemas(rpc.ProviderServicer):  # type: ignore[misc]
    """What terraform asks before it plans."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    def GetProviderSchema(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name, as those below
        """All resources."""
        resources = {
            name: pb.Schema(version=0, block=block(one, one["computed"]))
            for name, one in self.schema["resources"].items()
        }
        configuration = pb.Schema(version=0, block=block(self.schema["configuration"], []))
        return pb.GetProviderSchema.Response(provider=configuration, resource_schemas=resources)

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Terraform has held it against the schema."""
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The same."""
        return pb.ValidateResourceConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nobody is connected to."""
        return pb.ConfigureProvider.Response()

    def StopProvider(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing is under way."""
        return pb.StopProvider.Response()


if __name__ == "__main__":
    served = Schemas(json.loads(Path(sys.argv[1]).read_text("utf-8")))
    tf.provider.ProviderServicer = lambda _: served  # the one that run_provider makes
    run_provider(None)
