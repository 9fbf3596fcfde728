"""What hangs on what: the links that facts make and undo (architecture, section 5)."""

import pytest

from events.key import KeyBlocked, KeyDeleted, KeyDetailsChanged
from events.organization import OrganizationDeleted, OrganizationMemberBudgetChanged
from events.registry import DomainEvent
from events.streams import BUDGET, KEY, ORGANIZATION, TEAM, USER, kind_and_id, stream
from events.team import (
    MemberBudgetChanged,
    MemberRemoved,
    MemberRoleChanged,
    TeamDeleted,
    TeamMemberDefaultsChanged,
    TeamMovedToOrganization,
    TeamSettings,
)
from services.command.application.members import AddMembers
from services.command.application.teams import DeleteTeams, NewTeam
from services.command.domain.dependents import (
    KEYS,
    LIMITS,
    ORGANIZATIONS,
    TEAMS,
    Link,
    keys_of_member,
    links,
)
from tests.support.eventlog import History
from tests.support.facts import (
    created,
    entered,
    generated,
    joined,
    key_settings,
    limits,
    organization_created,
    organization_settings,
)
from tests.support.memory_log import MemoryLog
from tests.support.people import People
from tests.support.process import Process

CORE, ANN, SECRET = stream(TEAM, "core"), stream(USER, "ann"), stream(KEY, "hash")
BOTH = {"team_id": "core", "user_id": "ann"}


def links_at(position: int, name: str, fact: DomainEvent) -> list[Link]:
    history = History(position=position - 1)
    return links(history.command((stream(*kind_and_id(name)), fact))[0])


def test_a_member_links_the_user_to_the_team_since_he_joined() -> None:
    assert links_at(7, CORE, joined("ann")) == [Link("add", ANN, TEAMS, CORE, since=7)]


def test_leaving_undoes_the_link() -> None:
    left = MemberRemoved(user_id="ann", role="user")
    assert links_at(8, CORE, left) == [Link("remove", ANN, TEAMS, CORE)]


