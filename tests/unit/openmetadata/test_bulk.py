"""Many entities in one call, and the deletion of those that were not seen."""

import time
from typing import Any

from tests.unit.openmetadata.api import COLUMNS, SCHEMA, Api, ref

LABEL = {"source": "Classification", "labelType": "Manual", "state": "Confirmed"}


def body(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "databaseSchema": SCHEMA, "columns": COLUMNS, **more}


def bulk(api: Api, *bodies: Any, status: int = 200, **params: str) -> Any:
    return api.call("PUT", "tables/bulk", status, list(bodies), params=params)


def test_16_items_fail_one_by_one_and_the_answer_is_200(bot: Api) -> None:
    lost = body("lost", databaseSchema="duck.db.nowhere")
    done = bulk(bot, body("a"), lost, body("b::c"), body("d", columns=[*COLUMNS, *COLUMNS]))
    assert done["status"] == "partialSuccess"
    counts = [done[f"numberOfRows{what}"] for what in ("Processed", "Passed", "Failed")]
    assert counts == [4, 1, 3] and len(done["failedRequest"]) == 3
    assert done["successRequest"] == [{"request": f"{SCHEMA}.a", "status": 200}]
    assert {item["status"] for item in done["failedRequest"]} == {400}
    assert done["failedRequest"][0]["request"] == lost and "not found" in done["failedRequest"][0]["message"]
    assert bulk(bot, lost)["status"] == "failure"


def test_16_what_cannot_be_read_refuses_the_whole_call(bot: Api) -> None:
    bulk(bot, body("a"), body("b", colour="red"), status=400)
    assert bot.get("tables")["paging"]["total"] == 0


def test_16_the_same_name_twice_is_created_then_updated(bot: Api) -> None:
    assert bulk(bot, body("a"), body("a", sourceUrl="https://example.com"))["numberOfRowsPassed"] == 2
    assert bot.named("tables", f"{SCHEMA}.a")["version"] == 0.2


def test_an_asynchronous_call_answers_202(bot: Api) -> None:
    assert bulk(bot, body("a"), status=202, **{"async": "true"})["status"] == "running"
    bot.named("tables", f"{SCHEMA}.a")


def test_17_an_item_of_the_same_hash_is_not_looked_at(bot: Api) -> None:
    bulk(bot, body("a", sourceHash="1"))
    assert bulk(bot, body("a", sourceHash="1", description="New."))["status"] == "success"
    assert "description" not in bot.named("tables", f"{SCHEMA}.a")
    bulk(bot, body("a", sourceHash="2", description="New."))
    seen = bot.named("tables", f"{SCHEMA}.a")
    assert seen["description"] == "New." and seen["version"] == 0.2


def test_17_a_deleted_item_is_looked_at_whatever_its_hash(bot: Api) -> None:
    bulk(bot, body("a", sourceHash="1"))
    id_ = bot.named("tables", f"{SCHEMA}.a")["id"]
    bot.call("DELETE", f"tables/{id_}", 200)
    bulk(bot, body("a", sourceHash="1"))
    assert bot.named("tables", f"{SCHEMA}.a")["id"] == id_


def test_17_an_override_replaces_and_never_blanks(bot: Api, human: Api) -> None:
    ours, theirs = (ref(human.put("teams", name=name, teamType="Group"), "team") for name in ("ours", "theirs"))
    columns = [{**COLUMNS[0], "description": "By a person.", "displayName": "Key"}, COLUMNS[1]]
    labels = [{"tagFQN": "Tier.Tier1", **LABEL}, {"tagFQN": "PII.Sensitive", **LABEL}]
    human.table("a", description="By a person.", displayName="Person", owners=[theirs], columns=columns, tags=labels)
    columns = [{**COLUMNS[0], "description": "By the bot.", "displayName": "Bot"}, COLUMNS[1]]
    labels = [{"tagFQN": "Tier.Tier2", **LABEL}]
    sent = body("a", description="By the bot.", owners=[ours], columns=columns, tags=labels, sourceHash="1")
    bulk(bot, sent, overrideMetadata="true")
    seen = bot.named("tables", f"{SCHEMA}.a", fields="owners,tags")
    assert (seen["description"], seen["displayName"]) == ("By the bot.", "Person")
    assert [owner["name"] for owner in seen["owners"]] == ["ours"]
    assert [label["tagFQN"] for label in seen["tags"]] == ["PII.Sensitive", "Tier.Tier2"]
    assert (seen["columns"][0]["description"], seen["columns"][0]["displayName"]) == ("By the bot.", "Key")
    bulk(bot, {**sent, "description": "Newer."}, overrideMetadata="true")
    assert bot.named("tables", f"{SCHEMA}.a")["description"] == "Newer.", "an override looks past the hash"


def test_36_what_was_not_seen_is_deleted_unless_nothing_was_seen(bot: Api) -> None:
    bulk(bot, body("a"), body("b"), body("c"))
    stale = {"scopeFqn": SCHEMA, "scopeEntityType": "databaseSchema", "seenFqns": [f"{SCHEMA}.a"]}

    def delete(**changed: Any) -> int:
        return int(bot.call("DELETE", "tables/deleteStale", 200, {**stale, **changed})["numberOfRowsPassed"])

    assert delete(seenFqns=[]) == delete(scopeFqn="duck.nowhere") == 0
    assert delete(dryRun=True) == 2 and bot.get("tables")["paging"]["total"] == 3
    bot.call("DELETE", "tables/deleteStale", 400, {**stale, "scopeEntityType": "galaxy"})
    assert delete(scopeEntityType="service", scopeFqn="duck") == 2
    assert [table["name"] for table in bot.get("tables")["data"]] == ["a"]


def test_two_thousand_tables_take_seconds(bot: Api) -> None:
    columns = [{"name": f"c{n}", "dataType": "VARCHAR", "dataLength": 9, "description": "x"} for n in range(20)]
    start = time.process_time()
    for at in range(0, 2000, 250):
        bulk(bot, *[body(f"t{n}", columns=columns) for n in range(at, at + 250)])
    assert time.process_time() - start < 20
    assert bot.get("tables", limit=1)["paging"]["total"] == 2000
