"""Reports on spend: of users and organizations by day, and of all teams."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from services.access.credentials import hash_key
from services.command.domain.usage import Attribution, Life
from services.database.embedded import EmbeddedServer
from tests.support.postgres import fresh_database
from tests.support.reading import Json, World, reading
from tests.support.spenders import ACME, ANN, BOB, DAYS, OTHER, SERVICE, spent_world
from tests.support.usage import opened_books, used


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    async with spent_world(postgres_server) as made:
        yield made


def spent_in(page: Json) -> dict[str, float]:
    """By entity, over all days."""
    found: dict[str, float] = {}
    for day in page["results"]:
        for name, of in day["breakdown"]["entities"].items():
            found[name] = found.get(name, 0) + of["metrics"]["spend"]
    return found


USER, WHOLE = "/user/daily/activity", "/user/daily/activity/aggregated"


@pytest.mark.parametrize("path", [USER, WHOLE])
async def test_users_see_what_they_spent_and_admins_all(world: World, path: str) -> None:
    everybody = {"ann": 65.0, "bob": 14.0, "Unassigned": 48.0}
    assert spent_in(await world.ok(path, "sk-pat", **DAYS)) == everybody
    assert spent_in(await world.ok(path, "sk-root", **DAYS, user_id="bob")) == {"bob": 14.0}
    assert spent_in(await world.ok(path, "sk-root", **DAYS, user_id="never")) == {}
    for query in ({}, {"user_id": "ann"}):
        page = await world.ok(path, ANN, **DAYS, **query)
        assert spent_in(page) == {"ann": 65.0}
        assert page["metadata"]["total_spend"] == 65.0
    assert spent_in(await world.ok(path, ANN, **DAYS, api_key=hash_key(BOB))) == {}


@pytest.mark.parametrize("path", [USER, WHOLE])
async def test_nobody_sees_what_others_spent_known_or_not(world: World, path: str) -> None:
    refused = [await world.refused(path, ANN, **DAYS, user_id=of) for of in ("bob", "never", "")]
    text = "Only admins can view the spend of others. Your user_id=ann"
    assert refused == [(403, text)] * 3
    assert await world.refused(path, SERVICE, **DAYS) == (404, "User= None not found")
    assert await world.refused(path, ANN) == (400, "Please provide start_date and end_date")


async def test_the_aggregated_form_is_one_page_of_all_days(world: World) -> None:
    page = await world.ok(WHOLE, "sk-root", **DAYS, timezone="-60")
    assert [day["date"] for day in page["results"]] == ["2026-11-18"]
    page = await world.ok(WHOLE, "sk-root", **DAYS)
    assert [day["date"] for day in page["results"]] == ["2026-11-18", "2026-11-17"]
    meta = page["metadata"]
    assert (meta["page"], meta["total_pages"], meta["has_more"]) == (1, 1, False)
    assert page == {**await world.ok(USER, "sk-root", **DAYS), "metadata": meta}


OF_ORGANIZATIONS = "/organization/daily/activity"


async def test_org_admins_see_their_organizations_and_nobody_else_any(world: World) -> None:
    async def shown(by: str, **query: str) -> dict[str, float]:
        return spent_in(await world.ok(OF_ORGANIZATIONS, by, **DAYS, **query))

    assert await shown("sk-pat") == {ACME: 23.0, OTHER: 8.0, "Unassigned": 96.0}
    assert await shown("sk-root", organization_ids=OTHER) == {OTHER: 8.0}
    excluding = await shown("sk-root", exclude_organization_ids=f"{ACME},{OTHER}")
    assert excluding == {"Unassigned": 96.0}
    assert await shown("sk-olga") == await shown("sk-olga", organization_ids=ACME) == {ACME: 23.0}
    for foreign in (OTHER, "never"):
        refused = await world.refused(OF_ORGANIZATIONS, "sk-olga", **DAYS, organization_ids=foreign)
        assert refused == (403, f"User is not org_admin for Organization= {foreign}.")
    for by in (ANN, SERVICE):
        refused = await world.refused(OF_ORGANIZATIONS, by, **DAYS, organization_ids=ACME)
        assert refused == (403, "Only proxy admins and organization admins see this")


async def test_organizations_have_the_names_of_now_or_the_last_ones(world: World) -> None:
    page = await world.ok(OF_ORGANIZATIONS, "sk-root", **DAYS)
    entities = page["results"][0]["breakdown"]["entities"]
    assert entities[ACME]["metadata"] == {"organization_alias": "Acme"}
    assert entities[OTHER]["metadata"] == {"organization_alias": "other then"}


async def test_global_reports_are_for_admins_and_viewers(world: World) -> None:
    for path in ("/global/spend/teams", "/global/spend/report"):
        for by in ("sk-root", "sk-pat"):
            assert (await world.get(path, by, None, **DAYS)).status_code == 200
        for by in ("sk-olga", ANN, SERVICE):
            assert (await world.refused(path, by, **DAYS))[0] == 401


async def test_s18_teams_of_one_alias_are_two_in_reports(world: World) -> None:
    report = await world.ok("/global/spend/report", **DAYS)
    assert [day["group_by_day"] for day in report] == [
        "2026-11-17T00:00:00+00:00",
        "2026-11-18T00:00:00+00:00",
    ]
    spent = {of["team_name"]: of["total_spend"] for of in report[1]["teams"]}
    assert spent == {
        "Same (red)": 2.0,
        "Same (blue)": 20.0,
        "=team gone": 8.0,
        "Unassigned": 96.0,
    }
    [blue] = [of for of in report[1]["teams"] if of["team_name"] == "Same (blue)"]
    assert sorted(blue["metadata"], key=lambda line: line["spend"]) == [
        {"model": "gpt-4o", "api_key": hash_key(BOB), "spend": 4.0, "total_tokens": 11},
        {"model": "o3", "api_key": hash_key(SERVICE), "spend": 16.0, "total_tokens": 11},
    ]
    one = await world.ok("/global/spend/report", **DAYS, team_id="red", timezone="Europe/Berlin")
    assert [(day["group_by_day"], len(day["teams"])) for day in one] == [
        ("2026-11-18T00:00:00+01:00", 1)
    ]


async def test_a_report_is_of_teams_and_of_a_time(world: World) -> None:
    path = "/global/spend/report"
    assert await world.refused(path) == (400, "Please provide start_date and end_date")
    assert (await world.get(path, **DAYS, group_by="customer")).status_code == 422
    status, text = await world.refused(path, **DAYS, customer_id="x")
    assert (status, text) == (400, "The end user of a call is not kept: ask without customer_id")


async def test_s18_the_last_thirty_days_by_team(postgres_server: EmbeddedServer) -> None:
    now = datetime.now(UTC)
    with fresh_database(postgres_server) as url:
        async with reading(url) as world, opened_books(url, now) as books:
            for name, alias in (("a", "Same"), ("b", "Same"), ("c", "date"), ("d", None)):
                world.team(name, team_alias=alias)
            for number, name in enumerate("abcd"):
                by = Attribution(team=Life(name, 1))
                at = now - timedelta(days=number)
                await books.book(used(number, f"{number}.005", at), by=by)
            await books.book(used(9, "5", now - timedelta(days=32)), by=by)
            found = await world.ok("/global/spend/teams")
    day = [(now - timedelta(days=n)).date().isoformat() for n in range(4)]
    assert found == {
        "daily_spend": [
            {"date": day[3], "d": 3.01},
            {"date": day[2], "date (c)": 2.01},
            {"date": day[1], "Same (b)": 1.01},
            {"date": day[0], "Same (a)": 0.01},
        ],
        "teams": ["d", "date (c)", "Same (b)", "Same (a)"],
        "total_spend_per_team": [
            {"team_id": "d", "total_spend": 3.01},
            {"team_id": "date (c)", "total_spend": 2.01},
            {"team_id": "Same (b)", "total_spend": 1.01},
            {"team_id": "Same (a)", "total_spend": 0.01},
        ],
    }