def test_the_end_of_a_team_undoes_the_links_of_all_members_at_once() -> None:
    ended = TeamDeleted(settings=TeamSettings(), members_total=2)
    assert links_at(9, CORE, ended) == [Link("drop", "", TEAMS, CORE)]


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        ({}, []),
        ({"user_id": "ann"}, [(ANN, KEYS)]),
        ({"team_id": "core"}, [(CORE, KEYS)]),
        (BOTH, [(CORE, KEYS), (ANN, KEYS), (CORE, keys_of_member("ann"))]),
        ({"organization_id": "o"}, [(stream(ORGANIZATION, "o"), KEYS)]),
    ],
)
def test_a_key_hangs_on_its_team_its_user_him_in_the_team_and_its_organization(
    owners: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    made = links_at(5, SECRET, generated(**owners))
    assert made == [Link("add", parent, kind, SECRET, since=5) for parent, kind in expected]
    ended = links_at(6, SECRET, KeyDeleted(settings=key_settings(**owners)))
    assert ended == [Link("remove", parent, kind, SECRET) for parent, kind in expected]


def test_s16_a_key_hangs_on_the_budget_it_names() -> None:
    shared, other = stream(BUDGET, "shared"), stream(BUDGET, "other")
    named = {"budget_id": "shared"}
    made = Link("add", shared, KEYS, SECRET, since=5)
    left = Link("remove", shared, KEYS, SECRET)
    assert links_at(5, SECRET, generated(extra=named)) == [made]
    changed = KeyDetailsChanged(before=named, after={"budget_id": "other"})
    assert links_at(6, SECRET, changed) == [left, Link("add", other, KEYS, SECRET, since=6)]
    assert links_at(6, SECRET, KeyDetailsChanged(before=named, after={})) == [left]
    assert links_at(6, SECRET, KeyDetailsChanged(before=named, after={**named, "x": 1})) == []
    assert links_at(7, SECRET, KeyDeleted(settings=key_settings(extra=named))) == [left]


def test_an_organization_hangs_on_its_budget_and_is_dropped_from_everywhere() -> None:
    org, budget = stream(ORGANIZATION, "o"), stream(BUDGET, "b")
    assert links_at(3, org, organization_created()) == [
        Link("add", budget, ORGANIZATIONS, org, since=3)
    ]
    ended = OrganizationDeleted(settings=organization_settings())
    assert links_at(4, org, ended) == [Link("drop", "", ORGANIZATIONS, org)]


def test_a_team_hangs_on_its_organization() -> None:
    org, other = stream(ORGANIZATION, "o"), stream(ORGANIZATION, "p")
    made = links_at(2, CORE, created(organization_id="o"))
    assert made == [Link("add", org, TEAMS, CORE, since=2)]
    moved = TeamMovedToOrganization(before="o", after="p")
    assert links_at(3, CORE, moved) == [
        Link("remove", org, TEAMS, CORE),
        Link("add", other, TEAMS, CORE, since=3),
    ]


OWN = limits("own", max_budget="1")
LIMITING = [
    (CORE, joined("ann", own=OWN), 1),
    (CORE, MemberBudgetChanged(user_id="ann", before=None, after=OWN), 0),
    (CORE, MemberBudgetChanged(user_id="ann", before=limits("old"), after=OWN), 0),
    (CORE, created(member_defaults=OWN), 0),
    (CORE, TeamMemberDefaultsChanged(before=None, after=OWN), 0),
    (stream(ORGANIZATION, "o"), entered("ann", own=OWN), 1),
    (
        stream(ORGANIZATION, "o"),
        OrganizationMemberBudgetChanged(user_id="ann", before=None, after=OWN),
        0,
    ),
]


@pytest.mark.parametrize(("place", "fact", "others"), LIMITING)
def test_a_budget_leads_to_where_it_limits_members(
    place: str, fact: DomainEvent, others: int
) -> None:
    found = links_at(4, place, fact)[others:]
    assert found == [Link("add", stream(BUDGET, "own"), LIMITS, place, since=4)]


@pytest.mark.parametrize(
    "fact",
    [
        MemberBudgetChanged(user_id="ann", before=OWN, after=limits("own", max_budget="2")),
        MemberBudgetChanged(user_id="ann", before=OWN, after=None),
        TeamMemberDefaultsChanged(before=OWN, after=OWN),
        OrganizationMemberBudgetChanged(user_id="ann", before=OWN, after=None),
    ],
)
def test_limits_under_the_same_id_or_none_link_nothing_more(fact: DomainEvent) -> None:
    assert links_at(4, CORE, fact) == []


@pytest.mark.parametrize(
    "fact", [created(), KeyBlocked(), MemberRoleChanged(user_id="a", before="user", after="admin")]
)
def test_other_facts_link_nothing(fact: DomainEvent) -> None:
    assert links_at(1, CORE, fact) == []


@pytest.mark.parametrize("user_id", ["", "ann", "ann/bob", "a-b-c", "teams"])
def test_the_keys_of_a_member_are_apart_from_all_keys_and_from_teams(user_id: str) -> None:
    assert keys_of_member(user_id) not in {KEYS, TEAMS}


@pytest.mark.parametrize("identity", ["", "core", "a-b", "-", "team-a"])
def test_a_stream_names_kind_and_id_whatever_the_id(identity: str) -> None:
    assert kind_and_id(stream(TEAM, identity)) == (TEAM, identity)


async def test_a_team_that_its_batch_deleted_is_no_team_of_its_members() -> None:
    people, process = People(), Process(MemoryLog())
    creator = people.candidate("root", role="admin")
    core, other = (
        NewTeam(name, fresh=False, settings=TeamSettings(), members=(), creator=creator)
        for name in ("core", "other")
    )
    ann = [people.candidate("ann")]
    await process.carry_out(core, other, AddMembers("core", ann, single=True))
    _, added = await process.carry_out(DeleteTeams(["core"]), AddMembers("other", ann, single=True))
    assert [(user.user_id, user.teams) for user in added.touched] == [("ann", ["other"])]
