"""Use cases on whole teams: create, update, delete, block."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from events.key import Cause
from events.registry import DomainEvent
from events.streams import TEAM, kind_and_id, stream
from events.team import TeamRole, TeamSettings
from services.access.policy import check_new_team, check_route, check_team
from services.access.principal import Principal, Towards
from services.command.application.admission import authorized_team, towards
from services.command.application.answers import ROSTER_SHOWN, team_answer
from services.command.application.cache import LinkKey
from services.command.application.enrolment import Candidate, Enrolment
from services.command.application.keys import deletions
from services.command.application.names import ByName
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.application.within import allowance_facts, check_fits, live_organization
from services.command.domain import team
from services.command.domain.dependents import KEYS
from services.command.domain.errors import NotAMember, NotByUpdate
from services.command.domain.team import Team
from services.command.domain.team_update import revised, update

DEPENDENTS_AT_ONCE = 25
"""Keys that go in the append of their team's or member's removal; more follow in chunks.

They are loaded for it, and everybody else waits meanwhile: 25 take 7 ms of processor time.
"""


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
        check_new_team(caller, self.settings.organization_id)
        stream_name = stream(TEAM, self.team_id)
        if self.fresh:
            view.assume_new(stream_name)
        existing = view.team(self.team_id)
        team.create(existing, team.CreateTeam(self.team_id, self.settings, ()))
        check_fits(view, self.team_id, team.Team(), self.settings)
        enrolment = Enrolment(view)
        members = enrolment.members(self._candidates(caller))
        command = team.CreateTeam(self.team_id, self.settings, members)
        facts = team.create(existing, command)
        former, chores = former_life(view, self.team_id)
        taken = allowance_facts(view, self.team_id, None, self.settings)
        own = [(stream_name, fact) for fact in facts]
        return Decision(
            [*former, *enrolment.facts, *own, *taken],
            lambda after: team_answer(after, self.team_id),
            enrolment.people,
            chores,
            subject=stream_name,
        )

    def _candidates(self, caller: Principal) -> list[Candidate]:
        named = {member.user_id for member in self.members}
        joins = caller.user_id is not None and caller.user_id not in named
        return [*self.members, *([self.creator] if joins else [])]


@dataclass(frozen=True, slots=True)
class ReviseTeam:
    """`changes` as in `domain.team.UpdateTeam`; `roster` as the client believes it to be (D35)."""

    team_id: str
    changes: dict[str, Any]
    roster: Sequence[tuple[ByName, TeamRole]] | None = None
    name: str = "UpdateTeam"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/team/update", caller)
        found = view.team(self.team_id)
        check_team("/team/update", caller, towards(caller, self.team_id, found))
        facts = update(found, team.UpdateTeam(self.team_id, self.changes))
        wanted = revised(found.settings, self.changes)
        move = found.settings.organization_id, wanted.organization_id
        check_mover("/team/update", view, caller, self.team_id, move)
        check_fits(view, self.team_id, found, wanted)
        if self.roster is not None:
            self._check_roster(view, self.roster)
        name = stream(TEAM, self.team_id)
        taken = allowance_facts(view, self.team_id, found.settings, wanted)
        return Decision(
            [*((name, fact) for fact in facts), *taken],
            lambda after: team_answer(after, self.team_id),
            subject=name,
        )

    def _check_roster(self, view: View, sent: Sequence[tuple[ByName, TeamRole]]) -> None:
        """A list that answers had to cut is compared as far as it goes."""
        roster = view.team(self.team_id).roster
        try:
            believed = {who.resolve(view): role for who, role in sent}
        except NotAMember:
            raise NotByUpdate from None
        whole = len(roster) <= ROSTER_SHOWN
        known = {user_id: roster[user_id].role for user_id in believed if user_id in roster}
        if believed != known or (whole and len(known) != len(roster)):
            raise NotByUpdate


def check_mover(
    route: str, view: View, caller: Principal, team_id: str, move: tuple[str | None, str | None]
) -> None:
    """Moving takes an admin of where the team goes, too; leaving is for proxy admins (D01)."""
    left, entered = move
    if left == entered or caller.is_admin:
        return
    if entered is None or entered not in caller.administers:
        check_team(route, caller, Towards(team_id))
    live_organization(view, str(entered))


@dataclass(frozen=True, slots=True)
class BlockTeam:
    """Refuse the team's keys, or accept them again; saying it twice is no news."""

    team_id: str
    blocked: bool

    @property
    def name(self) -> str:
        return "BlockTeam" if self.blocked else "UnblockTeam"

    def decide(self, view: View, caller: Principal) -> Decision:
        route = "/team/block" if self.blocked else "/team/unblock"
        check_route(route, caller)
        found = authorized_team(view, caller, route, self.team_id)
        facts = team.set_blocked(found, blocked=self.blocked)
        name = stream(TEAM, self.team_id)
        return Decision(
            [(name, fact) for fact in facts],
            lambda after: team_answer(after, self.team_id),
            subject=name,
        )


@dataclass(frozen=True, slots=True)
class DeleteTeams:
    """All or none; an id named twice is deleted once. Keys go with their team (3.3, D30, D32)."""

    team_ids: Sequence[str]
    name: str = "DeleteTeam"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/team/delete", caller)
        names = {team_id: stream(TEAM, team_id) for team_id in self.team_ids}
        view.need(names.values())
        found = {t: authorized_team(view, caller, "/team/delete", t) for t in names}
        facts, chores = ends_of_teams(view, list(found.items()))
        subject = next(iter(names.values())) if len(names) == 1 else None
        answer = list(self.team_ids)
        return Decision(facts, lambda _: answer, chores=chores, subject=subject)


def dependent_keys(
    view: View,
    parents: Sequence[LinkKey],
    *,
    cause: Cause,
    at_once: int = DEPENDENTS_AT_ONCE,
) -> tuple[list[tuple[str, DomainEvent]], list[LinkKey]]:
    """The deletions of at most so many live keys in all; which parents have more.

    Keys not deleted here are void by rule already: their team or organization is closed, or the
    membership they were made for is over.
    """
    view.need_children(parents)
    chosen: list[str] = []
    left: list[LinkKey] = []
    for parent in parents:
        children = view.children(*parent)
        names = sorted(children, key=lambda name: children[name])
        taken = names[: at_once - len(chosen)]
        chosen += [kind_and_id(name)[1] for name in taken]
        if len(taken) < len(names):
            left.append(parent)
    return deletions(view, chosen, cause), left


def ends_of_teams(
    view: View, teams: Sequence[tuple[str, Team]], at_once: int = DEPENDENTS_AT_ONCE
) -> tuple[list[tuple[str, DomainEvent]], list[LinkKey]]:
    """The ends of these teams and of at most so many of their keys; which teams have more."""
    facts: list[tuple[str, DomainEvent]] = [
        (stream(TEAM, team_id), fact)
        for team_id, found in teams
        for fact in team.delete(found, team_id)
    ]
    for team_id, found in teams:
        facts += allowance_facts(view, team_id, found.settings, None)
    parents = [(stream(TEAM, team_id), KEYS) for team_id, _ in teams]
    keys, chores = dependent_keys(view, parents, cause="team", at_once=at_once)
    return [*facts, *keys], chores


def former_life(view: View, team_id: str) -> tuple[list[tuple[str, DomainEvent]], list[LinkKey]]:
    """The end of a void team, for whoever takes its id before that end is recorded."""
    found = view.recorded_team(team_id)
    return ends_of_teams(view, [(team_id, found)]) if view.is_void(found) else ([], [])
