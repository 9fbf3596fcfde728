"""Who may do what: team-api.md 1.4 with the register's corrections, and auth.md 3.2."""

from dataclasses import replace

import pytest
from rpds import HashTrieMap

from events.key import KeyGenerated
from events.streams import KEY, TEAM, USER, stream
from events.team import MemberRemoved
from services.access.policy import admits_to_team, check_route, check_team, masked, standing
from services.access.principal import DASHBOARD_TEAM, AccessRefused, Credential, Principal, Towards
from services.access.rules import POLICY, As
from services.command.application.cache import Cache, Children, LinkKey
from services.command.application.callers import authenticate
from services.command.application.folds import AnyState
from services.command.application.forgetting import FORGET
from services.command.application.requests import Origin
from services.command.application.restoration import RESTORE
from services.command.application.reversion import REVERT
from services.command.application.team_parts import CALLBACK_ROUTE, DISABLE_ROUTE
from services.command.application.view import Loads, View
from services.command.application.webhooks import ONE as WEBHOOK
from services.command.application.webhooks import RETRY, ROTATE, TEST
from services.command.application.webhooks import ROUTE as WEBHOOKS
from services.command.domain.dependents import ORGANIZATIONS
from services.command.domain.team import Team
from tests.contract.cases import load
from tests.support.decider import key_after, team_after, user_after
from tests.support.facts import created, generated, joined, user_created
from tests.support.process import MASTER, key_of

ADMIN = Principal("t", "root", "proxy_admin", None)
VIEWER = Principal("t", "eye", "proxy_admin_viewer", None)
USER_KEY = Principal("t", "ann", "internal_user", None)
READER = Principal("t", "ann", "internal_user_viewer", None)
TEAM_KEY = Principal("t", None, None, "core")
GATEWAY = Principal("t", None, None, None, gateway="eu")
ORG_ADMIN = replace(USER_KEY, org_roles=(("acme", "org_admin"), ("other", "internal_user")))
CALLERS: dict[str, tuple[Principal, str | None, str | None]] = {
    "PA": (ADMIN, None, "acme"),
    "PV": (VIEWER, None, "acme"),
    "OA": (ORG_ADMIN, None, "acme"),
    "OB": (ORG_ADMIN, None, "other"),
    "TA": (USER_KEY, "admin", "acme"),
    "TM": (USER_KEY, "user", "acme"),
    "IU": (USER_KEY, None, "acme"),
    "IV": (READER, None, "acme"),
    "TK": (TEAM_KEY, None, "acme"),
}
"""Caller, his role in the stored team, and its organization.

OA administers it, OB is a plain member of it who administers another one. IV,
`internal_user_viewer`, is like IU but for keys.
"""

