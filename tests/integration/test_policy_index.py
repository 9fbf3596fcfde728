"""What the policy index has kept is what would be read now, after whatever has happened."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import key as keys
from events import team as teams
from events import user as users
from events.budget import BudgetChanged, BudgetDeleted
from events.organization import OrganizationBudgetAssigned, OrganizationDeleted
from events.registry import DomainEvent
from events.spend import EVERYWHERE, SpendReset, SpendResetEverywhere, spend_stream
from events.streams import BUDGET, ORGANIZATION, USER, stream
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from services.projection.decisions.changes import Changes
from services.projection.decisions.index import PolicyIndex
from services.projection.decisions.standing import Standing
from tests.support.facts import (
    budget,
    budget_created,
    budget_settings,
    created,
    joined,
    key_settings,
    limits,
    organization_created,
    organization_settings,
    user_created,
    user_settings,
)
from tests.support.facts import settings as team_settings
from tests.support.postgres import fresh_database
from tests.support.reading import Fact, World, key, reading, team
from tests.support.usage import NOON

_stories = count()
MEMBER, OWN, LINKED, OLD, NEW = "member", "own", "linked", "old", "new"


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    with fresh_database(postgres_server) as url:
        async with reading(url) as opened:
            yield opened


def index_of(world: World, *, most: int = 100, changes: int = 100) -> PolicyIndex:
    """An index of its own with nothing in it, which keeps so many keys and so many changes."""
    context = world.context
    followed = Changes(context.ledger_pool, kept=changes)
    return PolicyIndex(context.read_pool, followed, context.reached, context.spending, kept=most)


def secret(name: str, which: str) -> str:
    return f"sk-{name}-{which}"


def begin(world: World, name: str) -> None:
    """Two budgets, organizations and teams, a user who is in both teams, and keys of all sorts."""
    for other in (f"{name}a", f"{name}b"):
        world.tell((stream(BUDGET, other), budget_created(max_budget=5)))
        world.tell((stream(ORGANIZATION, other), organization_created(budget_id=other)))
        of = created(organization_id=other, budget=budget(9, duration="30d"))
        world.tell((team(other), of), (team(other), joined(name)))
    world.tell((stream(USER, name), user_created(max_budget=3)))
    world.key(secret(name, MEMBER), team_id=f"{name}a", user_id=name, max_budget=1)
    world.key(secret(name, OWN), user_id=name, organization_id=f"{name}b")
    world.key(secret(name, LINKED), extra={"budget_id": f"{name}a"})
    world.key(secret(name, OLD), max_budget=2)
    world.rotate(secret(name, OLD), secret(name, NEW), max_budget=2)


def of_key(name: str, which: str) -> dict[str, DomainEvent]:
    """What may happen to a key, beside its end."""
    owner = keys.KeyOwner(team_id=f"{name}b", team_incarnation=1, user_id=name)
    return {
        "blocked": keys.KeyBlocked(),
        "unblocked": keys.KeyUnblocked(),
        "renamed": keys.KeyRenamed(before=None, after=which),
        "budget": keys.KeyBudgetChanged(
            before=keys.KeyBudget(), after=keys.KeyBudget(max_budget=Decimal(7), soft_budget=None)
        ),
        "limits": keys.KeyLimitsChanged(before=keys.KeyLimits(), after=keys.KeyLimits(tpm_limit=5)),
        "models": keys.KeyModelsChanged(before=[], after=["o3"]),
        "routes": keys.KeyRoutesChanged(before=[], after=["llm_api_routes"]),
        "expiry": keys.KeyExpiryChanged(before=None, after=NOON),
        "details": keys.KeyDetailsChanged(
            before={}, after={"model_max_budget": {"o3": {"max_budget": 1}}, "aliases": {"a": "b"}}
        ),
        "moved": keys.KeyMoved(before=keys.KeyOwner(), after=owner),
        "deleted": keys.KeyDeleted(settings=key_settings()),
    }


def of_team(name: str) -> dict[str, DomainEvent]:
    """What may happen to the team of the member's key."""
    return {
        "blocked": teams.TeamBlocked(),
        "unblocked": teams.TeamUnblocked(),
        "budget": teams.TeamBudgetChanged(before=budget(9), after=budget(2, 1, "1d")),
        "defaults": teams.TeamMemberDefaultsChanged(before=None, after=limits(max_budget=4)),
        "member": teams.MemberBudgetChanged(
            user_id=name, before=None, after=limits(max_budget=2, tpm_limit=1)
        ),
        "removed": teams.MemberRemoved(user_id=name, role="user"),
        "joined": joined(name),
        "aliases": teams.TeamModelAliasesChanged(before=None, after={"fast": "o3"}),
        "moved": teams.TeamMovedToOrganization(before=f"{name}a", after=f"{name}b"),
        "deleted": teams.TeamDeleted(settings=team_settings(), members_total=1),
    }


def of_user() -> dict[str, DomainEvent]:
    return {
        "budget": users.UserBudgetChanged(
            before=users.UserBudget(), after=users.UserBudget(max_budget=Decimal(8))
        ),
        "models": users.UserModelsChanged(before=[], after=["o3"]),
        "deleted": users.UserDeleted(settings=user_settings()),
    }


