"""Use cases on the members of one organization (supporting-api.md 4, S13)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from events.organization import OrganizationRole
from events.streams import ORGANIZATION, stream
from events.values import MemberLimits
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.answers import user_answers
from services.command.application.enrolment import Candidate, Enrolment
from services.command.application.membership import organization_without_departed
from services.command.application.names import ByName
from services.command.application.organization_answers import OrganizationMembersAnswer
from services.command.application.organizations import authorized_organization
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain import organization
from services.command.domain.errors import NotAMember, NotFound
from services.command.domain.organization import NewOrganizationMember


@dataclass(frozen=True, slots=True)
class Joining:
    """Somebody to put into an organization; `who` may have to be created."""

    who: Candidate
    role: OrganizationRole
    limits: MemberLimits | None


@dataclass(frozen=True, slots=True)
class AddOrganizationMembers:
    """Adds those who are not in it yet; users that nobody knew are created."""

    organization_id: str
    joining: Sequence[Joining]
    name: str = "AddOrganizationMember"

    def decide(self, view: View, caller: Principal) -> Decision:
        route = "/organization/member_add"
        found = authorized_organization(view, caller, route, self.organization_id)
        enrolment = Enrolment(view)
        enrolment.need([joining.who for joining in self.joining])
        members = [
            NewOrganizationMember(enrolment.user_id(j.who), j.role, j.limits) for j in self.joining
        ]
        asked = dict.fromkeys(member.user_id for member in members)
        found, left = organization_without_departed(view, found, asked)
        added = organization.add_members(found, members)
        touched = [user_id for user_id in asked if user_id not in found.members]
        name = stream(ORGANIZATION, self.organization_id)
        return Decision(
            [*enrolment.facts, *((name, fact) for fact in (*left, *added))],
            lambda after: self._answer(after, touched),
            enrolment.people,
            subject=name,
        )

    def _answer(self, after: View, touched: Sequence[str]) -> OrganizationMembersAnswer:
        members = _members(after, self.organization_id, touched)
        return replace(members, users=user_answers(after, touched))


@dataclass(frozen=True, slots=True)
class UpdateOrganizationMember:
    """`limits` holds only what was sent; see `domain.organization.update_member`."""

    organization_id: str
    who: ByName
    role: OrganizationRole | None
    limits: Mapping[str, Any]
    budget_id: str
    name: str = "UpdateOrganizationMember"

    def decide(self, view: View, caller: Principal) -> Decision:
        route = "/organization/member_update"
        found = authorized_organization(view, caller, route, self.organization_id)
        user_id = self.who.resolve(view)
        found, _ = organization_without_departed(view, found, [user_id])
        facts = organization.update_member(found, user_id, self.role, self.limits, self.budget_id)
        name = stream(ORGANIZATION, self.organization_id)
        return Decision(
            [(name, fact) for fact in facts],
            lambda after: _members(after, self.organization_id, [user_id]),
            subject=name,
        )


@dataclass(frozen=True, slots=True)
class RemoveOrganizationMember:
    """He stays in the organization's teams; who was not in it is answered with None."""

    organization_id: str
    who: ByName
    name: str = "RemoveOrganizationMember"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/organization/member_delete", caller)
        found = view.organization(self.organization_id)
        if not found.open:
            raise NotFound("organization", self.organization_id)
        try:
            user_id = self.who.resolve(view)
            found, _ = organization_without_departed(view, found, [user_id])
            facts = organization.remove_member(found, user_id)
        except NotAMember:
            return Decision((), lambda _: None)
        answer = _members(view, self.organization_id, [user_id])
        name = stream(ORGANIZATION, self.organization_id)
        return Decision([(name, fact) for fact in facts], lambda _: answer, subject=name)


def _members(
    view: View, organization_id: str, user_ids: Sequence[str]
) -> OrganizationMembersAnswer:
    found = view.organization(organization_id)
    shown = [(user_id, found.members[user_id]) for user_id in user_ids]
    return OrganizationMembersAnswer(organization_id, found.incarnation, shown)
