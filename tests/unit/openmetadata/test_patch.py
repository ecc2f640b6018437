"""PATCH: its content type, its guard against a change in between, and what it cannot change."""

from tests.unit.openmetadata.api import SCHEMA, Api

PATH = f"tables/name/{SCHEMA}.orders"
DESCRIBE = {"op": "add", "path": "/description", "value": "One."}


def test_29_a_patch_has_the_content_type_of_one(bot: Api) -> None:
    bot.table()
    bot.call("PATCH", PATH, 415, [DESCRIBE])
    bot.patch(PATH, DESCRIBE)


def test_29_identity_and_parents_stay(bot: Api) -> None:
    before = bot.table()
    other = bot.put("databaseSchemas", name="other", database="duck.db")
    after = bot.patch(
        PATH,
        {"op": "replace", "path": "/name", "value": "renamed"},
        {"op": "replace", "path": "/id", "value": other["id"]},
        {"op": "replace", "path": "/fullyQualifiedName", "value": "x.y"},
        {"op": "replace", "path": "/databaseSchema/id", "value": other["id"]},
        DESCRIBE,
    )
    assert after["description"] == "One."
    for member in ("id", "name", "fullyQualifiedName", "databaseSchema"):
        assert after[member] == before[member]


def test_29_if_match_guards_against_a_change_in_between(bot: Api) -> None:
    bot.table()
    etag = bot.http.get(PATH).headers["etag"]
    assert len(etag.strip('"')) == 16
    assert bot.patch(PATH, DESCRIBE, If_Match=etag)["version"] == 0.2
    again = {**DESCRIBE, "value": "Two."}
    bot.patch(PATH, again, status=412, If_Match=etag)
    bot.patch(PATH, again, status=412, If_Match='W/"0.1"')
    assert bot.patch(PATH, again, If_Match='"abc", W/"0.2"')["version"] == 0.3
    assert bot.patch(PATH, DESCRIBE, If_Match="*")["version"] == 0.4


def test_a_patch_that_does_not_fit_is_refused(bot: Api) -> None:
    bot.table()
    bot.patch(PATH, {"op": "remove", "path": "/nothing"}, status=400)
    bot.patch(PATH, {"op": "add", "path": "/colour", "value": "red"}, status=400)
    bot.patch(PATH, {"op": "replace", "path": "/columns/0/dataType", "value": "HUGEINT"}, status=400)
    bot.patch(PATH, {"op": "add", "path": "/deleted", "value": True}, status=400)
    assert bot.named("tables", f"{SCHEMA}.orders")["version"] == 0.1
