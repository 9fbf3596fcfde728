"""Who may block and delete a key of a team in an organization (register A03, A06)."""

from datetime import timedelta

import pytest

from services.access.principal import AccessRefused, Principal
from services.command.application.cache import Cache
from services.command.application.folds import AnyState
from services.command.application.key_rights import check_key_rights
from services.command.application.view import Loads, View
from services.command.domain.errors import NotFound
from services.command.domain.key import ApiKey
from services.command.domain.organization import Organization
from services.command.domain.user import User
from tests.support.decider import key_after, team_after
from tests.support.eventlog import START
from tests.support.facts import created, generated, joined

ROUTES = ["/key/block", "/key/unblock", "/key/delete"]
ORG_ADMIN = Principal("t", "olga", None, None, org_roles=(("acme", "org_admin"),))
ORG_USER = Principal("t", "ursa", None, None, org_roles=(("acme", "internal_user"),))
MEMBER = Principal("t", "mia", None, None)


def check(caller: Principal, key: ApiKey, route: str, *permissions: str) -> None:
    facts = created(organization_id="acme", member_permissions=[*permissions]), joined("mia")
    states: dict[str, AnyState] = {
        "team-core": team_after(*facts),
        "user-mia": User(),
        "organization-acme": Organization(),
    }
    view = View(Cache(0), START + timedelta(seconds=9), Loads(states=states))
    check_key_rights(view, caller, key, "the key", route)


SERVICE = key_after(generated(team_id="core"))
OF_MAX = key_after(generated(team_id="core", user_id="max"))
LONE = key_after(generated(user_id="max"))


@pytest.mark.parametrize("route", ROUTES)
def test_a03_an_admin_of_the_organization_may_what_a_team_admin_may(route: str) -> None:
    for key in (SERVICE, OF_MAX):
        check(ORG_ADMIN, key, route)
        with pytest.raises(NotFound):
            check(ORG_USER, key, route)
    with pytest.raises(NotFound):
        check(ORG_ADMIN, LONE, route)


@pytest.mark.parametrize("route", ROUTES)
def test_a06_a_permission_is_for_service_keys_and_for_its_own_route(route: str) -> None:
    check(MEMBER, SERVICE, route, route)
    others = [each for each in ROUTES if each != route]
    for key, permissions in ((OF_MAX, [route]), (SERVICE, others), (SERVICE, [])):
        with pytest.raises(AccessRefused, match="You are not authorized to"):
            check(MEMBER, key, route, *permissions)
