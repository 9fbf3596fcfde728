"""A plausible long history, made without the service: users, teams, members, changed budgets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from uuid_utils import uuid7

from events.envelope import Envelope, Meta
from events.registry import DomainEvent
from events.streams import TEAM, USER, Stream, stream
from events.team import MemberAdded, TeamBudgetChanged, TeamCreated, TeamSettings
from events.user import UserCreated, UserSettings
from events.values import RateLimits, TeamBudget
from tests.benchmarks.workloads import MEMBERS_PER_TEAM, USERS, first_member, team_id

BUDGET_CHANGES = 4
FACTS_PER_TEAM = 1 + MEMBERS_PER_TEAM + BUDGET_CHANGES


def teams_in(n: int) -> int:
    """How many teams a history of `n` events has."""
    return max(n - USERS, 0) // FACTS_PER_TEAM


@dataclass(frozen=True, slots=True)
class _Command:
    """The facts that one command appended to one stream, after `version` earlier ones."""

    name: str
    stream: Stream
    version: int
    facts: Sequence[DomainEvent]


def history(n: int, end: datetime) -> Iterator[Envelope]:
    """Exactly `n` envelopes, positions 1 to `n`, one a millisecond, the last one at `end`.

    Every command is whole, every stream starts at version 1 in its first incarnation, and users
    come before the teams they are members of.
    """
    positions = count(1)
    for command in _commands(n):
        meta = Meta(command_id=str(uuid7()), command=command.name, actor="bench-admin")
        for index, fact in enumerate(command.facts):
            position = next(positions)
            yield Envelope(
                originator_id=command.stream,
                originator_version=command.version + index + 1,
                position=position,
                event_id=str(uuid7()),
                recorded_at=end - timedelta(milliseconds=n - position),
                incarnation=1,
                index=index,
                count=len(command.facts),
                meta=meta,
                event=fact,
            )


def _commands(n: int) -> Iterator[_Command]:
    teams = teams_in(n)
    for index in range(n - teams * FACTS_PER_TEAM):
        user = f"bench-user-{index}"
        created = UserCreated(settings=UserSettings(person=f"bench-person-{index}"), implicit=True)
        yield _Command("CreateUser", stream(USER, user), 0, [created])
    for index in range(teams):
        yield from _team(index)


def _team(index: int) -> Iterator[_Command]:
    name, budget = stream(TEAM, team_id(index)), TeamBudget(max_budget=Decimal(1000))
    settings = TeamSettings(
        team_alias=f"bench-{index}",
        budget=budget,
        limits=RateLimits(tpm_limit=100_000, rpm_limit=1_000),
        models=["gpt-4o", "gpt-4o-mini", "claude-sonnet"],
        metadata={"cost_center": f"cc-{index % 100}", "owner": "platform"},
    )
    members = [
        MemberAdded(user_id=first_member(index + place), role="user")
        for place in range(MEMBERS_PER_TEAM)
    ]
    yield _Command("CreateTeam", name, 0, [TeamCreated(settings=settings), *members])
    for change in range(BUDGET_CHANGES):
        before, budget = budget, TeamBudget(max_budget=Decimal(1001 + change))
        changed = TeamBudgetChanged(before=before, after=budget)
        yield _Command("UpdateTeam", name, 1 + MEMBERS_PER_TEAM + change, [changed])
