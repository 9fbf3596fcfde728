"""GET /team/daily/activity: its parameters and who may ask for what (team-api.md 3.19)."""

from collections.abc import AsyncIterator

import pytest

from events.team import MemberRemoved, TeamDeleted
from services.database.embedded import EmbeddedServer
from tests.support.facts import settings
from tests.support.postgres import fresh_database
from tests.support.reading import Json, World, reading, team

PATH = "/team/daily/activity"
DAYS = {"start_date": "2026-03-01", "end_date": "2026-03-31"}
EMPTY: Json = {
    "results": [],
    "metadata": {
        "total_spend": 0.0,
        "total_prompt_tokens": 0,
        "total_completion_tokens": 0,
        "total_tokens": 0,
        "total_api_requests": 0,
        "total_successful_requests": 0,
        "total_failed_requests": 0,
        "total_cache_read_input_tokens": 0,
        "total_cache_creation_input_tokens": 0,
        "page": 1,
        "total_pages": 0,
        "has_more": False,
    },
}


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Ann administers `led` and is in `plain`; `gone` and `left` are behind her."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            await world.user("root", role="proxy_admin")
            await world.user("pat", role="proxy_admin_viewer")
            await world.user("ann")
            await world.user("idle")
            for name in ("root", "pat", "ann", "idle", "dan"):
                world.key(f"sk-{name}", user_id=name)
            world.team("led", {"ann": "admin", "dan": "user"})
            world.team("plain", {"ann": "user"})
            world.team("foreign", {"cy": "user"})
            world.team("left", {"ann": "admin"})
            world.tell((team("left"), MemberRemoved(user_id="ann", role="admin")))
            world.team("gone", {"ann": "admin"})
            world.tell((team("gone"), TeamDeleted(settings=settings(), members_total=1)))
            world.key("sk-team", team_id="led")
            world.key("sk-nobody")
            yield world


CALLERS = ["sk-1234-test-master", "sk-root", "sk-pat", "sk-ann", "sk-idle"]


@pytest.mark.parametrize("by", CALLERS)
async def test_of_an_empty_ledger_everything_is_there_and_zero(world: World, by: str) -> None:
    answered = await world.get(PATH, by, None, **DAYS)
    assert (answered.status_code, answered.json()) == (200, EMPTY)
    assert answered.headers["x-event-position"] == str(world.history.position)
    page = await world.ok(PATH, by, **DAYS, page=7, page_size=1000, model="m", api_key="sk-x")
    assert page == {**EMPTY, "metadata": {**EMPTY["metadata"], "page": 7}}


@pytest.mark.parametrize("by", ["sk-1234-test-master", "sk-pat"])
async def test_admins_and_viewers_may_name_any_team(world: World, by: str) -> None:
    assert await world.ok(PATH, by, **DAYS, team_ids="led,foreign,never") == EMPTY


@pytest.mark.parametrize("team_ids", ["led", "led,plain", "plain,led,plain", "", ",led,"])
async def test_others_may_name_teams_they_are_in(world: World, team_ids: str) -> None:
    assert await world.ok(PATH, "sk-ann", **DAYS, team_ids=team_ids) == EMPTY
    assert await world.ok(PATH, "sk-ann", **DAYS, exclude_team_ids=f"foreign,{team_ids}") == EMPTY


@pytest.mark.parametrize(
    ("team_ids", "named"),
    [
        ("foreign", "foreign"),
        ("led,foreign", "foreign"),
        ("never", "never"),
        ("gone", "gone"),
        ("left", "left"),
        ("never,foreign", "never"),
        ("led, plain", " plain"),
    ],
)
async def test_d19_each_team_must_be_ones_own_and_others_might_not_exist(
    world: World, team_ids: str, named: str
) -> None:
    text = f"User does not belong to Team= {named}. Call `/user/info` to see user's teams"
    assert await world.refused(PATH, "sk-ann", **DAYS, team_ids=team_ids) == (404, text)


async def test_d63_who_has_no_user_or_no_user_row_is_refused(world: World) -> None:
    for by in ("sk-team", "sk-nobody"):
        for query in ({}, {"team_ids": "led"}):
            refused = await world.refused(PATH, by, **DAYS, **query)
            assert refused == (404, "User= None not found")
    assert await world.refused(PATH, "sk-dan", **DAYS) == (403, "User= dan not found")


@pytest.mark.parametrize("query", [{}, {"start_date": "2026-03-01"}, {"end_date": "2026-03-01"}])
@pytest.mark.parametrize("by", ["sk-root", "sk-ann"])
async def test_both_dates_are_needed(world: World, by: str, query: dict[str, str]) -> None:
    refused = await world.refused(PATH, by, **query)
    assert refused == (400, "Please provide start_date and end_date")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start_date": "2026-02-30"}, "start_date"),
        ({"start_date": "yesterday"}, "start_date"),
        ({"start_date": "20260301"}, "start_date"),
        ({"start_date": "2026-3-1"}, "start_date"),
        ({"start_date": "2026-03-01T00:00:00"}, "start_date"),
        ({"start_date": "1772323200"}, "start_date"),
        ({"start_date": ""}, "start_date"),
        ({"end_date": "2026-13-01"}, "end_date"),
        ({"end_date": "٢٠٢٦-03-01"}, "end_date"),
        ({"end_date": "2026-02-28"}, "end_date"),
        ({"page": "0"}, "page"),
        ({"page_size": "0"}, "page_size"),
        ({"page_size": "1001"}, "page_size"),
        ({"page_size": "x"}, "page_size"),
        ({"team_ids": "a\0"}, "team_ids"),
    ],
)
async def test_d39_what_is_no_date_range_or_page_is_422(
    world: World, query: dict[str, str], field: str
) -> None:
    for by in ("sk-root", "sk-nobody"):
        answered = await world.get(PATH, by, None, **{**DAYS, **query})
        assert answered.status_code == 422
        assert [entry["loc"] for entry in answered.json()["detail"]] == [["query", field]]


async def test_one_day_is_a_range(world: World) -> None:
    day = {"start_date": "2028-02-29", "end_date": "2028-02-29"}
    assert await world.ok(PATH, "sk-ann", **day) == EMPTY


async def test_d39_a_model_is_a_filter_and_nothing_to_be_admitted_to(world: World) -> None:
    world.key("sk-narrow", user_id="ann", models=["only-this"])
    assert await world.ok(PATH, "sk-narrow", **DAYS, model="another") == EMPTY
