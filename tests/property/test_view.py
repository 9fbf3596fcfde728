"""However commands are batched, and whoever carries them out: one history, one set of links."""

import asyncio
from collections.abc import Sequence
from types import NoneType
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from events.streams import KEY, TEAM, USER, stream
from events.team import TeamRole, TeamSettings
from services.access.principal import MASTER_USER
from services.command.application.answers import KeyAnswer, TeamAnswer
from services.command.application.appending import net
from services.command.application.departures import DeleteUsers
from services.command.application.enrolment import Candidate, EmailClaim
from services.command.application.folds import evolve, fold_of
from services.command.application.keys import BlockKey, DeleteKeys, NewKey
from services.command.application.members import AddMembers, RemoveMember, UpdateMember
from services.command.application.names import ByName
from services.command.application.plan import REFUSALS
from services.command.application.requests import Command
from services.command.application.restoration import Restored, RestoreTeam
from services.command.application.teams import BlockTeam, DeleteTeams, NewTeam, ReviseTeam
from services.command.application.users import Joining, NewUser
from services.command.domain.dependents import KEYS, TEAMS, Link, keys_of_member, revoked_keys
from services.database.vault import Person
from tests.support.facts import key_settings, usd, user_settings
from tests.support.memory_log import MemoryLog, apply_links, linked
from tests.support.people import WRAPPED, People, claimed
from tests.support.process import Process, request, result

TEAM_IDS, USER_IDS, TOKENS = ["core", "other"], ["ann", "bob", "eve"], ["k1", "k2", "k3"]
EMAILS = ["a@example.com", "A@example.com", "b@example.com"]
ANYBODY = Person("p-any", b"k" * 32, WRAPPED)
EMAIL_CLAIMS = {email: claimed(email, ANYBODY) for email in EMAILS}

team_ids, user_ids = st.sampled_from(TEAM_IDS), st.sampled_from(USER_IDS)
tokens, roles = st.sampled_from(TOKENS), st.sampled_from(["admin", "user"])
emails = st.sampled_from(EMAILS)
PEOPLE = People()


def candidate(who: tuple[str | None, str | None], role: TeamRole) -> Candidate:
    return PEOPLE.candidate(*who, role=role)


def new_team(team_id: str, members: list[Candidate]) -> NewTeam:
    creator = PEOPLE.candidate(MASTER_USER, role="admin")
    return NewTeam(team_id, False, TeamSettings(), members, creator)  # noqa: FBT003


def new_user(user_id: str, email: EmailClaim | None, teams: list[str]) -> NewUser:
    sealed, claim = (None, None) if email is None else (email.sealed, email.claim)
    own = user_settings(person=f"p-{user_id}", email=sealed, email_claim=claim)
    joining = [Joining(team_id, "user", None) for team_id in teams]
    return NewUser(user_id, False, own, email, WRAPPED, None, joining)  # noqa: FBT003


def new_key(token: str, user_id: str | None, team_id: str | None, alias: str | None) -> NewKey:
    owned = key_settings(user_id=user_id, team_id=team_id, key_alias=alias)
    return NewKey(token, owned, fresh=False)


whoever = st.one_of(
    st.tuples(user_ids, st.none()), st.tuples(st.none(), emails), st.tuples(user_ids, emails)
)
candidates = st.lists(st.builds(candidate, whoever, roles), max_size=3)
named = st.builds(ByName, user_ids, st.none()) | st.builds(
    ByName, st.none(), emails.map(EMAIL_CLAIMS.__getitem__)
)
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(new_team, team_ids, candidates),
    st.builds(ReviseTeam, team_ids, st.just({"team_alias": "New", "limits": {"tpm_limit": 5}})),
    st.builds(DeleteTeams, st.lists(team_ids, max_size=2)),
    st.builds(RestoreTeam, team_ids, st.booleans()),
    st.builds(DeleteUsers, st.lists(user_ids, max_size=1)),
    st.builds(AddMembers, team_ids, candidates, st.booleans()),
    st.builds(RemoveMember, team_ids, named),
    st.builds(
        UpdateMember,
        team_ids,
        named,
        st.none() | roles,
        st.sampled_from([{}, {"max_budget": usd(5)}, {"tpm_limit": -1}]),
        st.just("drawn"),
    ),
    st.builds(BlockTeam, team_ids, st.booleans()),
    st.builds(
        new_user,
        user_ids,
        st.none() | emails.map(EMAIL_CLAIMS.__getitem__),
        st.lists(team_ids, max_size=2),
    ),
    st.builds(
        new_key, tokens, st.none() | user_ids, st.none() | team_ids, st.none() | st.just("alias")
    ),
    st.builds(lambda token: DeleteKeys([(token, token)], []), tokens),
    st.builds(DeleteKeys, st.just([]), st.just(["alias"])),
    st.builds(lambda token, blocked: BlockKey(token, token, blocked), tokens, st.booleans()),
)
BEGINNING: list[Command] = [
    new_team("core", [PEOPLE.candidate("ann")]),
    new_team("other", []),
    new_key("k1", "ann", "core", "alias"),
]
batches = st.lists(st.lists(commands, max_size=5), max_size=4).map(
    lambda later: [BEGINNING, *later]
)
unhurried = settings(deadline=None)


