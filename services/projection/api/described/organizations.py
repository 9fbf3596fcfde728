"""Reads about organizations (supporting-api.md 4)."""

from collections.abc import Mapping

from services.access.organizations import organization_not_named
from services.edge.errors import ShapeA
from services.edge.openapi import examples
from services.edge.openapi.answers.organization import (
    Organization,
    OrganizationInfo,
    WholeOrganization,
)
from services.edge.openapi.callers import ORGANIZATION, refusals_in_organization
from services.edge.openapi.operation import Operation
from services.projection.api.described.common import listed, missing, read

_INFO = "/organization/info"
_STRANGERS = refusals_in_organization(_INFO, reads=True)

OPERATIONS: Mapping[str, Operation] = {
    _INFO: read(
        _INFO,
        "get_organization",
        OrganizationInfo,
        query={"organization_id": ORGANIZATION},
        example=examples.organization_with(examples.member_with_user()),
        versioned=True,
        past=True,
        refusals={
            "none_named": missing("organization_id"),
            "no_organization_id": organization_not_named(),
            "no_organization": ShapeA(404, "Organization not found"),
            **_STRANGERS,
        },
    ),
    "/organization/list": listed(
        "/organization/list",
        "list_organizations",
        list[WholeOrganization],
        query={"org_alias": "sear", "page": 1, "page_size": 25},
        example=[examples.organization_with(examples.member_of_organization())],
    ),
}

POSTS: Mapping[str, Operation] = {
    _INFO: read(
        _INFO,
        "get_organizations",
        list[Organization],
        sent={"organizations": [ORGANIZATION]},
        example=[examples.organization()],
        refusals={
            "none_named": ShapeA(400, "Specify list of organization id's to query. Passed in=[]"),
            **_STRANGERS,
        },
    ),
}
"""What is read, and asked for by POST."""
