"""What a reader may be shown (register D08, D09, D12, D20, A06, A10, S09)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.access.principal import (
    INTERNAL_USER,
    INTERNAL_VIEWER,
    ORG_ADMIN,
    PROXY_ADMIN,
    VIEWER,
    AccessRefused,
    Principal,
    Towards,
)
from services.access.visibility import (
    TeamScope,
    check_keys_in,
    check_keys_of,
    check_teams_of,
    check_user_info,
    may_read_key,
    organizations_listed,
    reads_without_membership,
    sees_every_key,
    stranger_to_team,
    teams_listed,
)

ADMIN, PV = (Principal("h", "root", role, None) for role in (PROXY_ADMIN, VIEWER))
ANN = Principal("h-ann", "ann", INTERNAL_USER, None)
TEAM_KEY = Principal("h-team", None, None, "t")
BARE_KEY = Principal("h-bare", None, None, None)
OLGA = Principal(
    *("h-olga", "olga", INTERNAL_USER, None),
    org_roles=(("labs", ORG_ADMIN), ("acme", ORG_ADMIN), ("other", INTERNAL_USER)),
)
ORDINARY = [ANN, Principal("h-eve", "eve", INTERNAL_VIEWER, None), TEAM_KEY, BARE_KEY]


def test_admins_viewers_and_the_teams_own_keys_see_a_team_without_being_members() -> None:
    assert all(reads_without_membership(caller, "t") for caller in (ADMIN, PV, TEAM_KEY))
    assert not any(reads_without_membership(caller, "t") for caller in (ANN, BARE_KEY))
    assert not reads_without_membership(TEAM_KEY, "another")


def test_all_keys_of_a_team_are_for_those_who_read_everything_and_for_its_admins() -> None:
    assert sees_every_key(ADMIN, Towards("t"))
    assert sees_every_key(PV, Towards("t"))
    assert sees_every_key(ANN, Towards("t", "admin"))
    assert not sees_every_key(ANN, Towards("t", "user", "acme"))
    assert not sees_every_key(TEAM_KEY, Towards("t"))


def test_an_admin_of_the_teams_organization_sees_its_keys_and_a_member_of_it_none() -> None:
    assert sees_every_key(OLGA, Towards("t", None, "acme"))
    assert sees_every_key(OLGA, Towards("t", "user", "labs"))
    for organization_id in ("other", "unknown", None):
        assert not sees_every_key(OLGA, Towards("t", "user", organization_id))


@pytest.mark.parametrize("caller", [ADMIN, PV, replace(PV, org_roles=(("acme", ORG_ADMIN),))])
@pytest.mark.parametrize("user_id", [None, "ann", "nobody"])
def test_admins_and_viewers_list_the_teams_of_all_and_of_anybody(
    caller: Principal, user_id: str | None
) -> None:
    check_teams_of(caller, user_id)
    assert teams_listed(caller, user_id) == TeamScope(user_id)


@pytest.mark.parametrize("check", [check_teams_of, teams_listed])
def test_others_list_their_own_teams_and_nothing_else(
    check: Callable[[Principal, str | None], object],
) -> None:
    check(ANN, "ann")
    member = replace(ANN, org_roles=(("acme", "internal_user"),))
    for caller in (*ORDINARY, member):
        for user_id in (None, "", "root"):
            with pytest.raises(AccessRefused) as refused:
                check(caller, user_id)
            assert (refused.value.status, refused.value.body) == (401, "A")


def test_d12_an_org_admin_lists_the_teams_of_his_organizations_and_of_them_those_of_a_user() -> (
    None
):
    assert teams_listed(OLGA, None) == TeamScope(None, within=("acme", "labs"))
    assert teams_listed(OLGA, "olga") == TeamScope("olga", besides=("acme", "labs"))
    for user_id in ("ann", "nobody", ""):
        assert teams_listed(OLGA, user_id) == TeamScope(user_id, within=("acme", "labs"))


def test_an_org_admin_pages_through_his_own_teams_alone() -> None:
    check_teams_of(OLGA, "olga")
    for user_id in (None, "ann"):
        with pytest.raises(AccessRefused) as refused:
            check_teams_of(OLGA, user_id)
        assert refused.value.status == 401


@pytest.mark.parametrize("check", [check_teams_of, teams_listed])
def test_d63_who_does_not_exist_lists_nothing(
    check: Callable[[Principal, str | None], object],
) -> None:
    ghost = Principal("h-ghost", "ghost", None, None, user_known=False)
    for user_id in (None, "ghost", "ann"):
        with pytest.raises(AccessRefused, match="User doesn't exist in db") as no:
            check(ghost, user_id)
        assert (no.value.status, no.value.body) == (403, "A")


def test_the_refusal_of_a_list_names_the_role_that_handlers_see() -> None:
    with pytest.raises(AccessRefused) as refused:
        check_teams_of(BARE_KEY, None)
    assert refused.value.text == (
        "Only admin users can query all teams/other teams. Your user role=internal_user"
    )


def test_a_key_is_read_by_admins_itself_and_its_owner() -> None:
    for caller in (ADMIN, PV):
        assert may_read_key(caller, "h-1", "bob", None, [])
    assert may_read_key(TEAM_KEY, "h-team", None, None, [])
    assert may_read_key(ANN, "h-1", "ann", None, [])
    assert not may_read_key(ANN, "h-1", "bob", None, [])


def test_a_key_without_owner_is_not_that_of_a_caller_without_user() -> None:
    assert not may_read_key(BARE_KEY, "h-1", None, None, [])
    assert not may_read_key(TEAM_KEY, "h-1", None, None, [])


def test_keys_of_a_team_are_read_by_its_admins_and_by_members_who_are_permitted() -> None:
    assert may_read_key(ANN, "h-1", "bob", "admin", ["/key/generate"])
    assert may_read_key(ANN, "h-1", "bob", "user", ["/key/info"])
    assert may_read_key(ANN, "h-1", "bob", "user", [])
    assert not may_read_key(ANN, "h-1", "bob", "user", ["/key/generate"])


def test_strangers_are_told_who_they_are_and_nothing_of_the_team() -> None:
    assert stranger_to_team(ANN, "t2") == "User=ann not authorized to access this team=t2"
    assert stranger_to_team(TEAM_KEY, "t2") == (
        "Team key for team=t not authorized to access this team=t2"
    )
    assert stranger_to_team(BARE_KEY, "t2") == (
        "API key not authorized to access this team=t2. "
        "No user_id or team_id associated with this key."
    )


def refused_keys(
    caller: Principal, user_id: str | None, organization_id: str | None, *, known: bool
) -> tuple[int, str, str | None]:
    with pytest.raises(AccessRefused) as refused:
        check_keys_of(caller, user_id, organization_id, user_known=known)
    return refused.value.status, refused.value.kind, refused.value.param


@pytest.mark.parametrize("caller", [ADMIN, PV])
def test_s09_admins_and_viewers_list_keys_of_anybody_and_any_team(caller: Principal) -> None:
    for user_id in (None, "ann", ""):
        check_keys_of(caller, user_id, "o", user_known=False)
    check_keys_in(caller, in_team=False)


def test_others_list_their_own_keys_and_need_a_user_row() -> None:
    check_keys_of(ANN, None, None, user_known=True)
    check_keys_of(ANN, "ann", None, user_known=True)
    check_keys_in(ANN, in_team=True)
    kind = "bad_request_error"
    for user_id in ("root", ""):
        assert refused_keys(ANN, user_id, None, known=True) == (403, kind, "user_id")
    assert refused_keys(ANN, None, "o", known=True) == (403, kind, "organization_id")
    assert refused_keys(ANN, None, None, known=False) == (403, kind, "user_id")
    with pytest.raises(AccessRefused, match="check this team's keys"):
        check_keys_in(ANN, in_team=False)


@pytest.mark.parametrize("caller", [TEAM_KEY, BARE_KEY])
def test_a_key_without_user_lists_no_keys_whatever_it_asks_for(caller: Principal) -> None:
    for user_id in (None, "", "ann"):
        assert refused_keys(caller, user_id, None, known=True)[0] == 403


def test_the_keys_of_an_organization_are_asked_for_by_who_is_in_it() -> None:
    for organization_id in ("acme", "other"):
        check_keys_of(OLGA, None, organization_id, user_known=True)
    assert refused_keys(OLGA, None, "unknown", known=True)[2] == "organization_id"
    assert refused_keys(OLGA, "ann", "acme", known=True)[2] == "user_id"


def test_an_org_admin_lists_the_users_of_what_he_administers() -> None:
    for asked in (None, ("other",), ("acme", "unknown")):
        assert organizations_listed(ADMIN, asked) == organizations_listed(PV, asked) == asked
    assert organizations_listed(OLGA, None) == ("acme", "labs")
    assert organizations_listed(OLGA, ("other", "acme", "acme")) == ("acme",)
    for foreign in (("other",), ("unknown", "other")):
        with pytest.raises(AccessRefused, match="do not have org_admin access") as refused:
            organizations_listed(OLGA, foreign)
        assert (refused.value.status, refused.value.body) == (403, "A")


def test_another_user_is_for_admins_and_viewers() -> None:
    for caller in (ADMIN, PV):
        check_user_info(caller, "ann")
    for caller in (*ORDINARY, OLGA):
        check_user_info(caller, None)
        check_user_info(caller, caller.user_id)
        with pytest.raises(AccessRefused) as refused:
            check_user_info(caller, "root")
        assert (refused.value.status, refused.value.kind) == (403, "auth_error")
        assert refused.value.text == (
            "key not allowed to access this user's info. "
            f"user_id=root, key's user_id={caller.user_id}"
        )
