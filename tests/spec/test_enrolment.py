"""From the people a request names to users (register D27 to D29, supporting-api.md 3.6)."""

from typing import Any

import pytest

from events.registry import DomainEvent
from events.reservation import NameReserved
from events.streams import EMAIL, TEAM, USER, Stream, stream
from events.team import MemberAdded, MemberRemoved, TeamCreated, TeamSettings
from events.user import UserCreated, UserEmailChanged
from events.values import Sealed
from services.access.principal import MASTER_USER
from services.command.application.enrolment import Candidate, EmailClaim
from services.command.application.members import AddMembers, EverybodyThere, RemoveMember
from services.command.application.names import ByName
from services.command.application.teams import NewTeam
from services.command.application.users import NewUser
from services.command.domain.errors import AlreadyExists, NotAMember, NotSamePerson
from services.command.domain.user import User
from tests.support.facts import joined, user_settings
from tests.support.memory_log import MemoryLog
from tests.support.people import WRAPPED, People, claim_of
from tests.support.process import Process

PEOPLE = People()
CORE = stream(TEAM, "core")


def add(*candidates: Candidate, team_id: str = "core") -> AddMembers:
    return AddMembers(team_id, candidates, single=len(candidates) == 1)


def new_team(*members: Candidate, team_id: str = "core") -> NewTeam:
    creator = PEOPLE.candidate(MASTER_USER, role="admin")
    return NewTeam(team_id, fresh=False, settings=TeamSettings(), members=members, creator=creator)


def email(address: str) -> EmailClaim:
    return EmailClaim(address, claim_of(address), Sealed(person="", box=""))


@pytest.fixture
async def process() -> Process:
    """A log with the teams `core` and `other`, `ann` who has an address, and `bob` without."""
    process = Process(MemoryLog())
    ann = PEOPLE.candidate("ann", "ann@example.com")
    await process.carry_out(
        new_team(ann), new_team(PEOPLE.candidate("bob"), team_id="other"), new_team(team_id="empty")
    )
    return process


async def news(process: Process, *commands: Any) -> list[tuple[str, DomainEvent]]:  # noqa: ANN401
    """The facts that one batch adds, with their streams."""
    before = await process.log.head()
    await process.carry_out(*commands)
    return [(at.originator_id, at.event) for at in process.log.envelopes[before:]]


async def refusal(process: Process, command: Any) -> Exception:  # noqa: ANN401
    """The error that refuses a command, having made sure that it left nothing behind."""
    before = list(process.log.envelopes)
    [error] = await process.carry_out(command)
    assert isinstance(error, Exception)
    assert process.log.envelopes == before
    return error


def user_stream(user_id: str) -> Stream:
    return stream(USER, user_id)


async def test_an_unknown_id_becomes_a_user_and_his_key_is_stored(process: Process) -> None:
    eve = PEOPLE.candidate("eve")
    created = user_settings(person=eve.person, user_role="internal_user")
    assert await news(process, add(eve)) == [
        (user_stream("eve"), UserCreated(settings=created, implicit=True)),
        (CORE, joined("eve")),
    ]
    assert process.log.people[eve.person] == WRAPPED


async def test_an_unknown_address_becomes_a_user_under_a_new_id(process: Process) -> None:
    eve = PEOPLE.candidate(email="eve@example.com")
    assert eve.email is not None
    settings = user_settings(
        person=eve.person,
        email=eve.email.sealed,
        email_claim=eve.email.claim,
        user_role="internal_user",
    )
    assert await news(process, add(eve)) == [
        (user_stream(eve.new_id), UserCreated(settings=settings, implicit=True)),
        (stream(EMAIL, eve.email.claim), NameReserved(holder=eve.new_id)),
        (CORE, joined(eve.new_id)),
    ]


async def test_d28_the_address_of_an_unknown_id_is_kept(process: Process) -> None:
    eve = PEOPLE.candidate("eve", "eve@example.com")
    await process.carry_out(add(eve))
    [again] = await process.carry_out(add(PEOPLE.candidate(email="eve@example.com")))
    assert isinstance(again, EverybodyThere)


async def test_an_address_is_sealed_under_its_users_own_key(process: Process) -> None:
    await process.carry_out(add(PEOPLE.candidate(email="eve@example.com")))
    users = [at.event for at in process.log.envelopes if isinstance(at.event, UserCreated)]
    sealed = [u.settings for u in users if u.settings.email is not None]
    assert len(sealed) == 2
    assert all(s.email is not None and s.email.person == s.person for s in sealed)


@pytest.mark.parametrize("spelling", ["ann@example.com", "ANN@Example.COM", " ann@example.com "])
async def test_d28_an_address_means_one_user_whatever_its_case(
    process: Process, spelling: str
) -> None:
    assert await news(process, add(PEOPLE.candidate(email=spelling), team_id="other")) == [
        (stream(TEAM, "other"), joined("ann"))
    ]


async def test_d28_a_known_user_gets_the_address_he_is_added_by(process: Process) -> None:
    bob = PEOPLE.candidate("bob", "bob@example.com")
    assert bob.email is not None
    changed = UserEmailChanged(
        before=None, after=bob.email.sealed, before_claim=None, after_claim=bob.email.claim
    )
    assert await news(process, add(bob)) == [
        (user_stream("bob"), changed),
        (stream(EMAIL, bob.email.claim), NameReserved(holder="bob")),
        (CORE, joined("bob")),
    ]


