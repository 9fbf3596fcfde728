"""GET /spend/logs/v2: single calls, whose and which of them."""

from collections.abc import AsyncIterator

import pytest

from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.reading import World, text_of
from tests.support.spenders import ACME, ANN, BOB, DAYS, SERVICE, spent_world

LOGS = "/spend/logs/v2"


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    async with spent_world(postgres_server) as made:
        yield made


async def logged(world: World, by: str = "sk-root", **query: str | int) -> list[str]:
    page = await world.ok(LOGS, by, **DAYS, **query)
    assert page["total"] == len(page["data"])
    return [row["request_id"] for row in page["data"]]


async def test_single_calls_are_found_by_what_is_known_of_them(world: World) -> None:
    newest = ["fix", "call-6", "call-5", "call-4", "call-3", "call-2", "call-1", "call-0"]
    assert await logged(world) == await logged(world, "sk-pat") == newest
    for query, expected in (
        ({"team_id": "red"}, ["call-1", "call-0"]),
        ({"team_id": "red", "sort_order": "asc"}, ["call-0", "call-1"]),
        ({"user_id": "bob"}, ["call-3", "call-2", "call-1"]),
        ({"api_key": hash_key(SERVICE)}, ["call-4"]),
        ({"key_alias": f"@{SERVICE}"}, ["call-4"]),
        ({"model": "o3"}, ["call-4", "call-1"]),
        ({"status": "failure"}, ["call-2"]),
        ({"status_filter": "success", "team_id": "blue"}, ["call-4"]),
        ({"request_id": "call-3"}, ["call-3"]),
        ({"min_spend": "2", "max_spend": "4"}, ["call-2", "call-1"]),
        ({"sort_by": "spend", "min_spend": "16"}, ["call-6", "call-5", "call-4"]),
        ({"sort_by": "spend", "sort_order": "asc", "user_id": "ann"}, ["fix", "call-0", "call-6"]),
        ({"sort_by": "total_tokens", "team_id": "blue"}, ["call-4", "call-2"]),
        ({"sort_by": "request_duration_ms", "team_id": "blue"}, ["call-4", "call-2"]),
        ({"sort_by": "endTime", "team_id": "red"}, ["call-1", "call-0"]),
    ):
        assert await logged(world, **query) == expected, query


async def test_times_of_single_calls_are_to_the_second(world: World) -> None:
    async def between(start: str, end: str) -> list[str]:
        query = {"start_date": start, "end_date": end, "team_id": "red"}
        return [row["request_id"] for row in (await world.ok(LOGS, **query))["data"]]

    assert await between("2026-11-17 23:30:00", "2026-11-17 23:30:00") == ["call-0"]
    assert await between("2026-11-17 23:30:01", "2026-11-18 11:59:59") == []
    assert await between("2026-11-18", "2026-11-18") == ["call-1"]
    assert await between("2026-11-17T23:00:00", "2026-11-18T12:00:00") == ["call-1", "call-0"]
    assert await between("0001-01-01", "9999-12-31") == ["call-1", "call-0"]


async def test_pages_of_single_calls_hold_each_once(world: World) -> None:
    found = []
    for number in range(1, 5):
        page = await world.ok(LOGS, **DAYS, page=number, page_size=3)
        assert (page["total"], page["page"], page["page_size"], page["total_pages"]) == (
            *(8, number, 3),
            3,
        )
        found += [row["request_id"] for row in page["data"]]
    assert sorted(found) == sorted(await logged(world))


async def test_a_single_call_has_the_columns_of_the_contract(world: World) -> None:
    [row] = (await world.ok(LOGS, **DAYS, request_id="call-0"))["data"]
    assert row["metadata"] == {
        "status": "success",
        "user_api_key": hash_key(ANN),
        "user_api_key_alias": f"@{ANN}",
        "user_api_key_user_id": "ann",
        "user_api_key_team_id": "red",
        "user_api_key_team_alias": "=team red",
        "user_api_key_org_id": ACME,
    }
    assert (row["spend"], row["startTime"], row["request_tags"]) == (
        *(1.0, "2026-11-17T23:30:00Z"),
        ["=b", "a"],
    )
    [fix] = (await world.ok(LOGS, **DAYS, request_id="fix"))["data"]
    assert (fix["spend"], fix["status"], fix["metadata"]["corrects"]) == (0.5, None, "call-6")
    assert await world.ok("/spend/logs/ui", **DAYS) == await world.ok(LOGS, **DAYS)


async def test_others_see_single_calls_only_at_a_dashboard(world: World) -> None:
    for by in (ANN, BOB, "sk-olga", SERVICE):
        status, text = await world.refused(LOGS, by, **DAYS)
        assert status == 401
        assert "Only proxy admin" in text
    ann, bob = "sk-ann-session", "sk-bob-session"
    assert await logged(world, ann) == ["fix", "call-6", "call-0"]
    assert await logged(world, bob) == ["call-3", "call-2", "call-1"]
    assert await logged(world, ann, team_id="red") == ["call-1", "call-0"]
    assert await logged(world, ann, user_id="bob") == []
    for by, of in ((bob, "red"), (ann, "blue"), (ann, "never"), (bob, "gone")):
        text = f"Not authorized to view team spend for team_id={of}"
        assert await world.refused(LOGS, by, **DAYS, team_id=of) == (403, text)


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({}, 400, "Start date and end date are required"),
        ({"start_date": "2026-11-01"}, 400, "Start date and end date are required"),
        ({**DAYS, "end_user": "x"}, 400, "The end user of a call is not kept"),
    ],
)
async def test_single_calls_are_of_a_time(
    world: World, query: dict[str, str], status: int, says: str
) -> None:
    answered = await world.get(LOGS, "sk-root", None, **query)
    assert answered.status_code == status
    assert says in text_of(answered.json())


@pytest.mark.parametrize(
    "wrong",
    [
        *({"start_date": "yesterday"}, {"start_date": "2026-02-30"}, {"end_date": "2026-10-31"}),
        *({"start_date": "2026-11-01 25:00:00"}, {"sort_by": "position"}, {"sort_order": "up"}),
        *({"page_size": 101}, {"page": 0}, {"status": "pending"}, {"min_spend": "NaN"}),
        *({"max_spend": "1e99"}, {"team_id": "\0"}, {"end_date": "2026-11-01T00:00:00+01:00"}),
    ],
)
async def test_a_wrong_question_about_single_calls_is_422(
    world: World, wrong: dict[str, str | int]
) -> None:
    answered = await world.get(LOGS, "sk-root", None, **{**DAYS, **wrong})
    assert answered.status_code == 422
    [entry] = answered.json()["detail"]
    assert entry["loc"] in [["query", name] for name in (*wrong, "end_date")]
