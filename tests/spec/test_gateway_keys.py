"""The key of a gateway: who makes it, what it is, and that nothing else becomes one (010)."""

from dataclasses import replace
from typing import Any

import pytest

from events.key import GATEWAY_ROUTES, KeyBlocked, KeyExpiryChanged, KeyGenerated, KeySettings
from events.streams import KEY, KEY_ALIAS, stream
from services.access.credentials import check_allowed_routes
from services.access.principal import AccessRefused, Principal
from services.command.application.cache import Cache
from services.command.application.callers import authenticate
from services.command.application.folds import AnyState
from services.command.application.keys import NewKey, alias_digest
from services.command.application.requests import Origin
from services.command.application.view import Loads, View
from services.command.domain.errors import NotAGateway
from services.command.domain.key import ApiKey
from services.command.domain.reservation import Reservation
from tests.support.decider import CarryOn, GenerateKey, UpdateKey, given, key_after
from tests.support.eventlog import START
from tests.support.facts import generated, key_settings
from tests.support.process import key_of

SECRET = key_of("sk-gateway")
GATEWAY: dict[str, Any] = {"key_alias": "eu", "allowed_routes": [GATEWAY_ROUTES]}
KEY_OF_EU = generated(**GATEWAY)
WRONG: dict[str, dict[str, Any]] = {
    "with other routes": {"allowed_routes": [GATEWAY_ROUTES, "/team/info"]},
    "twice": {"allowed_routes": [GATEWAY_ROUTES] * 2},
    "without a name": {"key_alias": None},
    "of a user": {"user_id": "ann"},
    "of a team": {"team_id": "core"},
    "of an organization": {"organization_id": "acme"},
}


def test_a_gateways_key_has_a_name_and_its_routes() -> None:
    given().when(GenerateKey(key_settings(**GATEWAY))).then(KEY_OF_EU)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=list(WRONG))
def test_no_other_key_has_the_routes_of_gateways(wrong: dict[str, Any]) -> None:
    settings = key_settings(**{**GATEWAY, **wrong})
    given().when(GenerateKey(settings)).then_raises(NotAGateway)
    given(KEY_OF_EU).when(UpdateKey(wrong)).then_raises(NotAGateway)
    given().when(CarryOn(key_after(KEY_OF_EU), settings)).then_raises(NotAGateway)


def test_it_keeps_its_name_and_its_routes() -> None:
    others: list[dict[str, Any]] = [{"key_alias": "us"}, {"allowed_routes": []}]
    for changes in others:
        given(KEY_OF_EU).when(UpdateKey(changes)).then_raises(NotAGateway)
    renamed = key_settings(**{**GATEWAY, "key_alias": "us"})
    given().when(CarryOn(key_after(KEY_OF_EU), renamed)).then_raises(NotAGateway)


def test_nothing_becomes_the_key_of_a_gateway() -> None:
    plain = generated(key_alias="eu")
    given(plain).when(UpdateKey({"allowed_routes": [GATEWAY_ROUTES]})).then_raises(NotAGateway)
    successor = CarryOn(key_after(plain), key_settings(**GATEWAY))
    given().when(successor).then_raises(NotAGateway)


def test_what_makes_it_a_gateways_may_be_sent_again_and_the_rest_changed() -> None:
    given(KEY_OF_EU).when(UpdateKey(GATEWAY)).then()
    until = KeyExpiryChanged(before=None, after=START)
    given(KEY_OF_EU).when(UpdateKey({"expires": START})).then(until)
    given(KEY_OF_EU).when(UpdateKey({"blocked": True})).then(KeyBlocked())


def principal_of(key: KeyGenerated, route: str = "/v1/usage") -> Principal:
    cache = Cache(10**6)
    states: dict[str, AnyState] = {stream(KEY, SECRET.token): key_after(key)}
    view = View(cache, cache.recorded_at, Loads(states=states))
    return authenticate(view, Origin(SECRET, route, route, "correlation", "command"))


def test_it_reports_under_its_alias() -> None:
    assert principal_of(KEY_OF_EU).gateway == "eu"


def test_a_key_that_lists_the_route_by_its_path_is_no_gateways() -> None:
    with pytest.raises(AccessRefused, match="Only the key of a gateway") as refused:
        principal_of(generated(key_alias="eu", allowed_routes=["/v1/usage"]))
    assert refused.value.status == 403


@pytest.mark.parametrize("route", ["/team/new", "/team/info", "/key/list", "/audit"])
def test_it_reaches_nothing_else(route: str) -> None:
    with pytest.raises(AccessRefused) as refused:
        principal_of(KEY_OF_EU, route)
    assert refused.value.status in (401, 403)


@pytest.mark.parametrize(
    ("path", "reached"),
    [
        ("/v1/usage", True),
        ("/v1/decide", True),
        ("/v1/reservations", True),
        ("/v1/reservations/7", True),
        ("/v1/usage/quarantine", False),
        ("/v1/usage/unattributed", False),
        ("/v1/decided", False),
        ("/v1/reservationsx", False),
        ("/v2/usage", False),
    ],
)
def test_its_routes_are_a_group(path: str, *, reached: bool) -> None:
    if reached:
        check_allowed_routes(path, (GATEWAY_ROUTES,))
        return
    with pytest.raises(AccessRefused):
        check_allowed_routes(path, (GATEWAY_ROUTES,))


ADMIN = Principal("t", "root", "proxy_admin", None)
ANN = Principal("t", "ann", "internal_user", None)


def new_key(settings: KeySettings, caller: Principal) -> int:
    """How many facts record it."""
    cache = Cache(10**6)
    states: dict[str, AnyState] = {
        stream(KEY, "new"): ApiKey(),
        stream(KEY_ALIAS, alias_digest("eu")): Reservation(),
    }
    view = View(cache, cache.recorded_at, Loads(states=states))
    return len(NewKey("new", settings, fresh=True).decide(view, caller).facts)


def test_only_proxy_admins_make_it() -> None:
    assert new_key(key_settings(**GATEWAY), ADMIN) == 2
    for caller in (ANN, replace(ANN, org_roles=(("acme", "org_admin"),))):
        with pytest.raises(AccessRefused, match="Only proxy admin") as refused:
            new_key(key_settings(**GATEWAY), caller)
        assert refused.value.status == 403