async def test_the_user_knows_the_person_that_an_address_given_later_is_sealed_for(
    process: Process,
) -> None:
    await process.carry_out(add(PEOPLE.candidate("bob", "bob@example.com")))
    bob = process.cache.state(user_stream("bob"))
    assert isinstance(bob, User)
    assert bob.settings.email is not None
    assert {bob.settings.person, bob.settings.email.person} <= bob.persons


async def test_d27_two_candidates_with_one_new_address_are_one_user(process: Process) -> None:
    first, second = (
        PEOPLE.candidate(email="Eve@example.com"),
        PEOPLE.candidate(email="eve@EXAMPLE.com"),
    )
    facts = await news(process, add(first, second))
    assert [fact for _, fact in facts if isinstance(fact, MemberAdded)] == [joined(first.new_id)]
    assert sum(isinstance(fact, UserCreated) for _, fact in facts) == 1


async def test_two_commands_of_a_batch_with_one_new_address_are_one_user(process: Process) -> None:
    first, second = (
        PEOPLE.candidate(email="eve@example.com"),
        PEOPLE.candidate(email="eve@example.com"),
    )
    facts = await news(process, add(first), add(second, team_id="other"))
    assert [(at, fact) for at, fact in facts if isinstance(fact, MemberAdded)] == [
        (CORE, joined(first.new_id)),
        (stream(TEAM, "other"), joined(first.new_id)),
    ]
    assert sum(isinstance(fact, UserCreated) for _, fact in facts) == 1


async def test_d27_one_person_by_id_and_by_address_joins_once(process: Process) -> None:
    both = add(PEOPLE.candidate("ann"), PEOPLE.candidate(email="ann@example.com"), team_id="other")
    assert await news(process, both) == [(stream(TEAM, "other"), joined("ann"))]


async def test_a_new_user_named_again_with_his_address_joins_once(process: Process) -> None:
    eve = [PEOPLE.candidate("eve", "eve@example.com"), PEOPLE.candidate(email="eve@example.com")]
    facts = await news(process, add(*eve))
    assert [fact for _, fact in facts if isinstance(fact, MemberAdded)] == [joined("eve")]


@pytest.mark.parametrize(
    ("user_id", "address"),
    [
        ("bob", "ann@example.com"),
        ("bob", "ANN@EXAMPLE.COM"),
        ("eve", "ann@example.com"),
        ("ann", "other@example.com"),
    ],
)
async def test_an_id_and_an_address_of_different_people_are_refused(
    process: Process, user_id: str, address: str
) -> None:
    error = await refusal(process, add(PEOPLE.candidate(user_id, address), team_id="empty"))
    assert type(error) is NotSamePerson
    assert (error.user_id, error.email) == (user_id, address)


async def test_a_new_user_with_two_addresses_is_refused(process: Process) -> None:
    twice = add(PEOPLE.candidate("eve", "a@example.com"), PEOPLE.candidate("eve", "b@example.com"))
    assert type(await refusal(process, twice)) is NotSamePerson


async def test_a_known_user_given_two_addresses_is_refused(process: Process) -> None:
    twice = add(PEOPLE.candidate("bob", "a@example.com"), PEOPLE.candidate("bob", "b@example.com"))
    assert type(await refusal(process, twice)) is NotSamePerson


async def test_one_wrong_candidate_refuses_the_whole_list(process: Process) -> None:
    error = await refusal(
        process, add(PEOPLE.candidate("new"), PEOPLE.candidate("bob", "ann@example.com"))
    )
    assert type(error) is NotSamePerson


async def test_d29_a_member_named_by_address_is_removed_as_the_user_he_is(process: Process) -> None:
    remove = RemoveMember("core", ByName(None, email("ANN@example.com")))
    assert await news(process, remove) == [(CORE, MemberRemoved(user_id="ann", role="user"))]


async def test_an_address_that_nobody_has_is_no_member(process: Process) -> None:
    error = await refusal(process, RemoveMember("core", ByName(None, email("eve@example.com"))))
    assert type(error) is NotAMember


async def test_whoever_makes_a_team_joins_it_as_admin_after_the_members_named() -> None:
    process = Process(MemoryLog())
    facts = await news(process, new_team(PEOPLE.candidate("ann")))
    assert [fact for at, fact in facts if at == CORE] == [
        TeamCreated(settings=TeamSettings()),
        joined("ann"),
        joined(MASTER_USER, "admin"),
    ]
    assert {at for at, fact in facts if isinstance(fact, UserCreated)} == {
        user_stream("ann"),
        user_stream(MASTER_USER),
    }


async def test_whoever_names_himself_has_the_role_he_asked_for() -> None:
    facts = await news(Process(MemoryLog()), new_team(PEOPLE.candidate(MASTER_USER, role="user")))
    assert [fact for _, fact in facts if isinstance(fact, MemberAdded)] == [joined(MASTER_USER)]


async def test_d28_a_new_user_needs_an_address_that_nobody_has(process: Process) -> None:
    claim = email("Ann@Example.com")
    settings = user_settings(email=claim.sealed, email_claim=claim.claim)
    new = NewUser("eve", fresh=False, settings=settings, email=claim, wrapped=WRAPPED, key=None)
    error = await refusal(process, new)
    assert type(error) is AlreadyExists
    assert (error.kind, error.identity) == ("email", "Ann@Example.com")
