"""GET /v1/spend: who sees what, divided by what, as JSON and as CSV."""

import csv
from collections.abc import AsyncIterator
from io import StringIO
from typing import Any

import httpx
import pytest

from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.reading import Json, World
from tests.support.refused import refusal
from tests.support.spenders import ACME, ANN, BOB, OTHER, SERVICE, spent_world

SPAN: dict[str, Any] = {"from": "2026-11-01", "to": "2026-11-30"}


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    async with spent_world(postgres_server) as made:
        yield made


async def groups(world: World, by: str = "sk-root", **query: str) -> Json:
    return (await world.ok("/v1/spend", by, **SPAN, **query))["groups"]


async def spent_by(world: World, by: str, **query: str) -> float:
    total: float = (await world.ok("/v1/spend", by, **SPAN, **query))["total"]["spend"]
    return total


async def test_v1_spend_shows_everybody_what_is_his_to_see(world: World) -> None:
    assert await spent_by(world, "sk-root") == await spent_by(world, "sk-pat") == 127.0
    assert await spent_by(world, "sk-olga") == 23.0
    assert await spent_by(world, ANN) == 67.0  # her own, and bob's in the team that she leads
    assert await spent_by(world, BOB) == 14.0
    assert await spent_by(world, "sk-idle") == 0.0
    assert await spent_by(world, ANN, team="red") == 3.0
    assert await spent_by(world, BOB, team="red") == 2.0
    assert await spent_by(world, ANN, team="blue") == 0.0
    assert await spent_by(world, ANN, member="bob") == 2.0
    assert await spent_by(world, ANN, key=hash_key(SERVICE)) == 0.0
    world.key("sk-nobody")
    for by in (SERVICE, "sk-nobody"):
        answered = await world.get("/v1/spend", by, None, **SPAN)
        assert (answered.status_code, refusal(answered)) == (
            403,
            ("problem", "User= None not found"),
        )


async def test_v1_spend_divides_by_several_things_at_once(world: World) -> None:
    found = await groups(world, group_by="team,member,day", organization=ACME)
    told = [(of["team_id"], of["user_id"], of["day"], of["spend"]) for of in found]
    assert told == [
        ("red", "ann", "2026-11-17", 1.0),
        ("blue", "bob", "2026-11-18", 4.0),
        ("blue", None, "2026-11-18", 16.0),
        ("red", "bob", "2026-11-18", 2.0),
    ]
    assert found[0] == {
        "team_id": "red",
        "team_alias": "=team red",
        "user_id": "ann",
        "day": "2026-11-17",
        "spend": 1.0,
        "prompt_tokens": 10,
        "completion_tokens": 1,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "total_tokens": 11,
        "successful_requests": 1,
        "failed_requests": 0,
        "api_requests": 1,
    }


async def test_v1_spend_says_in_what_it_divided_and_whether_it_adds_up(world: World) -> None:
    by_tag = await world.ok("/v1/spend", **SPAN, group_by="tag")
    assert {of["tag"]: of["spend"] for of in by_tag["groups"]} == {"=b": 1.0, "a": 3.0, None: 124.0}
    assert (by_tag["overlapping"], by_tag["total"]["spend"]) == (True, 127.0)
    whole = await world.ok("/v1/spend", **SPAN, timezone="Asia/Kolkata", group_by="key, hour ,key")
    told = {name: whole[name] for name in ("from", "to", "timezone", "group_by", "overlapping")}
    assert told == {
        **SPAN,
        "timezone": "Asia/Kolkata",
        "group_by": ["key", "hour"],
        "overlapping": False,
    }
    hours = {of["hour"] for of in whole["groups"]}
    assert hours == {"2026-11-18T05:00:00+05:30", "2026-11-18T17:00:00+05:30"}
    assert sum(of["spend"] for of in whole["groups"]) == 127.0


async def test_v1_spend_takes_filters_repeatedly(world: World) -> None:
    query = [*SPAN.items(), ("team", "red"), ("team", "gone"), ("model", "gpt-4o"), ("tag", "a")]
    answered = await world.http.get(
        "/v1/spend", params=query, headers={"authorization": "Bearer sk-root"}
    )
    assert answered.json()["total"]["spend"] == 1.0
    assert await spent_by(world, "sk-root", provider="azure") == 8.0
    assert await spent_by(world, "sk-root", organization=OTHER) == 8.0


async def test_v1_spend_of_nothing_is_nothing(world: World) -> None:
    page = await world.ok("/v1/spend", **SPAN, team="never", group_by="day")
    assert (page["groups"], page["total"]["spend"], page["total"]["api_requests"]) == ([], 0.0, 0)


def read_csv(answered: httpx.Response) -> list[dict[str, str]]:
    assert answered.headers["content-type"] == "text/csv; charset=utf-8"
    assert "\r\n" in answered.text
    return list(csv.DictReader(StringIO(answered.text)))


async def test_v1_spend_is_csv_to_who_asks_for_it(world: World) -> None:
    query = {**SPAN, "group_by": "team,tag"}
    by_format = await world.get("/v1/spend", "sk-root", None, **query, format="csv")
    headers = {"accept": "text/html, text/csv;q=0.5"}
    by_header = await world.get("/v1/spend", "sk-root", headers, **query)
    assert read_csv(by_format) == read_csv(by_header)
    as_json = await world.get("/v1/spend", "sk-root", headers, **query, format="json")
    assert as_json.json()["group_by"] == ["team", "tag"]


async def test_csv_is_exact_and_computes_nothing(world: World) -> None:
    answered = await world.get(
        "/v1/spend", "sk-root", None, **SPAN, group_by="key,team,tag", format="csv"
    )
    [row] = [row for row in read_csv(answered) if row["tag"] == "'=b"]
    told = (row["key_alias"], row["team_alias"], row["spend"], row["api_requests"])
    assert told == ("'@sk-ann", "'=team red", "1", "1")
    [nobody] = [row for row in read_csv(answered) if row["spend"] == "32"]
    assert (nobody["key"], nobody["team_id"], nobody["tag"]) == ("", "", "")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({}, "query.from: Field required"),
        ({"from": "2026-11-01"}, "query.to: Field required"),
        ({"from": "2026-11-31", "to": "2026-12-01"}, "query.from: "),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "query.to: Value error, must not be before"),
        ({**SPAN, "group_by": "team,week"}, "query.group_by: Value error, 'week' is nothing"),
        ({**SPAN, "timezone": "Mars/Phobos"}, "query.timezone: "),
        ({**SPAN, "format": "xml"}, "query.format: "),
        ({**SPAN, "team": "\0"}, "query.team.0: "),
    ],
)
async def test_v1_spend_refuses_with_problem_details(
    world: World, query: dict[str, str], says: str
) -> None:
    answered = await world.get("/v1/spend", ANN, None, **query)
    assert answered.headers["content-type"] == "application/problem+json"
    shape, text = refusal(answered)
    assert (answered.status_code, shape) == (422, "problem")
    assert says in text
