"""Tokens, policies, and what needs neither."""

import httpx
import pytest

from tests.openmetadata.server import Server
from tests.unit.openmetadata.api import Api, ref


def test_the_version_needs_no_token(server: Server) -> None:
    assert httpx.get(f"{server.url}/v1/system/version").json()["version"].startswith("2.0.")


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer nonsense", "Basic YWRtaW46YWRtaW4="])
def test_14_a_call_without_a_good_token_is_refused(server: Server, header: str | None) -> None:
    answer = httpx.get(f"{server.url}/v1/tables", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401 and answer.json().keys() == {"code", "message"}
    assert answer.headers["www-authenticate"] == "om-auth"


def test_14_an_expired_token_has_a_message_of_its_own(server: Server) -> None:
    messages = {
        Api(server, token).get("tables", 401)["message"] for token in (server.expired_token(), "not.a.token")
    }  # fmt: skip
    assert len(messages) == 2


def test_14_a_new_token_ends_the_old_one_at_once(server: Server) -> None:
    old = Api(server, server.token)
    old.get("tables")
    new = Api(server, server.rotate_token())
    old.get("tables", 401)
    new.get("tables")
    Api(server, server.admin_token).get("tables")


def test_a_policy_that_refuses_says_who_may_not_do_what(server: Server, bot: Api) -> None:
    one, two = bot.table("a"), bot.table("b")
    edge = {"fromEntity": ref(one, "table"), "toEntity": ref(two, "table")}
    server.deny("EditLineage")
    message = bot.refused("lineage", 403, edge=edge)
    assert "ingestion-bot" in message and "EditLineage" in message
    bot.table("c")
    server.deny()
    bot.put("lineage", edge=edge)


def test_who_am_i(server: Server, bot: Api, human: Api) -> None:
    assert bot.get("users/loggedInUser")["isBot"] is True
    assert human.get("users/loggedInUser")["name"] == "admin"
