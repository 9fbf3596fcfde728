"""Routes on whole organizations (supporting-api.md 4)."""

from collections.abc import Mapping

from services.access.organizations import organization_not_named
from services.command.api.described.budgets import NO_BUDGET
from services.command.api.described.common import SEVERAL, command
from services.command.api.described.teams import NEGATIVE, NO_ORGANIZATION, ORDER
from services.command.domain.errors import AlreadyExists, TooLarge
from services.edge.openapi import examples
from services.edge.openapi.answers.organization import Organization, WholeOrganization
from services.edge.openapi.callers import ORGANIZATION, refusals_in_organization
from services.edge.openapi.examples import BUDGET, MODEL
from services.edge.openapi.operation import Operation
from services.edge.requests import organization as requests

_TOO_LARGE = TooLarge(
    "the settings of the organization would take 200000 bytes, "
    "the limit is 196608; keep large data elsewhere and refer to it"
)
_REFUSED = (NO_BUDGET, NEGATIVE, ORDER, _TOO_LARGE)

OPERATIONS: Mapping[str, Operation] = {
    "/organization/new": command(
        "/organization/new",
        "create_organization",
        Organization,
        body=requests.NewOrganization,
        sent={
            "organization_id": ORGANIZATION,
            "organization_alias": "Research",
            "budget_id": BUDGET,
            "models": [MODEL],
        },
        example=examples.organization(),
        domain=(AlreadyExists("organization", ORGANIZATION), *_REFUSED),
    ),
}

PATCHES: Mapping[str, Operation] = {
    "/organization/update": command(
        "/organization/update",
        "update_organization",
        WholeOrganization,
        body=requests.UpdateOrganization,
        sent={"organization_id": ORGANIZATION, "metadata": {"cost_center": "42"}},
        example={
            **examples.organization_with(examples.member_of_organization()),
            "metadata": {"cost_center": "42"},
        },
        domain=(NO_ORGANIZATION, *_REFUSED),
    ),
}

DELETES: Mapping[str, Operation] = {
    "/organization/delete": command(
        "/organization/delete",
        "delete_organizations",
        list[WholeOrganization],
        body=requests.DeleteOrganizations,
        sent={"organization_ids": [ORGANIZATION]},
        example=[examples.organization_with()],
        domain=(NO_ORGANIZATION,),
        others={
            "no_organization_id": organization_not_named(),
            **refusals_in_organization("/organization/delete"),
            **SEVERAL,
        },
        versioned=False,
    ),
}
