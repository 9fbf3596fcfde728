"""Admins of organizations make teams and users of those (team-api.md 3.1, register D01, A01)."""

import pytest

from services.access.policy import check_new_team, check_new_user, check_route
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


@pytest.mark.parametrize("organization_ids", [[], ["other"], ["unknown"], ["acme", "other"]])
def test_a01_an_org_admin_makes_users_of_his_organizations_alone(
    organization_ids: list[str],
) -> None:
    check_route("/user/new", ORG_ADMIN)
    for role in (None, "internal_user", "internal_user_viewer"):
        check_new_user(ORG_ADMIN, ["acme"], role)
    with pytest.raises(AccessRefused, match="Only proxy admin can be used") as refused:
        check_new_user(ORG_ADMIN, organization_ids, None)
    assert refused.value.status == 401


@pytest.mark.parametrize("role", ["proxy_admin", "proxy_admin_viewer"])
def test_a01_nobody_makes_users_above_his_own_rank(role: str) -> None:
    with pytest.raises(AccessRefused, match="Only proxy admins can create") as refused:
        check_new_user(ORG_ADMIN, ["acme"], role)
    assert refused.value.status == 403
    check_new_user(Principal("t", "root", "proxy_admin", None), [], role)