def shown(answer: object) -> object:
    """What an answer tells, apart from the times at which it was told."""
    if isinstance(answer, TeamAnswer):
        touched = [(u.user_id, tuple(u.teams)) for u in answer.touched]
        return answer.team_id, answer.team.settings, tuple(answer.members), touched
    if isinstance(answer, Restored):
        keys = [(one.token, one.settings.key_alias, one.taken) for one in answer.keys]
        return shown(answer.team), answer.departed, keys, answer.lost
    if isinstance(answer, KeyAnswer):
        return answer.token, answer.key.settings
    if isinstance(answer, tuple):
        user, _ = answer
        return user.user_id, user.user.settings, tuple(user.teams)
    return answer


async def carry_out(
    processes: Sequence[Process], given_batches: list[list[Command]]
) -> list[object]:
    """Answers and refusals of all commands, batch by batch, each by the next process in turn."""
    told: list[object] = []
    for number, batch in enumerate(given_batches):
        if not batch:
            continue
        sent = [request(command, render=as_shown) for command in batch]
        await processes[number % len(processes)].decide(*sent)
        assert all(isinstance(each.refused, (*REFUSALS, NoneType)) for each in sent)
        told += [repr(result(each)) for each in sent]
    return told


def as_shown(answer: Any) -> Any:  # noqa: ANN401
    return shown(answer)


def recorded(log: MemoryLog) -> list[tuple[object, ...]]:
    """Every stream's facts in order; the keys that go with a team may go in any order."""
    by_stream = sorted(log.envelopes, key=lambda at: (at.originator_id, at.originator_version))
    return [
        (at.originator_id, at.originator_version, at.incarnation, at.count, at.event)
        for at in by_stream
    ]


@unhurried
@given(batches)
def test_commands_decided_in_one_batch_are_decided_as_one_by_one(
    given_batches: list[list[Command]],
) -> None:
    together, apart = MemoryLog(), MemoryLog()
    one_by_one = [[command] for batch in given_batches for command in batch]
    told = asyncio.run(carry_out([Process(together)], given_batches))
    assert asyncio.run(carry_out([Process(apart)], one_by_one)) == told
    assert recorded(together) == recorded(apart)
    assert together.people == apart.people


@unhurried
@given(batches)
def test_two_processes_in_turn_write_what_one_would_have_written(
    given_batches: list[list[Command]],
) -> None:
    alone, shared = MemoryLog(), MemoryLog()
    told = asyncio.run(carry_out([Process(alone)], given_batches))
    two = [Process(shared), Process(shared)]
    assert asyncio.run(carry_out(two, given_batches)) == told
    assert recorded(shared) == recorded(alone)


LINK_KEYS = [
    *((stream(USER, user_id), kind) for user_id in USER_IDS for kind in (TEAMS, KEYS)),
    *((stream(TEAM, team_id), KEYS) for team_id in TEAM_IDS),
    *((stream(TEAM, team_id), revoked_keys(1)) for team_id in TEAM_IDS),
    *((stream(TEAM, t), keys_of_member(u)) for t in TEAM_IDS for u in USER_IDS),
]


@unhurried
@given(batches)
def test_a_cache_that_follows_knows_what_all_facts_say(given_batches: list[list[Command]]) -> None:
    log = MemoryLog()
    processes = [Process(log), Process(log)]
    asyncio.run(carry_out(processes, given_batches))
    everything = linked(log.envelopes)
    for process in processes:
        process.cache.follow(log.envelopes[process.cache.head :])
        for key in LINK_KEYS:
            children = process.cache.children(key)
            expected = {c: since for (*parent, c), since in everything.items() if (*parent,) == key}
            assert children is None or dict(children) == expected
        for name in {at.originator_id for at in log.envelopes}:
            state = fold_of(name).initial
            for at in log.envelopes:
                state = evolve(state, at) if at.originator_id == name else state
            assert process.cache.state(name) in (None, state)


places = st.tuples(
    st.sampled_from(["user-ann", "team-core"]),
    st.sampled_from([TEAMS, KEYS]),
    st.sampled_from([stream(KEY, "k1"), stream(TEAM, "core"), stream(TEAM, "other")]),
)
actions: st.SearchStrategy[Literal["add", "remove", "drop"]] = st.sampled_from(
    ["add", "remove", "drop"]
)


def link(action: Literal["add", "remove", "drop"], place: tuple[str, str, str], since: int) -> Link:
    parent, kind, child = place
    return Link(action, parent, kind, child, since)


links = st.builds(link, actions, places, st.integers(1, 9))


@given(st.dictionaries(places, st.integers(1, 9)), st.lists(links, max_size=8))
def test_what_changes_come_to_is_what_they_lead_to_one_by_one(
    before: dict[tuple[str, str, str], int], changes: list[Link]
) -> None:
    added, removed, dropped = net(changes)
    kept = {
        place: since
        for place, since in before.items()
        if place not in removed and place[2] not in dropped
    }
    assert {**kept, **added} == apply_links(before, changes)
