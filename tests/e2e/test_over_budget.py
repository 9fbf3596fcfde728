"""Who is over a budget of his team, his membership, organization or his own may only wait.

Reads and writes refuse him with the same text, before they look at anything else (auth.md 2).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.gateway import Gateway
from tests.support.ledger import Ledger, running_ledger
from tests.support.refused import assert_refused
from tests.support.service import Start


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Ledger]:
    with running_ledger(postgres_server, start_service) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(ledger: Ledger) -> Gateway:
    return Gateway(ledger)


@dataclass(frozen=True, slots=True)
class Owner:
    """A user of that name and his key, in a team and an organization of the same name."""

    ledger: Ledger
    name: str
    key: str

    def read(self) -> httpx.Response:
        return self.ledger.get("/user/info", self.key)

    def write(self) -> httpx.Response:
        return self.ledger.post("/key/generate", {"user_id": self.name}, self.key)

    def is_let_in(self) -> None:
        for answer in (self.read(), self.write()):
            assert answer.status_code == 200, answer.text

    def is_refused(self, text: str) -> None:
        told = {"message": text, "type": "budget_exceeded", "param": None, "code": "400"}
        with self.ledger.nothing_stored():
            for answer in (self.read(), self.write()):
                assert (answer.status_code, answer.json()) == (400, {"error": told})


def owner(ledger: Ledger, name: str, *, in_team: bool = True) -> Owner:
    """Nobody of them is under a budget yet."""
    ledger.user(name, "internal_user")
    if not in_team:
        return Owner(ledger, name, ledger.key(user_id=name))
    ledger.done("/organization/new", {"organization_id": name, "organization_alias": name})
    ledger.done("/team/new", {"team_id": name, "organization_id": name})
    added = {"team_id": name, "member": {"user_id": name, "role": "user"}}
    ledger.done("/team/member_add", added)
    return Owner(ledger, name, ledger.key(user_id=name, team_id=name))


Set = tuple[str, dict[str, Any]]
LEVELS: dict[str, tuple[Set, str, Set | None]] = {
    "team": (
        ("/team/update", {"team_id": "team", "max_budget": 10}),
        "Budget has been exceeded! Team=team Current cost: 11.5, Max budget: 10.0",
        ("/global/spend/reset", {}),
    ),
    "member": (
        (
            "/team/member_update",
            {"team_id": "member", "user_id": "member", "max_budget_in_team": 10},
        ),
        "Budget has been exceeded! Current cost: 11.5, Max budget: 10.0",
        ("/v1/teams/member/members/member/reset_spend", {"reset_to": 0}),
    ),
    "organization": (
        ("PATCH /organization/update", {"organization_id": "organization", "max_budget": 10}),
        "Budget has been exceeded! Organization=organization Current cost: 11.5, Max budget: 10.0",
        None,
    ),
    "user": (
        ("/user/update", {"user_id": "user", "max_budget": 10}),
        "ExceededBudget: User=user over budget. Spend=11.5, Budget=10.0",
        None,
    ),
}
"""How the budget is set, what is told beyond it, and how spend is reset where it can be."""


@pytest.mark.parametrize("level", LEVELS)
def test_nobody_gets_around_a_budget(ledger: Ledger, gateway: Gateway, level: str) -> None:
    (path, body), text, reset = LEVELS[level]
    ann = owner(ledger, level, in_team=level != "user")
    gateway.spends(ann.key, 11.5)
    ann.is_let_in()
    ledger.done(path, body)
    ann.is_refused(text)
    if reset is not None:
        ledger.done(*reset)
        ann.is_let_in()
        gateway.spends(ann.key, 11.5)
        ann.is_refused(text)
    limit = next(name for name in body if name.startswith("max_budget"))
    ledger.done(path, {**body, limit: 1_000})
    ann.is_let_in()


def test_what_the_key_itself_may_spend_binds_calls_of_models_only(
    ledger: Ledger, gateway: Gateway
) -> None:
    ledger.user("own", "internal_user")
    ann = Owner(ledger, "own", ledger.key(user_id="own", max_budget=1))
    gateway.spends(ann.key, 2)
    ann.is_let_in()


def test_it_is_told_before_rights_routes_and_bodies(ledger: Ledger, gateway: Gateway) -> None:
    ann = owner(ledger, "early")
    gateway.spends(ann.key, 2)
    ledger.done("/team/update", {"team_id": "early", "max_budget": 1})
    text = "Team=early Current cost: 2.0, Max budget: 1.0"
    for path in ("/team/new", "/key/update", "/organization/new"):
        assert_refused(ledger.post(path, {"nonsense": []}, ann.key), 400, "B", text)
    assert_refused(ledger.get("/audit", ann.key), 400, "B", text)
    assert_refused(ledger.get("/v1/teams/other/windows", ann.key), 400, "problem", text)


def test_a_gateway_reports_whoever_is_over_budget(ledger: Ledger, gateway: Gateway) -> None:
    ann = owner(ledger, "reported")
    ledger.done("/team/update", {"team_id": "reported", "max_budget": 1})
    for _ in range(3):
        gateway.spends(ann.key, 1)
    ann.is_refused("Budget has been exceeded! Team=reported Current cost: 3.0, Max budget: 1.0")