OF_TEAM = "/v1/teams/{team_id:path}"
PAST = ("history", "diff", "blame")
MATRIX = {
    #                            PA     PV     OA     OB     TA     TM     IU     IV     TK
    "/team/new": "               ok     403    ok     401    401    401    401    401    401",
    "/team/update": "            ok     403    ok     401    401    401    401    401    401",
    "/team/delete": "            ok     403    ok     401    401    401    401    401    401",
    "/team/block": "             ok     403    ok     401    401    401    401    401    401",
    "/team/unblock": "           ok     403    ok     401    401    401    401    401    401",
    "/team/member_add": "        ok     403    ok     403    ok     403    403    403    403",
    "/team/member_update": "     ok     403    ok     403    ok     403    403    403    403",
    "/team/member_delete": "     ok     403    ok     403    ok     403    403    403    403",
    "/team/bulk_member_add": "   ok     403    ok     403    ok     403    403    403    403",
    "/team/model/add": "         ok     403    ok     403    ok     403    403    403    403",
    "/team/model/delete": "      ok     403    ok     403    ok     403    403    403    403",
    "/team/permissions_update": "ok     403    ok     403    ok     403    403    403    403",
    CALLBACK_ROUTE: "            ok     403    401    401    401    401    401    401    401",
    DISABLE_ROUTE: "             ok     403    401    401    401    401    401    401    401",
    "/team/info": "              ok     ok     ok     hidden ok     ok     hidden hidden ok",
    "/team/list": "              ok     ok     ok     ok     ok     ok     ok     ok     hidden",
    "/v2/team/list": "           ok     ok     ok     ok     ok     ok     ok     ok     hidden",
    "/team/available": "         ok     ok     ok     ok     ok     ok     ok     ok     hidden",
    "/team/filter/ui": "         ok     403    401    401    401    401    401    401    401",
    "/team/permissions_list": "  ok     hidden ok     hidden ok     hidden hidden hidden hidden",
    "/team/daily/activity": "    ok     ok     ok     ok     ok     ok     ok     ok     hidden",
    "/user/daily/activity": "    ok     ok     ok     ok     ok     ok     ok     ok     hidden",
    "/user/daily/activity/aggregated": "ok ok  ok     ok     ok     ok     ok     ok     hidden",
    "/organization/daily/activity": "ok ok ok  hidden hidden hidden hidden hidden hidden",
    "/global/spend/teams": "     ok     ok     401    401    401    401    401    401    401",
    "/global/spend/report": "    ok     ok     401    401    401    401    401    401    401",
    "/spend/logs/v2": "          ok     ok     401    401    401    401    401    401    401",
    "/spend/logs/ui": "          ok     ok     401    401    401    401    401    401    401",
    "/v1/spend": "               ok     ok     ok     ok     ok     ok     ok     ok     hidden",
    "/user/new": "               ok     403    ok     401    401    401    401    401    401",
    "/user/update": "            ok     403    ok     ok     ok     ok     ok     401    401",
    "/user/bulk_update": "       ok     403    401    401    401    401    401    401    401",
    "/user/delete": "            ok     403    401    401    401    401    401    401    401",
    "/user/list": "              ok     ok     ok     hidden hidden hidden hidden hidden hidden",
    "/user/filter/ui": "         ok     ok     ok     ok     ok     ok     ok     ok     hidden",
    "/user/available_roles": "   ok     ok     ok     ok     ok     ok     ok     ok     hidden",
    "/key/generate": "           ok     403    ok     ok     ok     ok     ok     401    401",
    "/key/service-account/generate": "ok 403  ok     ok     ok     ok     ok     401    401",
    "/key/regenerate": "         ok     403    ok     ok     ok     ok     ok     401    401",
    "/key/{key}/regenerate": "   ok     403    ok     ok     ok     ok     ok     401    401",
    "/key/bulk_update": "        ok     403    ok     ok     ok     ok     ok     401    401",
    "/v2/key/info": "            ok     ok     ok     ok     ok     ok     ok     ok     ok",
    "/key/aliases": "            ok     ok     ok     ok     ok     ok     ok     ok     hidden",
    "/key/update": "             ok     403    ok     ok     ok     ok     ok     401    401",
    "/key/delete": "             ok     403    ok     ok     ok     ok     ok     401    401",
    "/key/block": "              ok     403    ok     ok     ok     ok     ok     401    401",
    "/key/unblock": "            ok     403    ok     ok     ok     ok     ok     401    401",
    "/key/info": "               ok     ok     ok     ok     ok     ok     ok     ok     ok",
    "/key/list": "               ok     ok     ok     ok     ok     ok     ok     ok     hidden",
    "/user/info": "              ok     ok     ok     ok     ok     ok     ok     ok     hidden",
    "/models": "                 ok     ok     ok     ok     ok     ok     ok     ok     ok",
    "/v1/models": "              ok     ok     ok     ok     ok     ok     ok     ok     ok",
    "/budget/new": "                 ok     403    401    401    401    401    401    401    401",
    "/budget/update": "              ok     403    401    401    401    401    401    401    401",
    "/budget/delete": "              ok     403    401    401    401    401    401    401    401",
    "/budget/info": "                ok     403    401    401    401    401    401    401    401",
    "/budget/list": "                ok     403    401    401    401    401    401    401    401",
    "/budget/settings": "            ok     403    401    401    401    401    401    401    401",
    "/organization/new": "           ok     403    401    401    401    401    401    401    401",
    "/organization/update": "        ok     403    401    401    401    401    401    401    401",
    "/organization/member_delete": " ok     403    401    401    401    401    401    401    401",
    "/organization/delete": "ok  403   ok ok ok ok ok ok hidden",
    "/organization/member_add": "ok  403   ok ok ok ok ok ok hidden",
    "/organization/member_update": "ok  403   ok ok ok ok ok ok hidden",
    "/organization/info": "ok ok ok ok ok ok ok ok hidden",
    "/organization/list": "ok ok ok ok ok ok ok ok hidden",
    "/audit": "                  ok     ok     401    401    401    401    401    401    401",
    "/audit/{id}": "             ok     ok     401    401    401    401    401    401    401",
    f"{OF_TEAM}/windows": "ok ok ok hidden ok ok hidden hidden ok",
    f"{OF_TEAM}/members/{{user_id:path}}/windows": "ok ok ok hidden ok ok hidden hidden ok",
    "/v1/keys/{key}/windows": "ok ok ok ok ok ok ok ok ok",
    "/v1/users/{user_id:path}/windows": "ok ok ok ok ok ok ok ok hidden",
    "/v1/organizations/{organization_id:path}/windows": "ok ok ok ok ok ok ok ok hidden",
    f"{OF_TEAM}/history": "      ok     ok     ok     hidden ok     hidden hidden hidden hidden",
    f"{OF_TEAM}/diff": "         ok     ok     ok     hidden ok     hidden hidden hidden hidden",
    f"{OF_TEAM}/blame": "        ok     ok     ok     hidden ok     hidden hidden hidden hidden",
    **dict.fromkeys((f"/v1/keys/{{key}}/{what}" for what in PAST), "ok ok ok ok ok ok ok ok ok"),
    **dict.fromkeys(
        (f"/v1/users/{{user_id:path}}/{what}" for what in PAST), "ok ok ok ok ok ok ok ok hidden"
    ),
    **dict.fromkeys(
        (f"/v1/organizations/{{organization_id:path}}/{what}" for what in PAST),
        "ok ok ok ok ok ok ok ok hidden",
    ),
    "/key/{key}/reset_spend": "ok 403 ok ok ok ok ok 401 401",
    "/team/{team_id:path}/member/{user_id:path}/reset_spend": "ok 403 ok 403 ok 403 403 403 403",
    f"{OF_TEAM}/members/{{user_id:path}}/reset_spend": "ok 403 ok 403 ok 403 403 403 403",
    "/global/spend/reset": "401 403 401 401 401 401 401 401 401",
    RESTORE: "                   ok     403    ok     403    403    403    403    403    403",
    REVERT: "                    ok     403    ok     403    403    403    403    403    403",
    FORGET: "                    ok     403    403    403    403    403    403    403    403",
    "/v1/usage": "               403    403    403    403    403    403    403    403    403",
    "/v1/access": "              ok     ok     ok     hidden ok     hidden hidden hidden hidden",
    "/v1/access/review": "       ok     ok     ok     hidden 403    403    403    403    403",
    "/v1/events": "              ok     ok     ok     ok     ok     ok     ok     ok     hidden",
    "/v1/proof/checkpoint": "    ok     ok     403    403    403    403    403    403    403",
    "/v1/proof/inclusion": "     ok     ok     403    403    403    403    403    403    403",
    "/v1/proof/consistency": "   ok     ok     403    403    403    403    403    403    403",
    "/v1/audit/export": "        ok     ok     403    403    403    403    403    403    403",
    "/v1/security-log": "        ok     ok     403    403    403    403    403    403    403",
    "/v1/status": "              ok     ok     403    403    403    403    403    403    403",
    "/v1/decide": "              403    403    403    403    403    403    403    403    403",
    "/v1/reservations/{reservation_id}": "403 403 403 403 403 403 403 403 403",
    "/v1/usage/quarantine": "    ok     ok     403    403    403    403    403    403    403",
    "/v1/usage/unattributed": "  ok     ok     403    403    403    403    403    403    403",
    "/v1/reconcile": "           ok     ok     403    403    403    403    403    403    403",
    "/v1/usage/quarantine/{id}/book": "   ok 403 403 403 403 403 403 403 403",
    "/v1/usage/quarantine/{id}/discard": "ok 403 403 403 403 403 403 403 403",
    WEBHOOKS: "                  ok     403    403    403    403    403    403    403    403",
    WEBHOOK: "                   ok     403    403    403    403    403    403    403    403",
    ROTATE: "                    ok     403    403    403    403    403    403    403    403",
    TEST: "                      ok     403    403    403    403    403    403    403    403",
    f"{WEBHOOK}/deliveries": "   ok     403    403    403    403    403    403    403    403",
    RETRY: "                     ok     403    403    403    403    403    403    403    403",
}
"""`hidden`: passes the route, not the team; the lists are asked for one's own teams and keys."""

