"""What may happen to what stands behind the keys of a story, in whatever order."""

from decimal import Decimal

from events import key as keys
from events import team as teams
from events import user as users
from events.budget import BudgetChanged, BudgetDeleted
from events.organization import OrganizationBudgetAssigned, OrganizationDeleted
from events.registry import DomainEvent
from events.spend import EVERYWHERE, SpendReset, SpendResetEverywhere, spend_stream
from events.streams import BUDGET, ORGANIZATION, USER, stream
from services.access.credentials import hash_key
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
from tests.support.reading import Fact, World, key, team
from tests.support.usage import NOON

MEMBER, OWN, LINKED, OLD, NEW = "member", "own", "linked", "old", "new"


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


HAPPENINGS = sorted(happenings("x"))
