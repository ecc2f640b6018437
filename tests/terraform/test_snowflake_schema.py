"""The Snowflake side against the provider's published schema, since the provider itself cannot be had everywhere."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.trees import TERRAFORM, Parsed, Part, parts, references, schema, tree, wrong

pytestmark = pytest.mark.terraform
MODULE = TERRAFORM / "modules" / "snowflake"
ROOTS = [TERRAFORM / "environments" / name / "snowflake" for name in ("dev", "prod")]


def resources(folder: Path) -> list[Part]:
    """The Snowflake resources of a folder."""
    return [p for p in parts(tree(folder)) if p.kind == "resource" and p.labels[0].startswith("snowflake_")]


def problems(part: Part) -> list[str]:
    """What is wrong with a resource, by the schema."""
    known = schema()["resources"].get(part.labels[0])
    if known is None:
        return [f"{part}: unknown resource"]
    found = [f"{part}: {what}" for what in wrong(part.body, known)]
    for type_, attribute in references(part.body):
        other = schema()["resources"].get(type_)
        if other is None or attribute not in {*other["arguments"], *other["blocks"], *other["computed"]}:
            found.append(f"{part}: refers to {type_} … .{attribute}, which there is not")
    for block in part.body.get("lifecycle", []):
        for name in block.get("ignore_changes", []):
            if str(name).strip("${}") not in known["arguments"]:
                found.append(f"{part}: ignores changes of {name}, which is no argument")
    return found


def test_every_resource_is_as_the_provider_has_it() -> None:
    found = resources(MODULE)
    assert len(found) > 20
    assert not (problem := [p for part in found for p in problems(part)]), "\n".join(problem)


def _drop(name: str) -> Callable[[Parsed], object]:
    return lambda body: body.pop(name)


def _set(name: str, value: Any) -> Callable[[Parsed], object]:
    return lambda body: body.update({name: value})


@pytest.mark.parametrize(
    ("resource", "change", "said"),
    [
        ("snowflake_warehouse.this", _set("auto_suspended", 60), "auto_suspended: unknown argument"),
        ("snowflake_warehouse.this", _drop("name"), "name: is required, and missing"),
        ("snowflake_warehouse.this", _set("auto_suspend", '"soon"'), "is no number"),
        ("snowflake_warehouse.this", _set("comment", ["a"]), "where a string is wanted"),
        ("snowflake_database.this", _set("drop_public_schema_on_creation", '"maybe"'), "is no bool"),
        ("snowflake_storage_integration.landing", _set("storage_allowed_locations", '"s3://x/"'), "a list is wanted"),
        ("snowflake_masking_policy.pii", _drop("argument"), "argument: is required, and missing"),
        ("snowflake_grant_ownership.made", lambda b: b["on"][0]["future"][0].pop("object_type_plural"),
         "on.future.object_type_plural: is required, and missing"),
        ("snowflake_grant_ownership.made", lambda b: b["on"][0]["future"][0].update(in_shema='"x"'),
         "on.future.in_shema: unknown argument"),
        ("snowflake_grant_ownership.made", lambda b: b["on"].append(b["on"][0]), "on: stands 2 times"),
        ("snowflake_tag.pii", _set("schema", "${snowflake_schema.this[\"OPS\"].nome}"), "nome, which there is not"),
        ("snowflake_service_user.this", lambda b: b["lifecycle"][0]["ignore_changes"].append("rsa_key"),
         "ignores changes of rsa_key"),
        ("snowflake_service_user.this", _set("password", '"x"'), "password: unknown argument"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(resource: str, change: Callable[[Parsed], object], said: str) -> None:
    [part] = [p for p in resources(MODULE) if ".".join(p.labels) == resource]
    assert not problems(part)
    changed = copy.deepcopy(part.body)
    change(changed)
    assert said in "\n".join(problems(Part(part.file, part.kind, part.labels, changed)))


def test_an_unknown_resource_is_named() -> None:
    assert problems(Part("x.tf", "resource", ("snowflake_role", "x"), {})) == [
        "x.tf: resource snowflake_role.x: unknown resource"
    ]


@pytest.mark.parametrize("folder", [MODULE, *ROOTS], ids=lambda f: f"{f.parent.name}-{f.name}")
def test_the_version_is_that_of_the_schema(folder: Path) -> None:
    text = (folder / "versions.tf").read_text("utf-8")
    assert re.search(r'source\s+= "snowflakedb/snowflake"\n\s+version\s+= "([^"]+)"', text)[1] == schema()["provider"]  # type: ignore[index]


@pytest.mark.parametrize("root", ROOTS, ids=lambda f: f.parent.name)
def test_providers_are_configured_as_they_can_be(root: Path) -> None:
    providers = [p for p in parts(tree(root)) if p.kind == "provider"]
    block = copy.deepcopy(schema()["configuration"])
    block["arguments"]["alias"] = {"required": False, "kind": "string"}
    assert [w for p in providers for w in wrong(p.body, block)] == []
    aliases = {p.body.get("alias", "").strip('"'): p.body for p in providers}
    assert set(aliases) == {"", "objects", "roles", "grants"}
    assert aliases[""]["role"] == '"PUBLIC"', "what names no provider has no rights"
    secret = ("password", "private_key", "token", "passcode", "private_key_passphrase")
    assert not [name for body in aliases.values() for name in secret if name in body]


def test_every_resource_names_its_provider_and_preview_features_are_on_where_they_are_used() -> None:
    used: dict[str, set[str]] = {}
    for part in resources(MODULE):
        assert "provider" in part.body, f"{part}: takes the provider without rights"
        used.setdefault(part.body["provider"].strip("${}").partition(".")[2], set()).add(part.labels[0])
    assert set(used) == {"objects", "roles", "grants"}
    for root in ROOTS:
        enabled = {
            p.body["alias"].strip('"'): {f.strip('"') for f in p.body.get("preview_features_enabled", [])}
            for p in parts(tree(root)) if p.kind == "provider" and "alias" in p.body
        }  # fmt: skip
        needed = {
            alias: {f"{t}_resource" for t in types if f"{t}_resource" in schema()["preview"]}
            for alias, types in used.items()
        }
        assert enabled == needed


@pytest.mark.parametrize("file", sorted(p.name for p in ROOTS[0].glob("*.tf")))
def test_dev_and_prod_differ_by_their_values_alone(file: str) -> None:
    assert len({(root / file).read_text("utf-8") for root in ROOTS}) == 1
    assert {p.name for p in ROOTS[0].glob("*.tf")} == {p.name for p in ROOTS[1].glob("*.tf")}


TABLES = (
    r"local\.grants\.(database|account|schema|future|table|warehouse|integration|owned|made|snowflake)"
    r"|module\.access\.(within|owners|users)|var\.landing == null \? \{\} : local\.grants\.integration"
)


def test_every_grant_is_a_row_of_a_table() -> None:
    found = [p for p in resources(MODULE) if p.labels[0].startswith("snowflake_grant_")]
    assert len(found) > 10
    for part in found:
        assert re.fullmatch(rf"\$\{{(?:{TABLES})\}}", str(part.body.get("for_each"))), part
        to = [part.body[n] for n in ("account_role_name", "parent_role_name", "user_name") if n in part.body]
        assert len(to) == 1, part
        assert re.match(
            r"\$\{(local\.role_names\[|var\.objects_role|snowflake_service_user\.this\[each\.key\])", to[0]
        ), part


def test_a_service_user_has_a_key_an_address_and_both_places_for_keys_left_to_rotation() -> None:
    [user] = [p for p in resources(MODULE) if p.labels[0] == "snowflake_service_user"]
    assert user.body["default_secondary_roles_option"] == '"NONE"', "no role beside its own"
    assert user.body["network_policy"] == "${local.policies[each.key]}", "a policy for each user"
    assert user.body["lifecycle"][0]["ignore_changes"] == ["rsa_public_key", "rsa_public_key_2"]
    assert not [p for p in resources(MODULE) if p.labels[0] in ("snowflake_user", "snowflake_legacy_service_user")]


def test_a_warehouse_sleeps_stops_and_has_a_quota() -> None:
    [warehouse] = [p for p in resources(MODULE) if p.labels[0] == "snowflake_warehouse"]
    asked = {"auto_suspend", "statement_timeout_in_seconds", "statement_queued_timeout_in_seconds", "resource_monitor"}
    assert asked <= set(warehouse.body)
    for root in ROOTS:
        rows = re.findall(r"^  [A-Z]+\s+= \{.*timeout = (\d+).*monthly_credits = (\d+)", values_of(root), re.M)
        assert len(rows) == 5
        assert all(0 < int(timeout) <= 3600 and int(quota) > 0 for timeout, quota in rows)


def values_of(root: Path) -> str:
    """The file of a root's values."""
    return (root / "terraform.tfvars").read_text("utf-8")


@pytest.mark.parametrize("root", ROOTS, ids=lambda f: f.parent.name)
def test_what_is_handed_to_the_module_is_what_it_takes(root: Path) -> None:
    takes = {p.labels[0]: p.body for p in parts(tree(MODULE)) if p.kind == "variable"}
    [call] = [p for p in parts(tree(root)) if p.kind == "module"]
    given = set(call.body) - {"source", "providers", "__is_block__"}
    assert given == set(takes)
    declared = {p.labels[0]: "default" in p.body for p in parts(tree(root)) if p.kind == "variable"}
    values = set(re.findall(r"^(\w+)\s*=", values_of(root), re.M))
    assert values <= set(declared)
    assert {name for name, optional in declared.items() if not optional} <= values
