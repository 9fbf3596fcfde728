"""Routes on the members of one organization (supporting-api.md 4)."""

from collections.abc import Mapping
from decimal import Decimal

from services.command.api.described.common import command
from services.command.api.described.teams import NO_ORGANIZATION
from services.command.domain.errors import (
    AlreadyMember,
    NegativeLimit,
    NotAMember,
    NotSamePerson,
)
from services.edge.openapi import examples
from services.edge.openapi.answers.organization import (
    AddedOrganizationMembers,
    OrganizationMembership,
)
from services.edge.openapi.callers import ORGANIZATION, refusals_in_organization
from services.edge.openapi.examples import EMAIL, USER
from services.edge.openapi.operation import Operation
from services.edge.requests import organization as requests

_NEGATIVE = NegativeLimit("max_budget_in_organization", Decimal(-1))
_MEMBER = examples.member_of_organization()

OPERATIONS: Mapping[str, Operation] = {
    "/organization/member_add": command(
        "/organization/member_add",
        "add_organization_members",
        AddedOrganizationMembers,
        body=requests.OrganizationMemberAdd,
        sent={
            "organization_id": ORGANIZATION,
            "member": {"user_id": USER, "role": "internal_user"},
            "max_budget_in_organization": 25,
        },
        example={
            "organization_id": ORGANIZATION,
            "updated_users": [examples.user()],
            "updated_organization_memberships": [_MEMBER],
        },
        domain=(NO_ORGANIZATION, AlreadyMember([USER]), NotSamePerson(EMAIL, "bob"), _NEGATIVE),
        others=refusals_in_organization("/organization/member_add"),
    ),
}

PATCHES: Mapping[str, Operation] = {
    "/organization/member_update": command(
        "/organization/member_update",
        "update_organization_member",
        OrganizationMembership,
        body=requests.OrganizationMemberUpdate,
        sent={"organization_id": ORGANIZATION, "user_id": USER, "role": "org_admin"},
        example={**_MEMBER, "user_role": "org_admin"},
        domain=(NO_ORGANIZATION, NotAMember("bob"), _NEGATIVE),
        others=refusals_in_organization("/organization/member_update"),
    ),
}

DELETES: Mapping[str, Operation] = {
    "/organization/member_delete": command(
        "/organization/member_delete",
        "delete_organization_member",
        OrganizationMembership | None,
        body=requests.OrganizationMemberDelete,
        sent={"organization_id": ORGANIZATION, "user_id": USER},
        example=_MEMBER,
        domain=(NO_ORGANIZATION,),
    ),
}
