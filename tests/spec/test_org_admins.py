"""Admins of organizations make and manage the teams of those (team-api.md 3.1, register D01)."""

import pytest

from services.access.policy import check_new_team
from services.access.principal import AccessRefused, Principal

ORG_ADMIN = Principal(
    "t",
    "ann",
    "internal_user",
    None,
    org_roles=(("acme", "org_admin"), ("other", "internal_user")),
)


@pytest.mark.parametrize(
    ("organization_id", "text", "param"),
    [
        (None, "You are part of multiple organizations: ['acme', 'other']", "organization_id"),
        ("other", "Your role is internal_user in Organization other", "user_role"),
        ("unknown", "Your role is None in Organization unknown", "user_role"),
    ],
)
def test_d01_an_org_admin_makes_teams_where_he_is_one(
    organization_id: str | None, text: str, param: str
) -> None:
    check_new_team(ORG_ADMIN, "acme")
    with pytest.raises(AccessRefused) as refused:
        check_new_team(ORG_ADMIN, organization_id)
    assert (refused.value.status, refused.value.param) == (401, param)
    assert text in refused.value.text


@pytest.mark.parametrize("organization_id", ["acme", None])
def test_others_make_no_teams(organization_id: str | None) -> None:
    user = Principal("t", "bob", "internal_user", None)
    for caller in (user, Principal("t", None, None, "core")):
        with pytest.raises(AccessRefused, match="Only proxy admin can be used"):
            check_new_team(caller, organization_id)
    check_new_team(Principal("t", "root", "proxy_admin", None), organization_id)
