"""Large things to delete, each as the facts of what hangs on it, put into the log at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from events.key import KeyGenerated, KeySettings
from events.registry import DomainEvent
from events.reservation import NameReserved
from events.streams import KEY, KEY_ALIAS, ORGANIZATION, TEAM, USER, Stream, stream
from events.team import MemberAdded, TeamCreated, TeamSettings
from events.values import TeamBudget
from services.command.application.keys import alias_digest
from tests.support.loop import token_of

MEMBERS, KEYS = 5, 2
Facts = Iterator[tuple[Stream, DomainEvent]]


@dataclass(frozen=True, slots=True)
class Large:
    """What is deleted by one request, and what hangs on it.

    `found` is asked for through the API first, `facts` then make what hangs on it, `request` has
    method, path and body of the deletion, `parent` is the stream on which nothing hangs in the
    end, and `ends` is how many facts then tell the end of something. `last_key` is the name of a
    key that goes with it.
    """

    name: str
    found: tuple[tuple[str, dict[str, object]], ...]
    facts: Callable[[], Facts]
    request: tuple[str, str, dict[str, object]]
    parent: str
    ends: int
    last_key: str


def _key(name: str, team_id: str, owner: str | None = None) -> Facts:
    """A key with an alias, whose secret is `secret_of(name)`; its owner joined the team first."""
    token, since = token_of(name), None if owner is None else 2
    settings = KeySettings(
        key_name="sk-...abcd",
        key_alias=name,
        user_id=owner,
        team_id=team_id,
        team_incarnation=1,
        member_since=since,
    )
    yield stream(KEY, token), KeyGenerated(settings=settings)
    yield stream(KEY_ALIAS, alias_digest(name)), NameReserved(holder=token)


def _team(team_id: str, members: list[str], organization_id: str | None = None) -> Facts:
    budget = TeamBudget(max_budget=Decimal(1))
    settings = TeamSettings(team_alias=team_id, organization_id=organization_id, budget=budget)
    yield stream(TEAM, team_id), TeamCreated(settings=settings)
    for user_id in members:
        yield stream(TEAM, team_id), MemberAdded(user_id=user_id, role="user")


def organization(teams: int, keys: int = KEYS) -> Large:
    """An organization of so many teams, of five members and some keys each."""
    name = f"org of {teams} teams of {keys} keys"
    members = [f"member-{number}" for number in range(MEMBERS)]

    def facts() -> Facts:
        for team_id in (f"{name} {number}" for number in range(teams)):
            yield from _team(team_id, members, name)
            for number in range(keys):
                yield from _key(f"{team_id} {number}", team_id)

    return Large(
        name,
        (("/organization/new", {"organization_id": name, "organization_alias": name}),),
        facts,
        ("DELETE", "/organization/delete", {"organization_ids": [name]}),
        stream(ORGANIZATION, name),
        1 + teams * (1 + keys),
        f"{name} {teams - 1} {keys - 1}",
    )


def user(teams: int) -> Large:
    """A user of so many teams, with a key in each."""
    name = f"user of {teams} teams"

    def facts() -> Facts:
        others = [f"member-{number}" for number in range(MEMBERS)]
        for team_id in (f"{name} {number}" for number in range(teams)):
            yield from _team(team_id, [name, *others])
            yield from _key(team_id, team_id, name)

    return Large(
        name,
        (("/user/new", {"user_id": name, "auto_create_key": False}),),
        facts,
        ("POST", "/user/delete", {"user_ids": [name]}),
        stream(USER, name),
        1 + 2 * teams,
        f"{name} {teams - 1}",
    )


def team(keys: int) -> Large:
    """A team of so many keys."""
    name = f"team of {keys} keys"

    def facts() -> Facts:
        for number in range(keys):
            yield from _key(f"{name} {number}", name)

    return Large(
        name,
        (("/team/new", {"team_id": name}),),
        facts,
        ("POST", "/team/delete", {"team_ids": [name]}),
        stream(TEAM, name),
        1 + keys,
        f"{name} {keys - 1}",
    )


def member(keys: int) -> Large:
    """A member who has so many keys in one team, and is removed from it."""
    name = f"member of {keys} keys"

    def facts() -> Facts:
        yield from _team(name, [name])
        for number in range(keys):
            yield from _key(f"{name} {number}", name, name)

    return Large(
        name,
        (("/user/new", {"user_id": name, "auto_create_key": False}),),
        facts,
        ("POST", "/team/member_delete", {"team_id": name, "user_id": name}),
        stream(TEAM, name),
        1 + keys,
        f"{name} {keys - 1}",
    )