CELLS = [
    (route, caller, outcome)
    for route, row in MATRIX.items()
    for caller, outcome in zip(CALLERS, row.split(), strict=True)
]


def judged(route: str, caller: str, team_id: str = "core") -> str:
    """What becomes of a call about a team: both stages, as the routes run them."""
    principal, team_role, organization_id = CALLERS[caller]
    team = Towards(team_id, team_role, organization_id)
    try:
        check_route(route, principal)
        if POLICY[route].writes and As.ORG_ADMIN in POLICY[route].admits:
            check_team(route, principal, team)
    except AccessRefused as refused:
        return str(refused.status)
    return "ok" if admits_to_team(route, principal, team) else "hidden"


def test_the_matrix_covers_the_policy() -> None:
    assert set(MATRIX) == set(POLICY)


@pytest.mark.parametrize(("route", "caller", "outcome"), CELLS)
def test_each_cell_of_the_matrix(route: str, caller: str, outcome: str) -> None:
    assert judged(route, caller) == outcome


@pytest.mark.parametrize("route", sorted(POLICY))
def test_d03_a_viewer_never_writes_even_as_admin_of_the_team(route: str) -> None:
    rule = POLICY[route]
    if not rule.writes and (not rule.routed or As.VIEWER in rule.admits):
        check_route(route, VIEWER)
        return
    with pytest.raises(AccessRefused) as refused:
        check_route(route, VIEWER)
    assert (refused.value.status, refused.value.body) == (403, "B")
    assert refused.value.text == (
        "user not allowed to access this route, role= proxy_admin_viewer. "
        f"Trying to access: {route}"
    )


