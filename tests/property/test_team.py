"""Whatever commands a team is given: history rebuilds it, refusals leave no trace."""

from collections.abc import Sequence
from decimal import Decimal
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from events.envelope import Envelope, decode, encode
from events.streams import TEAM, stream
from events.team import MemberAdded, MemberRemoved, TeamCreated, TeamDeleted, TeamRole
from events.values import MemberLimits, ObjectPermission
from services.command.domain.errors import DomainError
from services.command.domain.roster import SMALL, Membership, Roster
from services.command.domain.team import (
    AddMembers,
    CreateTeam,
    NewMember,
    RemoveMember,
    Team,
    UpdateMember,
    UpdateTeam,
    evolve,
)
from services.command.domain.team_update import revised
from tests.support import facts
from tests.support.decider import BlockTeam, DeleteTeam, decide
from tests.support.eventlog import History

CORE = stream(TEAM, "core")
unhurried = settings(deadline=None)

user_ids = st.sampled_from(["ann", "bob", "eve", "Ann", "a/b"])
roles: st.SearchStrategy[TeamRole] = st.sampled_from(["admin", "user"])
money = st.none() | st.decimals(Decimal(-1), Decimal(100), places=2)
rates = st.none() | st.integers(-1, 50)
durations = st.sampled_from([None, "1d", "30d"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.floats(0, 2) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=1), inner),
    max_leaves=4,
)
objects = st.dictionaries(st.sampled_from(["own", "tags", "guardrails"]), json_values)
permissions = st.builds(
    ObjectPermission,
    object_permission_id=st.sampled_from(["one", "two"]),
    permissions=st.dictionaries(st.sampled_from(["agents", "models"]), st.just(["x"])),
)
limits = st.none() | st.builds(
    MemberLimits,
    budget_id=st.just("own"),
    max_budget=money,
    tpm_limit=rates,
    budget_duration=durations,
)
members = st.lists(st.builds(NewMember, user_ids, roles, limits), max_size=4)
parts = st.fixed_dictionaries(
    {}, optional={"max_budget": money, "soft_budget": money, "budget_duration": durations}
)
own_limits = st.fixed_dictionaries(
    {}, optional={"max_budget": money, "tpm_limit": rates, "rpm_limit": rates}
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "team_alias": st.none() | st.text(max_size=2),
        "organization_id": st.none() | st.just("acme"),
        "budget": parts,
        "limits": st.fixed_dictionaries({}, optional={"tpm_limit": rates, "rpm_limit": rates}),
        "models": st.lists(st.sampled_from(["gpt", "llama"]), unique=True),
        "blocked": st.booleans(),
        "model_aliases": st.none() | objects,
        "metadata": st.tuples(st.none() | objects, objects),
        "object_permission": st.none() | permissions,
        "router_settings": objects,
        "access_group_ids": st.lists(st.just("group"), max_size=1),
        "member_permissions": st.lists(st.just("/key/info"), max_size=1),
        "member_defaults": parts.map(
            lambda sent: {"budget_id": "d", **{k: v for k, v in sent.items() if k[:4] != "soft"}}
        ),
    },
)
creations = st.builds(
    lambda sent, joining: CreateTeam("core", revised(facts.settings(), sent), joining),
    changes,
    members,
)
updates = st.builds(lambda sent: UpdateTeam("core", sent), changes)
commands = st.lists(
    st.one_of(
        creations,
        updates,
        st.builds(AddMembers, members),
        st.builds(UpdateMember, user_ids, st.none() | roles, own_limits, st.just("drawn")),
        st.builds(RemoveMember, user_ids),
        st.builds(DeleteTeam),
        st.builds(BlockTeam, st.booleans()),
    ),
    max_size=12,
).map(lambda later: [CreateTeam("core", facts.settings(), []), *later])


def run(given_commands: Sequence[object]) -> tuple[Team, list[Envelope], list[object]]:
    """The team they lead to, what was recorded on the way, and the commands not refused."""
    team, history, log = Team(), History(), list[Envelope]()
    accepted: list[object] = []
    for command in given_commands:
        try:
            decided = decide(team, command)
        except DomainError:
            continue
        accepted.append(command)
        news = history.command(*((CORE, fact) for fact in decided))
        team, log = reduce(evolve, news, team), log + news
    return team, log, accepted


def stored(at: Envelope) -> Envelope:
    """What a reader gets of what a writer stored."""
    return decode(at.originator_id, at.originator_version, at.position, *encode(at))


@unhurried
@given(commands)
def test_replaying_stored_history_rebuilds_the_state(given_commands: list[object]) -> None:
    team, log, _ = run(given_commands)
    assert reduce(evolve, map(stored, log), Team()) == team
    assert [stored(at) for at in log] == log


@unhurried
@given(commands)
def test_refused_commands_leave_no_trace(given_commands: list[object]) -> None:
    team, log, accepted = run(given_commands)
    assert run(accepted) == (team, log, accepted)


@unhurried
@given(commands)
def test_nobody_is_in_a_team_twice(given_commands: list[object]) -> None:
    team, log, _ = run(given_commands)
    present: list[str] = []
    for at in log:
        match at.event:
            case TeamCreated():
                present = []
            case MemberAdded(user_id=user_id):
                assert user_id not in present
                present.append(user_id)
            case MemberRemoved(user_id=user_id):
                present.remove(user_id)
            case TeamDeleted(members_total=total):
                assert total == len(present)
    assert [user_id for user_id, _ in team.roster.ordered()] == present


@unhurried
@given(commands, changes)
def test_an_update_leads_to_the_settings_it_asks_for_and_then_to_nothing(
    given_commands: list[object], sent: dict[str, object]
) -> None:
    command = UpdateTeam("core", sent)
    team, _, _ = run(given_commands)
    after, log, accepted = run([*given_commands, command])
    if command in accepted[-1:] and team.open:
        assert after.settings == revised(team.settings, sent)
        assert run([*given_commands, command, command])[1] == log


@given(st.integers(0, SMALL // 2 + 1), st.integers(0, 3))
@settings(deadline=None, max_examples=10)
def test_a_roster_keeps_the_order_of_joining_when_it_grows_and_shrinks(
    stay: int, beyond: int
) -> None:
    roster, total = Roster(), SMALL + beyond
    for number in range(total):
        roster = roster.insert(f"user-{number}", Membership(number, "user"))
    for number in range(total - stay):
        roster = roster.discard(f"user-{number}")
    roster = roster.insert("last", Membership(total, "admin"))
    left = [f"user-{number}" for number in range(total - stay, total)]
    assert [user_id for user_id, _ in roster.ordered()] == [*left, "last"]
    assert len(roster) == stay + 1
