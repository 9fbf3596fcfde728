"""Use cases on whole teams: create, update, delete, block."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from events.registry import DomainEvent
from events.streams import TEAM, kind_and_id, stream
from events.team import TeamSettings
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.answers import team_answer
from services.command.application.cache import LinkKey
from services.command.application.enrolment import Candidate, Enrolment
from services.command.application.keys import deletion
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain import team
from services.command.domain.dependents import KEYS
from services.command.domain.errors import NotFound
from services.command.domain.team_update import update

DEPENDENTS_AT_ONCE = 500
"""Keys that go in the append of their team's or member's removal; more follow in chunks."""


@dataclass(frozen=True, slots=True)
class NewTeam:
    """`fresh` tells that the id was drawn at random; `creator` joins as admin if he is a user."""

    team_id: str
    fresh: bool
    settings: TeamSettings
    members: Sequence[Candidate]
    creator: Candidate
    name: str = "CreateTeam"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/team/new", caller)
        stream_name = stream(TEAM, self.team_id)
        if self.fresh:
            view.assume_new(stream_name)
        existing = view.team(self.team_id)
        if self.settings.organization_id is not None:
            raise NotFound("organization", self.settings.organization_id)
        enrolment = Enrolment(view)
        members = enrolment.members(self._candidates(caller))
        command = team.CreateTeam(self.team_id, self.settings, members)
        facts = team.create(existing, command)
        return Decision(
            [*enrolment.facts, *((stream_name, fact) for fact in facts)],
            lambda after: team_answer(after, self.team_id),
            enrolment.people,
        )

    def _candidates(self, caller: Principal) -> list[Candidate]:
        named = {member.user_id for member in self.members}
        joins = caller.user_id is not None and caller.user_id not in named
        return [*self.members, *([self.creator] if joins else [])]


@dataclass(frozen=True, slots=True)
class ReviseTeam:
    """`changes` as in `domain.team.UpdateTeam`."""

    team_id: str
    changes: dict[str, Any]
    name: str = "UpdateTeam"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/team/update", caller)
        organization = self.changes.get("organization_id")
        facts = update(view.team(self.team_id), team.UpdateTeam(self.team_id, self.changes))
        if organization is not None:
            raise NotFound("organization", organization)
        return Decision(
            [(stream(TEAM, self.team_id), fact) for fact in facts],
            lambda after: team_answer(after, self.team_id),
        )


@dataclass(frozen=True, slots=True)
class BlockTeam:
    """Refuse the team's keys, or accept them again; saying it twice is no news."""

    team_id: str
    blocked: bool
    name: str = "BlockTeam"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/team/block" if self.blocked else "/team/unblock", caller)
        found = view.team(self.team_id)
        if not found.open:
            raise NotFound("team", self.team_id)
        facts = team.set_blocked(found, blocked=self.blocked)
        return Decision(
            [(stream(TEAM, self.team_id), fact) for fact in facts],
            lambda after: team_answer(after, self.team_id),
        )


@dataclass(frozen=True, slots=True)
class DeleteTeams:
    """All or none; an id named twice is deleted once. Keys go with their team (3.3, D30, D32)."""

    team_ids: Sequence[str]
    name: str = "DeleteTeam"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/team/delete", caller)
        view.need(stream(TEAM, team_id) for team_id in self.team_ids)
        facts: list[tuple[str, DomainEvent]] = []
        chores: list[LinkKey] = []
        for team_id in dict.fromkeys(self.team_ids):
            name, found = stream(TEAM, team_id), view.team(team_id)
            deleted = team.delete(found, team_id)
            keys, rest = dependent_keys(view, name, KEYS, cause="team")
            facts += [*((name, fact) for fact in deleted), *keys]
            if rest:
                chores.append((name, KEYS))
        return Decision(facts, lambda _: list(self.team_ids), chores=chores)


def dependent_keys(
    view: View, parent: str, kind: str, *, cause: Literal["member", "team"]
) -> tuple[list[tuple[str, DomainEvent]], bool]:
    """The deletions of at most DEPENDENTS_AT_ONCE live keys of `parent`; whether more are left.

    Keys not deleted here are void by rule already: their team is closed, or the membership they
    were made for is over.
    """
    names = list(view.children(parent, kind))
    chosen = names[:DEPENDENTS_AT_ONCE]
    view.need(chosen)
    facts: list[tuple[str, DomainEvent]] = []
    for name in chosen:
        token = kind_and_id(name)[1]
        found = view.key(token)
        if found.open:
            facts += deletion(view, token, found, cause)
    return facts, len(names) > len(chosen)
