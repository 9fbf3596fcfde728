"""Who may do what with an organization: the texts of auth.md 3.4, judged on the stored one."""

import pytest

from services.access.organizations import (
    OrganizationStanding,
    check_organization_admin,
    organization_not_named,
)
from services.access.principal import AccessRefused, Principal

ROUTE = "/organization/info"
ADMIN = Principal("t", "root", "proxy_admin", None)
VIEWER = Principal("t", "eye", "proxy_admin_viewer", None)
ANN = Principal("t", "ann", "internal_user", None)


def refused(principal: Principal, role: str | None, *, in_any: bool, reads: bool = False) -> str:
    """The text of the 401, "" for who is admitted."""
    standing = OrganizationStanding("o", role, in_any)
    try:
        check_organization_admin(ROUTE, principal, standing, reads=reads)
    except AccessRefused as refusal:
        told = refusal
    else:
        return ""
    assert (told.status, told.body, told.kind) == (401, "B", "auth_error")
    return told.text


@pytest.mark.parametrize("in_any", [True, False])
def test_proxy_admins_and_its_own_admins_are_admitted(in_any: bool) -> None:  # noqa: FBT001
    assert refused(ADMIN, None, in_any=in_any) == ""
    assert refused(ANN, "org_admin", in_any=True) == ""


def test_a_viewer_only_reads() -> None:
    assert refused(VIEWER, None, in_any=False, reads=True) == ""
    assert refused(VIEWER, None, in_any=False) != ""


def test_everybody_else_is_told_what_he_lacks() -> None:
    assert refused(ANN, None, in_any=False) == (
        "Tried to access route=/organization/info but you are not a member of any organization. "
        "Please contact the proxy admin to request access."
    )
    assert refused(ANN, None, in_any=True) == (
        "You do not have a role within the selected organization. Passed organization_id: o. "
        "Please contact the organization admin to request access."
    )
    assert refused(ANN, "internal_user", in_any=True, reads=True) == (
        "You do not have the required role to perform /organization/info in Organization o. "
        "Your role is internal_user in Organization o"
    )


def test_an_organization_has_to_be_named() -> None:
    assert organization_not_named().text == (
        "Passed organization_id is None, please pass an organization_id in your request"
    )
