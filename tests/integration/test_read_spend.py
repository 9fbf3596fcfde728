"""What is spent is shown wherever there is a place for it: from the ledger, as of now."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import pytest

from events.budget import BudgetChanged
from events.key import KeyDeleted, KeyRotated, Succession
from events.organization import OrganizationBudgetAssigned
from events.registry import DomainEvent
from events.spend import EVERYWHERE, SpendKind, SpendOpened, SpendReset, SpendResetEverywhere
from events.spend import spend_stream as spends
from events.streams import BUDGET, ORGANIZATION, stream
from events.team import MemberBudgetChanged, TeamDeleted
from services.access.credentials import hash_key
from services.command.domain.usage import Attribution, Life
from tests.support.facts import (
    budget_created,
    budget_settings,
    entered,
    key_settings,
    limits,
    organization_created,
    settings,
    usd,
)
from tests.support.reading import Fact, World, generated, key, reading, team
from tests.support.usage import call, opened_books

NOW = datetime.now(UTC)
JUST_NOW, LONG_AGO = NOW - timedelta(seconds=30), NOW - timedelta(days=33)
NUMBERS = count()


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with reading(database_url) as opened:
        yield opened


async def spend(world: World, cost: str, by: Attribution, at: datetime = JUST_NOW) -> None:
    async with opened_books(world.url, NOW) as books:
        report = await books.book(call(next(NUMBERS), cost, at), by=by)
        assert [outcome.status for outcome in report.outcomes] == ["recorded"]


def of(
    team_id: str | None = None,
    user_id: str | None = None,
    secret: str | None = None,
    organization_id: str | None = None,
) -> Attribution:
    """All in their first life."""
    return Attribution(
        organization=None if organization_id is None else Life(organization_id, 1),
        team=None if team_id is None else Life(team_id, 1),
        user=None if user_id is None else Life(user_id, 1),
        key=None if secret is None else Life(hash_key(secret), 1),
    )


def opened(kind: SpendKind, name: str, amount: str, user_id: str | None = None) -> Fact:
    fact = SpendOpened(
        kind=kind, id=name, user_id=user_id, incarnation=1, amount=usd(amount), as_of=JUST_NOW
    )
    return spends(kind, name, user_id), fact


def reset(kind: SpendKind, name: str, amount: str, user_id: str | None = None) -> Fact:
    fact: DomainEvent = SpendReset(
        kind=kind, id=name, user_id=user_id, incarnation=1, before=usd(9), amount=usd(amount)
    )
    return spends(kind, name, user_id), fact


async def test_d43_every_member_has_spend_budget_or_not(world: World) -> None:
    await world.user("ann")
    world.team("core", {"ann": "user", "bob": "user"})
    world.key("sk-ann", user_id="ann", team_id="core")
    await spend(world, "1.25", of("core", "ann", "sk-ann"))
    info = await world.ok("/team/info", team_id="core")
    assert info["team_info"]["spend"] == 1.25
    assert [each["spend"] for each in info["team_memberships"]] == [1.25, 0.0]
    assert [each["spend"] for each in info["keys"]] == [1.25]
    [item] = await world.ok("/team/list")
    assert (item["spend"], item["keys"][0]["spend"]) == (1.25, 1.25)
    assert [each["spend"] for each in item["team_memberships"]] == [1.25, 0.0]
    [own] = await world.ok("/team/list", user_id="bob")
    assert [each["spend"] for each in own["team_memberships"]] == [0.0]
    [paged] = (await world.ok("/v2/team/list"))["teams"]
    [picked] = await world.ok("/team/filter/ui", team_id="core")
    assert (paged["spend"], picked["spend"]) == (1.25, 1.25)


async def test_users_and_their_keys(world: World) -> None:
    await world.user("ann")
    world.key("sk-ann", user_id="ann")
    await spend(world, "2.5", of(None, "ann", "sk-ann"))
    info = await world.ok("/user/info", user_id="ann")
    assert (info["user_info"]["spend"], info["keys"][0]["spend"]) == (2.5, 2.5)
    [listed] = (await world.ok("/user/list"))["users"]
    assert listed["spend"] == 2.5
    assert (await world.ok("/key/info", key="sk-ann"))["info"]["spend"] == 2.5
    [row] = (await world.ok("/key/list", return_full_object="true"))["keys"]
    assert row["spend"] == 2.5
    answered = await world.http.post(
        "/v2/key/info", json={"keys": ["sk-ann"]}, headers={"authorization": f"Bearer {KEY}"}
    )
    assert answered.json()["info"][0]["spend"] == 2.5


KEY = "sk-1234-test-master"


async def test_keys_and_users_in_the_order_of_what_they_spent(world: World) -> None:
    for name, cost in (("ann", "1"), ("bob", "3"), ("cy", "2"), ("dan", "0")):
        await world.user(name)
        world.key(f"sk-{name}", user_id=name)
        await spend(world, cost, of(None, name, f"sk-{name}"))
    tokens = {hash_key(f"sk-{name}"): name for name in ("ann", "bob", "cy", "dan")}
    for order, expected in (("desc", ["bob", "cy", "ann", "dan"]), ("asc", ["dan", "ann", "cy"])):
        query = f"sort_by=spend&sort_order={order}&size=3&page_size=3"
        keys = await world.ok(f"/key/list?{query}")
        assert [tokens[token] for token in keys["keys"]] == expected[:3]
        assert (keys["total_count"], keys["total_pages"]) == (4, 2)
        users = await world.ok(f"/user/list?{query}")
        assert [user["user_id"] for user in users["users"]] == expected[:3]
        assert users["total"] == 4
    last = await world.ok("/key/list", sort_by="spend", size=3, page=2)
    assert [tokens[token] for token in last["keys"]] == ["dan"]


async def test_organizations_with_their_members_and_teams(world: World) -> None:
    await world.user("ann")
    named = stream(ORGANIZATION, "acme")
    world.tell((stream(BUDGET, "b"), budget_created(max_budget=9, budget_duration="1d")))
    world.tell((named, organization_created()), (named, entered("ann")))
    world.team("core", {"ann": "user"}, organization_id="acme")
    await spend(world, "4", of("core", "ann", None, "acme"))
    await spend(world, "7", of("core", "ann", None, "acme"), LONG_AGO)
    world.tell(opened("organization_member", "acme", "0.5", "ann"))
    info = await world.ok("/organization/info", organization_id="acme")
    assert (info["spend"], info["teams"][0]["spend"]) == (4.0, 11.0)
    assert [each["spend"] for each in info["members"]] == [4.5]
    [listed] = await world.ok("/organization/list")
    assert (listed["spend"], listed["teams"][0]["spend"]) == (4.0, 11.0)
    assert [each["spend"] for each in listed["members"]] == [4.5]


async def test_an_organization_that_gets_another_budget_keeps_what_it_spent(world: World) -> None:
    named = stream(ORGANIZATION, "acme")
    world.tell((stream(BUDGET, "b"), budget_created()))
    world.tell((stream(BUDGET, "monthly"), budget_created(budget_duration="1mo")))
    world.tell((named, organization_created()))
    await spend(world, "7", of(organization_id="acme"), LONG_AGO)
    path = "/v1/organizations/acme/windows"
    assert [w["spend"] for w in (await world.ok(path))["windows"]] == [7.0]
    world.tell((named, OrganizationBudgetAssigned(before="b", after="monthly")))
    windows = (await world.ok(path, limit=100))["windows"]
    assert windows[-1]["start"] is None
    assert sum(window["spend"] for window in windows) == 7.0


async def test_a_moment_set_by_hand_ends_a_budgets_window(world: World) -> None:
    by_hand = datetime(2026, 3, 20, tzinfo=UTC)
    before = budget_settings(budget_duration="1mo")
    after = before.model_copy(update={"budget_reset_at": by_hand})
    row, named = stream(BUDGET, "b"), stream(ORGANIZATION, "acme")
    world.tell((row, budget_created(budget_duration="1mo")))
    world.tell((named, organization_created()))
    world.tell((row, BudgetChanged(before=before, after=after)))
    windows = (await world.ok("/v1/organizations/acme/windows", limit=100))["windows"]
    assert [(w["start"], w["end"]) for w in windows[-2:]] == [
        ("2026-03-20T00:00:00Z", "2026-04-01T00:00:00Z"),
        ("2026-03-01T00:00:00Z", "2026-03-20T00:00:00Z"),
    ]


async def test_opening_balances_count_and_resets_leave_them_behind(world: World) -> None:
    world.team("core", {"ann": "user"}, budget={"budget_duration": "30d"})
    world.key("sk-1", team_id="core")
    world.tell(opened("team", "core", "5"), opened("member", "core", "2", "ann"))
    world.tell(opened("key", hash_key("sk-1"), "3"))
    await spend(world, "1", of("core", "ann", "sk-1"))

    async def shown() -> tuple[float, float, float]:
        info = await world.ok("/team/info", team_id="core")
        member, own = info["team_memberships"][0], info["keys"][0]
        return info["team_info"]["spend"], member["spend"], own["spend"]

    assert await shown() == (6.0, 3.0, 4.0)


async def test_a_reset_counts_from_its_moment_on(world: World) -> None:
    world.team("core", {"ann": "user"})
    world.key("sk-1", team_id="core")
    world.tell(reset("team", "core", "5"), reset("member", "core", "2", "ann"))
    world.tell((EVERYWHERE, SpendResetEverywhere(kinds=["key"])))
    await spend(world, "1", of("core", "ann", "sk-1"))
    info = await world.ok("/team/info", team_id="core")
    assert info["team_info"]["spend"] == 6.0
    assert info["team_memberships"][0]["spend"] == 3.0
    assert info["keys"][0]["spend"] == 1.0
    [window] = (await world.ok("/v1/teams/core/windows"))["windows"]
    assert (window["spend"], window["reset"]["amount"]) == (6.0, 5.0)
    [window] = (await world.ok(f"/v1/keys/{hash_key('sk-1')}/windows"))["windows"]
    assert (window["spend"], window["reset"]["amount"]) == (1.0, 0.0)


async def test_d37_members_are_reset_with_the_team_or_as_it_or_they_say(world: World) -> None:
    monthly = {"budget_duration": "1mo"}
    world.team("core", {"ann": "user", "bob": "user", "cy": "user"}, budget=monthly)
    daily = limits("b2", budget_duration="1d", max_budget=1)
    lasting = limits("b3", max_budget=1)
    world.tell((team("core"), MemberBudgetChanged(user_id="bob", before=None, after=daily)))
    world.tell((team("core"), MemberBudgetChanged(user_id="cy", before=None, after=lasting)))

    async def ends(path: str) -> tuple[str, float | None]:
        [window] = (await world.ok(path, limit=1))["windows"]
        return window["end"], window["max_budget"]

    of_team, _ = await ends("/v1/teams/core/windows")
    members = "/v1/teams/core/members/{}/windows"
    assert await ends(members.format("ann")) == (of_team, None)
    assert await ends(members.format("cy")) == (of_team, 1.0)
    end, most = await ends(members.format("bob"))
    assert most == 1.0
    assert datetime.fromisoformat(end) - datetime.now(UTC) <= timedelta(days=1)


async def test_what_is_gone_shows_what_it_had_spent_when_it_ended(world: World) -> None:
    world.team("old", budget={"budget_duration": "1d"})
    token = world.key("sk-old", budget_duration="1d")
    during = datetime(2026, 3, 11, 13, tzinfo=UTC)
    world.tell((team("old"), TeamDeleted(settings=settings(), members_total=0)))
    deleted = KeyDeleted(settings=key_settings(budget_duration="1d"))
    world.tell((key("sk-old"), deleted))
    async with opened_books(world.url, during + timedelta(minutes=1)) as books:
        await books.book(call(next(NUMBERS), "3", during), by=of("old", None, "sk-old"))
    await spend(world, "5", of("old", None, "sk-old"))
    [item] = (await world.ok("/v2/team/list", status="deleted"))["teams"]
    assert item["spend"] == 3.0
    [row] = (await world.ok("/key/list", status="deleted", return_full_object="true"))["keys"]
    assert (row["token"], row["spend"]) == (token, 3.0)


async def test_a_key_has_spent_what_it_was_before(world: World) -> None:
    """Rotated twice, in windows of its own that go on."""
    names = ["sk-1", "sk-2", "sk-3"]
    tokens = [hash_key(name) for name in names]
    world.key("sk-1", max_budget=9, budget_duration="30d")
    lasting = key_settings(max_budget=9, budget_duration="30d")
    for rotations, (old, new) in enumerate(pairwise(names), 1):
        succession = Succession(
            token=hash_key(old),
            created_at=NOW,
            created_by=None,
            budget_since=NOW,
            rotations=rotations,
        )
        begun = generated(new, max_budget=9, budget_duration="30d")
        rotated = KeyRotated(settings=lasting, successor=hash_key(new), until=None)
        carried = begun.model_copy(update={"succeeds": succession})
        world.tell((key(old), rotated), (key(new), carried))
    for name, cost in zip(names, ("1", "2", "4"), strict=True):
        await spend(world, cost, of(secret=name))
    world.tell(opened("key", tokens[0], "8"))
    assert (await world.ok("/key/info", key="sk-3"))["info"]["spend"] == 15.0
    [window] = (await world.ok("/v1/keys/sk-3/windows", limit=1))["windows"]
    assert (window["spend"], window["max_budget"]) == (15.0, 9.0)
    listed = await world.ok("/key/list", return_full_object="true", sort_by="spend")
    assert [row["spend"] for row in listed["keys"]] == [15.0]


async def test_a_key_lasts_as_the_row_that_it_is_linked_to(world: World) -> None:
    world.tell((stream(BUDGET, "daily"), budget_created(max_budget=3, budget_duration="1d")))
    world.key("sk-1", extra={"budget_id": "daily"}, soft_budget=1)
    await spend(world, "2", of(secret="sk-1"))
    await spend(world, "5", of(secret="sk-1"), LONG_AGO)
    assert (await world.ok("/key/info", key="sk-1"))["info"]["spend"] == 2.0
    [window] = (await world.ok("/v1/keys/sk-1/windows", limit=1))["windows"]
    assert (window["max_budget"], window["soft_budget"]) == (3.0, 1.0)


async def test_windows_are_for_whom_the_info_is(world: World) -> None:
    for name in ("ann", "eve"):
        await world.user(name)
    world.team("core", {"ann": "user"})
    world.key("sk-of-ann", user_id="ann")
    world.key("sk-of-eve", user_id="eve")
    for path, by, status in (
        ("/v1/teams/core/windows", "sk-of-ann", 200),
        ("/v1/teams/core/windows", "sk-of-eve", 403),
        ("/v1/teams/missing/windows", "sk-of-eve", 403),
        ("/v1/teams/core/members/ann/windows", "sk-of-eve", 403),
        ("/v1/teams/core/members/eve/windows", "sk-of-ann", 404),
        ("/v1/users/ann/windows", "sk-of-ann", 200),
        ("/v1/users/ann/windows", "sk-of-eve", 403),
        ("/v1/users/missing/windows", "sk-of-eve", 403),
        ("/v1/keys/sk-of-ann/windows", "sk-of-ann", 200),
        ("/v1/keys/sk-of-ann/windows", "sk-of-eve", 403),
        ("/v1/organizations/missing/windows", "sk-of-eve", 401),
    ):
        answered = await world.get(path, by)
        assert answered.status_code == status, (path, by, answered.text)
        if status != 200:
            assert answered.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"before": "yesterday"},
        {"before": "0001-01-01T00:00:00+14:00"},
        {"before": "9999-12-31T23:59:59-14:00"},
    ],
)
async def test_what_is_no_page_of_windows_is_422(world: World, query: dict[str, str]) -> None:
    world.team("core")
    answered = await world.get("/v1/teams/core/windows", KEY, None, **query)
    assert answered.status_code == 422
    assert answered.json()["errors"][0]["loc"] == ["query", next(iter(query))]


async def test_there_are_no_windows_before_there_was_anything(world: World) -> None:
    world.team("core", budget={"budget_duration": "1d"})
    long_before = await world.ok("/v1/teams/core/windows", before="1999-01-01")
    assert long_before == {"windows": [], "next_before": None}
    ahead = await world.ok("/v1/teams/core/windows", before="2999-01-01", limit=1)
    assert ahead["windows"] == (await world.ok("/v1/teams/core/windows", limit=1))["windows"]
