"""What of the spend of teams a reader may be shown (team-api.md 3.19, D19, D63)."""

from itertools import product

import pytest

from services.access.activity import Asked, Membership, Share, activity_scope
from services.access.principal import (
    INTERNAL_USER,
    INTERNAL_VIEWER,
    PROXY_ADMIN,
    VIEWER,
    AccessRefused,
    Principal,
)

ADMIN, PV = (Principal("h", "root", role, None) for role in (PROXY_ADMIN, VIEWER))
ANN = Principal("h-ann", "ann", INTERNAL_USER, None)
EVE = Principal("h-eve", "eve", INTERNAL_VIEWER, None)
TEAM_KEY = Principal("h-team", None, None, "t")
OWN = {
    "led": Membership("admin", []),
    "open": Membership("user", ["/key/info", "/team/daily/activity"]),
    "plain": Membership("user", []),
    "other": Membership("user", ["/key/generate"]),
}
SHARES = {
    "led": Share.WHOLE,
    "open": Share.WHOLE,
    "plain": Share.OWN_KEYS,
    "other": Share.OWN_KEYS,
}


@pytest.mark.parametrize("caller", [ADMIN, PV])
def test_admins_and_viewers_see_every_team_and_records_of_none(caller: Principal) -> None:
    scope = activity_scope(caller, Asked(), {}, user_known=False)
    assert scope.teams is None
    assert scope.shows("any", "h-1", "bob")
    assert scope.shows(None, "h-1", None)


@pytest.mark.parametrize("caller", [ADMIN, PV])
def test_their_filters_hold_and_unknown_teams_are_none_of_their_concern(caller: Principal) -> None:
    asked = Asked(["a", "b", "nothing"], excluded=["b"], api_key="h-1")
    scope = activity_scope(caller, asked, {}, user_known=True)
    assert scope.shows("a", "h-1", "bob")
    assert not scope.shows("b", "h-1", "bob")
    assert not scope.shows("c", "h-1", "bob")
    assert not scope.shows("a", "h-2", "bob")
    assert not scope.shows(None, "h-1", "bob")


@pytest.mark.parametrize("caller", [ANN, EVE])
def test_d19_each_team_decides_for_itself(caller: Principal) -> None:
    assert activity_scope(caller, Asked(), OWN, user_known=True).teams == SHARES
    for team_id, share in SHARES.items():
        scope = activity_scope(caller, Asked([team_id, "led"]), OWN, user_known=True)
        assert scope.teams == {team_id: share, "led": Share.WHOLE}
        assert scope.shows(team_id, "h-of-bob", "bob") == (share is Share.WHOLE)
        assert scope.shows(team_id, "h-of-none", None) == (share is Share.WHOLE)
        assert scope.shows(team_id, "h-1", caller.user_id)


def test_d19_a_key_asked_for_never_widens_what_is_shown() -> None:
    keys = {"h-ann": "ann", "h-bob": "bob", "h-service": None}
    plain = activity_scope(ANN, Asked(), OWN, user_known=True)
    for api_key in (*keys, "h-unknown", "sk-plain"):
        narrowed = activity_scope(ANN, Asked(api_key=api_key), OWN, user_known=True)
        for team_id, (token, owner) in product((*OWN, "foreign", None), keys.items()):
            shown = plain.shows(team_id, token, owner) and token == api_key
            assert narrowed.shows(team_id, token, owner) == shown


def test_teams_that_are_left_out_are_so_whatever_else_is_asked() -> None:
    scope = activity_scope(ANN, Asked(["led"], excluded=["led"]), OWN, user_known=True)
    assert not scope.shows("led", "h-1", "ann")
    scope = activity_scope(ANN, Asked(excluded=["led"]), OWN, user_known=True)
    assert not scope.shows("led", "h-1", "ann")
    assert scope.shows("open", "h-1", "bob")


def test_who_is_in_no_team_sees_nothing() -> None:
    scope = activity_scope(ANN, Asked(), {}, user_known=True)
    assert scope.teams == {}
    assert not scope.shows("led", "h-ann", "ann")
    assert not scope.shows(None, "h-ann", "ann")


def test_a_team_that_is_not_ones_own_might_not_exist() -> None:
    with pytest.raises(AccessRefused) as refused:
        activity_scope(ANN, Asked(["led", "foreign", "unknown"]), OWN, user_known=True)
    assert (refused.value.status, refused.value.body) == (404, "A")
    assert refused.value.text == (
        "User does not belong to Team= foreign. Call `/user/info` to see user's teams"
    )


@pytest.mark.parametrize("team_ids", [None, ["led"], ["foreign"]])
def test_d63_no_user_and_no_user_row_are_refused_before_any_team(
    team_ids: list[str] | None,
) -> None:
    for caller, status in ((TEAM_KEY, 404), (ANN, 403)):
        with pytest.raises(AccessRefused) as refused:
            activity_scope(caller, Asked(team_ids), OWN, user_known=False)
        text = f"User= {caller.user_id} not found"
        assert (refused.value.status, refused.value.text) == (status, text)