def happenings(name: str) -> dict[str, list[Fact]]:
    """By what it is: everything that may happen to what stands behind the keys of a story."""
    facts: dict[str, Fact] = {}
    for which in (MEMBER, OWN, LINKED, NEW):
        for what, event in of_key(name, which).items():
            facts[f"key {which} {what}"] = key(secret(name, which)), event
    for what, event in of_team(name).items():
        facts[f"team {what}"] = team(f"{name}a"), event
    for what, event in of_user().items():
        facts[f"user {what}"] = stream(USER, name), event
    token = hash_key(secret(name, OLD))
    reset = SpendReset(kind="key", id=token, incarnation=1, before=Decimal(1), amount=Decimal(0))
    before, after = budget_settings(), budget_settings(max_budget=6, rpm_limit=1)
    facts |= {
        "budget changed": (stream(BUDGET, f"{name}a"), BudgetChanged(before=before, after=after)),
        "budget deleted": (stream(BUDGET, f"{name}b"), BudgetDeleted(settings=before)),
        "budget assigned": (
            stream(ORGANIZATION, f"{name}b"),
            OrganizationBudgetAssigned(before=f"{name}b", after=f"{name}a"),
        ),
        "organization deleted": (
            stream(ORGANIZATION, f"{name}a"),
            OrganizationDeleted(settings=organization_settings()),
        ),
        "spend reset": (spend_stream("key", token), reset),
        "all spend reset": (EVERYWHERE, SpendResetEverywhere(kinds=["key", "team"])),
        "somebody else": (
            stream(USER, f"{name}-else"),
            users.UserRoleChanged(before=None, after="x"),
        ),
    }
    one = {what: [fact] for what, fact in facts.items()}
    again = (team(f"{name}a"), created(organization_id=f"{name}a"))
    return {
        **one,
        "team again": [facts["team deleted"], again],
        "user again": [facts["user deleted"], (stream(USER, name), user_created())],
    }


NAMES = sorted(happenings("x"))
KEYS = (MEMBER, OWN, LINKED, OLD, NEW, "unknown")


async def seen(index: PolicyIndex, world: World, name: str) -> list[dict[str, Any]]:
    """All that the index says of the keys, but for what it remembers of having been asked."""
    head = world.history.position
    asked = (index.standing(hash_key(secret(name, which)), head, NOON) for which in KEYS)
    return [_told(standing) for standing in await asyncio.gather(*asked)]


def _told(standing: Standing) -> dict[str, Any]:
    found = asdict(standing)
    for remembered in ("position", "origins", "source"):
        del found[remembered]
    for allotment in (*found["allotments"], *found["model_allotments"].values()):
        del allotment["_due"]
    return found


@pytest.mark.parametrize("what", NAMES)
async def test_whatever_happens_is_noticed(world: World, what: str) -> None:
    name, index = f"story-{next(_stories)}", index_of(world)
    begin(world, name)
    before = await seen(index, world, name)
    world.tell(*happenings(name)[what])
    expected = await seen(index_of(world), world, name)
    assert await seen(index, world, name) == expected
    assert (expected == before) is (what in WITHOUT_EFFECT)


WITHOUT_EFFECT = {
    "key linked unblocked",
    "key member unblocked",
    "key new unblocked",
    "key own unblocked",
    "somebody else",
    "team unblocked",
}


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.sampled_from(NAMES), max_size=15),
    st.sampled_from([2, 100]),
    st.sampled_from([3, 100]),
)
async def test_what_is_kept_is_what_would_be_read(
    world: World, steps: list[str], most: int, changes: int
) -> None:
    """However few keys and changes are kept."""
    name = f"story-{next(_stories)}"
    begin(world, name)
    index, facts = index_of(world, most=most, changes=changes), happenings(name)
    for what in steps:
        world.tell(*facts[what])
        expected = await seen(index_of(world), world, name)
        assert await seen(index, world, name) == expected, what


async def test_what_did_not_change_is_not_read_again(world: World) -> None:
    name, index = f"story-{next(_stories)}", index_of(world)
    begin(world, name)
    await seen(index, world, name)
    facts = happenings(name)
    world.tell(*facts["somebody else"])
    await world.settled()
    head, token = world.history.position, hash_key(secret(name, MEMBER))
    await index.standing(token, head, NOON)
    assert index.current(token, head) is not None
    world.tell(*facts["team blocked"])
    assert index.current(token, head + 1) is None
    found = await index.standing(token, head + 1, NOON)
    assert found.key is not None
    assert found.key.team is not None
    assert found.key.team.blocked


SWAP = """
BEGIN;
ALTER TABLE read.keys_1 RENAME TO before;
CREATE TABLE read.keys_1 (LIKE read.before INCLUDING ALL);
INSERT INTO read.keys_1 SELECT * FROM read.before;
COMMIT
"""


async def test_other_tables_end_what_was_read_from_those_before(world: World) -> None:
    """After a rebuild, which swaps them in."""
    name, index = f"story-{next(_stories)}", index_of(world)
    begin(world, name)
    head, token = world.history.position, hash_key(secret(name, MEMBER))
    await index.standing(token, head, NOON)
    world.log.execute(SWAP)
    assert index.current(token, head) is not None
    await index.standing(hash_key(secret(name, OWN)), head, NOON)
    assert index.current(token, head) is None