@pytest.mark.parametrize("route", sorted(POLICY))
def test_d63_who_does_not_exist_may_do_nothing_that_takes_a_user(route: str) -> None:
    ghost = Principal("t", "ghost", None, None, user_known=False)
    assert not admits_to_team(route, ghost, Towards("core"))


@pytest.mark.parametrize("route", sorted(POLICY))
def test_gateways_are_admitted_where_nobody_else_is(route: str) -> None:
    own = set(MATRIX[route].split()) == {"403"}
    assert admits_to_team(route, GATEWAY, Towards("core")) is own


def test_a_key_of_another_team_sees_nothing_of_this_one() -> None:
    assert judged("/team/info", "TK", "other") == "hidden"


def test_a_users_key_in_a_team_speaks_for_the_user_only() -> None:
    in_team = replace(USER_KEY, team_id="core")
    assert standing(in_team, Towards("core")) == {As.USER}
    assert standing(in_team, Towards("core", "user")) == {As.USER, As.MEMBER}


def test_a_users_session_at_a_dashboard_reads_single_calls() -> None:
    session = replace(USER_KEY, team_id=DASHBOARD_TEAM)
    assert standing(session, Towards("core")) == {As.USER, As.SESSION}
    for route in ("/spend/logs/v2", "/spend/logs/ui"):
        check_route(route, session)
    nobodys = replace(TEAM_KEY, team_id=DASHBOARD_TEAM)
    with pytest.raises(AccessRefused):
        check_route("/spend/logs/v2", nobodys)


def test_an_admin_of_a_team_is_a_member_too() -> None:
    assert standing(USER_KEY, Towards("core", "admin")) == {As.USER, As.MEMBER, As.TEAM_ADMIN}


def test_a_proxy_admin_needs_no_other_standing() -> None:
    assert standing(ADMIN, Towards("core", "user")) == {As.PROXY_ADMIN}


@pytest.mark.parametrize("team_id", ["core", "unknown"])
@pytest.mark.parametrize(
    "route", ["/team/member_add", "/team/member_update", "/team/member_delete"]
)
def test_d65_strangers_are_told_the_route_they_called(route: str, team_id: str) -> None:
    with pytest.raises(AccessRefused) as refused:
        check_team(route, USER_KEY, Towards(team_id))
    assert (refused.value.status, refused.value.body) == (403, "A")
    assert refused.value.text == (
        f"Call not allowed. User not proxy admin OR team admin. route={route}, team_id={team_id}"
    )


