"""Reports on spend: of users and organizations, of all teams, single calls, and /v1/spend."""

import csv
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import httpx
import pytest

from events.organization import OrganizationDeleted
from events.streams import BUDGET, ORGANIZATION, Stream, stream
from events.team import TeamDeleted
from events.usage import UsageCorrected
from services.access.credentials import hash_key
from services.command.domain.usage import Attribution, Life
from services.database.embedded import EmbeddedServer
from tests.support.facts import (
    budget_created,
    entered,
    organization_created,
    organization_settings,
    settings,
)
from tests.support.postgres import fresh_database
from tests.support.reading import Json, World, reading, team, text_of
from tests.support.refused import refusal
from tests.support.usage import Books, opened_books, used

DAYS: dict[str, Any] = {"start_date": "2026-11-01", "end_date": "2026-11-30"}
SPAN: dict[str, Any] = {"from": "2026-11-01", "to": "2026-11-30"}
ACME, OTHER = "acme", "other"
ANN, BOB, SERVICE = "sk-ann", "sk-bob", "sk-service"


def org(organization_id: str) -> Stream:
    return stream(ORGANIZATION, organization_id)


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Olga leads acme, whose teams are `red`, led by ann, and `blue`; bob is in both of them.

    Spent, in USD: ann 1 in red; bob 2 in red, 4 in blue, 8 in a team that is gone; a key of blue
    that is nobody's 16; nobody knows who 32, and ann on her own 64.
    """
    with fresh_database(postgres_server) as url:
        async with reading(url) as world, opened_books(url) as books:
            await _people(world)
            await _calls(world, books)
            yield world


async def _people(world: World) -> None:
    for name, role in (("root", "proxy_admin"), ("pat", "proxy_admin_viewer")):
        await world.user(name, role=role)
        world.key(f"sk-{name}", user_id=name)
    for name in ("olga", "ann", "bob", "idle"):
        await world.user(name)
        world.key(f"sk-{name}", user_id=name, key_alias=f"{name}'s")
    world.tell((stream(BUDGET, "b"), budget_created()))
    for name in (ACME, OTHER):
        world.tell((org(name), organization_created(organization_alias="Acme")))
    world.tell((org(ACME), entered("olga", "org_admin")))
    members = {"ann": "admin", "bob": "user"}
    world.team("red", members, organization_id=ACME, team_alias="Same")  # type: ignore[arg-type]
    world.team("blue", {"bob": "user"}, organization_id=ACME, team_alias="Same")
    world.team("gone", {"bob": "user"}, organization_id=OTHER)
    world.key(SERVICE, team_id="blue", key_alias="service")
    world.team("litellm-dashboard", {"ann": "user", "bob": "user"})
    for name in ("ann", "bob"):
        world.key(f"sk-{name}-session", team_id="litellm-dashboard", user_id=name)


def paying(world: World, of: str | None, who: str | None, secret: str, within: str) -> Attribution:
    lives = world.history.incarnations
    return Attribution(
        organization=Life(within, lives[org(within)], f"{within} then") if of else None,
        team=Life(of, lives[team(of)], f"=team {of}") if of else None,
        user=Life(who, 1) if who else None,
        key=Life(hash_key(secret), 1, f"@{secret}"),
    )


async def _calls(world: World, books: Books) -> None:
    evening = datetime(2026, 11, 17, 23, 30, tzinfo=UTC)
    spent = [
        ("red", "ann", ANN, ACME, {"model": "gpt-4o", "tags": ("a", "=b"), "at": evening}),
        ("red", "bob", BOB, ACME, {"model": "o3", "tags": ("a",)}),
        ("blue", "bob", BOB, ACME, {"model": "gpt-4o", "failed": True}),
        ("gone", "bob", BOB, OTHER, {"model": "gpt-4o", "provider": "azure"}),
        ("blue", None, SERVICE, ACME, {"model": "o3"}),
    ]
    for number, (of, who, secret, within, told) in enumerate(spent):
        call = used(number, str(2**number), key=hash_key(secret), **told)  # type: ignore[arg-type]
        await books.book(call, by=paying(world, of, who, secret, within))
    await books.book(used(5, "32"), by=Attribution(unattributed="unknown key"))
    await books.book(used(6, "63.5", key=hash_key(ANN)), by=paying(world, None, "ann", ANN, ACME))
    await books.book(UsageCorrected(id="fix", corrects="call-6", cost="0.5"))
    world.tell((team("gone"), TeamDeleted(settings=settings(), members_total=1)))
    world.tell((org(OTHER), OrganizationDeleted(settings=organization_settings())))


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


LOGS = "/spend/logs/v2"


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
