"""Users who go, with what they were in and what they owned (supporting-api.md 3.5, S14).

`user.deleted` makes it all void by rule at once. The facts of what hangs on a user stand in the
same append when they are few, and follow in portions otherwise (see `chores`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from events.registry import DomainEvent
from events.streams import EMAIL, ORGANIZATION, TEAM, USER, Stream, kind_and_id, stream
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.cache import LinkKey
from services.command.application.keys import deletions
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain import organization, reservation, team, user
from services.command.domain.dependents import KEYS, ORGANIZATIONS, TEAMS
from services.command.domain.organization import OrganizationMember
from services.command.domain.roster import Membership

AT_ONCE = 25
TEAMS_AT_ONCE = 5
"""Dependents that go in the append of their user's deletion, and how many of them may be teams.

None is at hand, and others wait meanwhile: a team of twenty members takes a millisecond, a key with
an alias a third of one, and a team may have any number of members.
"""

Facts = list[tuple[str, DomainEvent]]


@dataclass(frozen=True, slots=True)
class DeleteUsers:
    """All or none; an id named twice is deleted once. The answer is how many it were."""

    user_ids: Sequence[str]
    name: str = "DeleteUser"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/user/delete", caller)
        names = {user_id: stream(USER, user_id) for user_id in self.user_ids}
        facts, chores = ends_of_users(view, names)
        subject = next(iter(names.values())) if len(names) == 1 else None
        return Decision(facts, lambda _: len(names), chores=chores, subject=subject)


def ends_of_users(view: View, names: Mapping[str, Stream]) -> tuple[Facts, list[LinkKey]]:
    """The ends of these users, streams by id, and of what hangs on them; which links lead to more.

    Raises NotFound for one who is gone.
    """
    view.need(names.values())
    facts: Facts = []
    for user_id, name in names.items():
        facts += [(name, fact) for fact in user.delete(view.user(user_id), user_id)]
    facts += _addresses(view, names)
    dependents, chores = _dependents(view, names)
    return [*facts, *dependents], chores


def _addresses(view: View, user_ids: Iterable[str]) -> Facts:
    """The addresses are free again."""
    claims = {
        user_id: claim
        for user_id in user_ids
        if (claim := view.user(user_id).settings.email_claim) is not None
    }
    view.need(stream(EMAIL, claim) for claim in claims.values())
    return [
        (stream(EMAIL, claim), fact)
        for user_id, claim in claims.items()
        for fact in reservation.release(view.email(claim), user_id)
    ]


def _dependents(view: View, user_ids: Iterable[str]) -> tuple[Facts, list[LinkKey]]:
    """The ends of at most AT_ONCE dependents in all; which links lead to more."""
    kinds = (ORGANIZATIONS, TEAMS, KEYS)
    parents = [(stream(USER, user_id), kind) for user_id in user_ids for kind in kinds]
    view.need_children(parents)
    chosen: list[tuple[LinkKey, list[str]]] = []
    left: list[LinkKey] = []
    room = AT_ONCE
    for parent in parents:
        children = view.children(*parent)
        most = min(room, TEAMS_AT_ONCE) if parent[1] == TEAMS else room
        taken = sorted(children, key=lambda name: children[name])[:most]
        chosen.append((parent, [kind_and_id(name)[1] for name in taken]))
        room -= len(taken)
        if len(taken) < len(children):
            left.append(parent)
    _need(view, chosen)
    return [fact for parent, ids in chosen for fact in _endings(view, parent, ids)], left


def _need(view: View, chosen: Iterable[tuple[LinkKey, Sequence[str]]]) -> None:
    kinds = {ORGANIZATIONS: ORGANIZATION, TEAMS: TEAM}
    view.need(
        stream(kinds[kind], identity)
        for (_, kind), ids in chosen
        if kind in kinds
        for identity in ids
    )


def _endings(view: View, parent: LinkKey, ids: Sequence[str]) -> Facts:
    user_id, kind = kind_and_id(parent[0])[1], parent[1]
    if kind == KEYS:
        return deletions(view, ids, "user")
    leave = _leave_team if kind == TEAMS else _leave_organization
    return [fact for identity in ids for fact in leave(view, identity, user_id)]


def _leave_team(view: View, team_id: str, user_id: str) -> Facts:
    found = view.team(team_id)
    removed = team.remove_member(found, team.RemoveMember(user_id))
    return [(stream(TEAM, team_id), fact) for fact in removed]


def _leave_organization(view: View, organization_id: str, user_id: str) -> Facts:
    found = view.organization(organization_id)
    removed = organization.remove_member(found, user_id)
    return [(stream(ORGANIZATION, organization_id), fact) for fact in removed]


@dataclass(frozen=True, slots=True)
class Leave:
    """The facts of what is void already: a deleted user leaves these teams or organizations.

    Who joined one of them again meanwhile, or is out of it already, is left alone.
    """

    user_id: str
    kind: str
    ids: tuple[str, ...]
    name: str = "RemoveDeletedUser"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        parent = (stream(USER, self.user_id), self.kind)
        _need(view, [(parent, self.ids)])
        gone_at = view.user(self.user_id).gone_at
        return Decision(_endings(view, parent, self._void(view, gone_at)), lambda _: {})

    def _void(self, view: View, gone_at: int) -> list[str]:
        members = ((identity, self._member(view, identity)) for identity in self.ids)
        return [identity for identity, member in members if member and member.at <= gone_at]

    def _member(self, view: View, identity: str) -> Membership | OrganizationMember | None:
        if self.kind == ORGANIZATIONS:
            return view.organization(identity).members.get(self.user_id)
        return view.team(identity).roster.get(self.user_id)