@pytest.mark.parametrize(
    ("user_id", "shown"),
    [
        (None, "None"),
        ("", "***"),
        ("u1", "***"),
        ("anne", "***"),
        ("annie", "annie"),
        ("anniesm", "anniesm"),
        ("anniesmi", "anniesmi"),
        ("annie-smith", "annie-***th"),
    ],
)
def test_user_ids_are_masked_in_refusals(user_id: str | None, shown: str) -> None:
    assert masked(user_id) == shown
    with pytest.raises(AccessRefused) as refused:
        check_route("/team/new", Principal("t", user_id, None, None))
    assert refused.value.text.endswith(f"Your role=unknown. Your user_id={shown}")


@pytest.mark.parametrize("title", ["auth user key team new", "auth user key team block"])
def test_a_user_without_a_role_is_refused_as_recorded(title: str) -> None:
    case = next(each for each in load() if each.title == title)
    with pytest.raises(AccessRefused) as refused:
        check_route(case.request.route, Principal("t", "u1", None, None))
    assert case.response is not None
    body = case.response["body"]
    assert isinstance(body, dict)
    assert (refused.value.status, refused.value.text) == (
        case.response["status"],
        body["error"]["message"],
    )


SECRET = key_of("sk-secret")
IN_CORE = generated(user_id="ann", team_id="core", team_incarnation=1, member_since=2)


def listing(*routes: str) -> KeyGenerated:
    return generated(user_id="ann", allowed_routes=routes)


def view_of(key: KeyGenerated, role: str = "internal_user", team: Team | None = None) -> View:
    """State in which `sk-secret` is that key, and its user `ann` has that role."""
    states: dict[str, AnyState] = {
        stream(KEY, SECRET.token): key_after(key),
        stream(USER, "ann"): user_after(user_created(user_role=role)),
        stream(TEAM, "core"): team or team_after(created(), joined("ann")),
    }
    cache = Cache(10**6)
    nowhere: dict[LinkKey, Children] = {(stream(USER, "ann"), ORGANIZATIONS): HashTrieMap()}
    return View(cache, cache.recorded_at, Loads(states=states, children=nowhere))


def asking(route: str, credential: Credential = SECRET) -> Origin:
    return Origin(credential, route, route, "correlation", "command")


def test_d02_a_listed_route_gives_no_right_that_the_role_lacks() -> None:
    with pytest.raises(AccessRefused) as refused:
        authenticate(view_of(listing("/team/new")), asking("/team/new"))
    assert refused.value.status == 401


def test_d02_an_admin_with_a_list_may_call_nothing_else() -> None:
    view = view_of(listing("/team/info"), "proxy_admin")
    assert authenticate(view, asking("/team/info")).is_admin
    with pytest.raises(AccessRefused) as refused:
        authenticate(view, asking("/team/new"))
    assert (refused.value.status, refused.value.body) == (403, "detail")


def test_a_key_of_a_live_membership_is_good() -> None:
    assert authenticate(view_of(IN_CORE), asking("/team/info")).team_id == "core"


def test_a_key_made_for_somebody_outside_the_team_is_good_while_the_team_lives() -> None:
    outside = generated(user_id="ann", team_id="core", team_incarnation=1)
    alone = team_after(created())
    assert authenticate(view_of(outside, team=alone), asking("/team/info")).team_id == "core"
    with pytest.raises(AccessRefused):
        authenticate(view_of(outside, team=replace(alone, open=False)), asking("/team/info"))


ANN, ANN_LEFT = joined("ann"), MemberRemoved(user_id="ann", role="user")
MEMBER = team_after(created(), ANN)


@pytest.mark.parametrize(
    "team",
    [
        team_after(created(), ANN, ANN_LEFT),
        team_after(created(), ANN, ANN_LEFT, ANN),
        replace(MEMBER, open=False),
        replace(MEMBER, incarnation=5),
        Team(),
    ],
    ids=["left", "came back", "deleted", "another life", "never created"],
)
def test_a_key_outlives_neither_its_membership_nor_its_team(team: Team) -> None:
    with pytest.raises(AccessRefused) as refused:
        authenticate(view_of(IN_CORE, team=team), asking("/team/info"))
    assert refused.value.kind == "token_not_found_in_db"


def test_a_blocked_team_locks_out_its_keys() -> None:
    blocked = team_after(created(blocked=True), joined("ann"))
    with pytest.raises(AccessRefused, match="Team=core is blocked"):
        authenticate(view_of(IN_CORE, team=blocked), asking("/team/info"))


def test_the_master_key_needs_no_state() -> None:
    cache = Cache(10**6)
    assert authenticate(View(cache, cache.recorded_at), asking("/team/new", MASTER)).master
