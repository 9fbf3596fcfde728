"""Budgets of teams, members, organizations and users also bind calls of management (auth.md 2)."""

from collections.abc import Sequence
from datetime import UTC, timedelta
from decimal import Decimal

import pytest
from rpds import HashTrieMap

from events.key import GATEWAY_ROUTES
from events.registry import DomainEvent
from events.streams import BUDGET, KEY, ORGANIZATION, TEAM, USER, Stream, stream
from services.access.principal import AccessRefused, Credential
from services.command.application.cache import Cache, Children, LinkKey
from services.command.application.callers import authenticate
from services.command.application.folds import AnyState, evolve, fold_of
from services.command.application.requests import Origin
from services.command.application.spent import SpendUnknown, Spent
from services.command.application.view import Loads, Missing, View
from services.spend.spent import Span
from tests.support.eventlog import START, History
from tests.support.facts import (
    budget,
    budget_created,
    created,
    generated,
    joined,
    limits,
    organization_created,
    user_created,
)
from tests.support.process import MASTER, key_of

SECRET = key_of("sk-secret")
Fact = tuple[Stream, DomainEvent]
CORE, ANN, ACME, ROW = (
    stream(TEAM, "core"),
    stream(USER, "ann"),
    stream(ORGANIZATION, "acme"),
    stream(BUDGET, "b"),
)
COMPANY: list[Fact] = [
    (ROW, budget_created(max_budget=10)),
    (ACME, organization_created(budget_id="b")),
]
OF_ANN = {"user_id": "ann", "team_id": "core", "team_incarnation": 1}


def key(**values: object) -> Fact:
    return stream(KEY, SECRET.token), generated(**values)


def ann(**values: object) -> Fact:
    return ANN, user_created(user_role="internal_user", **values)


class Asking:
    """A caller of a route, and what the ledger says that is spent, by kind of account."""

    def __init__(self, facts: Sequence[Fact], spent: dict[str, str]) -> None:
        self._states: dict[str, AnyState] = {}
        self._spent = {kind: Decimal(amount) for kind, amount in spent.items()}
        self.asked: list[Span] = []
        history = History()
        for fact in facts:
            for at in history.command(fact):
                before = self._states.get(at.originator_id) or fold_of(at.originator_id).initial
                self._states[at.originator_id] = evolve(before, at)

    async def refused(
        self, route: str = "/team/info", by: Credential = SECRET
    ) -> AccessRefused | None:
        """What he is told, if he may not; what is not at hand is brought, as the loop does it."""
        origin = Origin(by, route, route, "c", "c", spent=Spent(self._sums, UTC))
        children: dict[LinkKey, Children] = {}
        while True:
            view = View(Cache(10**6), START, Loads(states=dict(self._states), children=children))
            try:
                authenticate(view, origin)
            except Missing as missing:
                self._states |= {name: fold_of(name).initial for name in missing.streams}
                children |= dict.fromkeys(missing.links, HashTrieMap())
            except SpendUnknown as unknown:
                await unknown.find_out()
            except AccessRefused as refused:
                return refused
            else:
                return None

    async def _sums(self, spans: Sequence[Span]) -> Sequence[Decimal]:
        self.asked += spans
        return [self._spent.get(span.kind, Decimal(0)) for span in spans]


def told(refused: AccessRefused | None) -> tuple[int, str, str | None, str | None]:
    assert refused is not None
    return refused.status, refused.text, refused.kind, refused.param


TEAM_OF_10 = (CORE, created(budget=budget(10)))
WITH_OWN = (CORE, joined("ann", own=limits(max_budget=10)))
BY_DEFAULT = (CORE, created(member_defaults=limits("all", max_budget=10)))
OF_TEAM = "Budget has been exceeded! Team=core Current cost: {}, Max budget: 10.0"
OF_ORGANIZATION = "Budget has been exceeded! Organization=acme Current cost: {}, Max budget: 10.0"
OF_USER = "ExceededBudget: User=ann over budget. Spend={}, Budget=10.0"
OF_MEMBER = "Budget has been exceeded! User=ann in Team=core Current cost: {}, Max budget: 10.0"
EARLY = "Budget has been exceeded! Current cost: {}, Max budget: 10.0"
CASES: dict[str, tuple[list[Fact], str, str | None, str]] = {
    "team": ([TEAM_OF_10, key(**OF_ANN)], "team", None, OF_TEAM),
    "team, by a key of nobody": (
        [TEAM_OF_10, key(team_id="core", team_incarnation=1)],
        "team",
        None,
        OF_TEAM,
    ),
    "member": ([(CORE, created()), WITH_OWN, key(**OF_ANN)], "member", OF_MEMBER, EARLY),
    "member, by default": (
        [BY_DEFAULT, (CORE, joined("ann")), key(**OF_ANN)],
        "member",
        OF_MEMBER,
        EARLY,
    ),
    "organization of the team": (
        [*COMPANY, (CORE, created(organization_id="acme")), key(**OF_ANN)],
        "organization",
        OF_ORGANIZATION,
        OF_ORGANIZATION,
    ),
    "organization of the key": (
        [*COMPANY, key(user_id="ann", organization_id="acme")],
        "organization",
        OF_ORGANIZATION,
        OF_ORGANIZATION,
    ),
    "user": ([ann(max_budget=10), key(user_id="ann")], "user", None, OF_USER),
}
"""Facts, the account that spends, and what is told at the budget and beyond it."""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "route", ["/team/info", "/team/new", "/key/generate", "/v1/keys/{key}/windows"]
)
async def test_a_budget_of_an_owner_binds_every_call(case: str, route: str) -> None:
    facts, account, at_limit, beyond = CASES[case]
    facts = facts if any(name == ANN for name, _ in facts) else [ann(), *facts]
    for spent, text in (("10", at_limit), ("10.5", beyond)):
        refused = await Asking(facts, {account: spent}).refused(route)
        expected = (
            None if text is None else (400, text.format(float(spent)), "budget_exceeded", None)
        )
        assert (None if refused is None or refused.status != 400 else told(refused)) == expected
    asking = Asking(facts, {account: "9.999999"})
    refused = await asking.refused(route)
    assert refused is None or refused.status in (401, 403)
    assert account in {span.kind for span in asking.asked}


UNBOUND: dict[str, list[Fact]] = {
    "the key's own": [ann(), key(user_id="ann", max_budget=10)],
    "a user's, in a team": [
        ann(max_budget=10),
        (CORE, created()),
        (CORE, joined("ann")),
        key(**OF_ANN),
    ],
    "no limit": [ann(), (CORE, created()), (CORE, joined("ann")), key(**OF_ANN)],
    "defaults, of somebody outside": [ann(), BY_DEFAULT, key(**OF_ANN)],
    "an organization's of 0": [
        ann(),
        (ROW, budget_created(max_budget=0)),
        (ACME, organization_created(budget_id="b")),
        key(user_id="ann", organization_id="acme"),
    ],
    "that of a gateway's organization": [
        *COMPANY,
        key(organization_id="acme", key_alias="eu", allowed_routes=[GATEWAY_ROUTES]),
    ],
}


@pytest.mark.parametrize("case", UNBOUND)
async def test_other_budgets_bind_nobody_and_are_not_looked_up(case: str) -> None:
    everything = dict.fromkeys(("key", "team", "member", "user", "organization"), "99")
    asking = Asking(UNBOUND[case], everything)
    route = "/v1/usage" if "gateway" in case else "/team/info"
    assert await asking.refused(route) is None
    assert asking.asked == []


async def test_the_master_key_is_under_no_budget() -> None:
    asking = Asking([TEAM_OF_10], {"team": "99"})
    assert await asking.refused(by=MASTER) is None
    assert asking.asked == []


async def test_refusals_come_in_the_order_of_the_table() -> None:
    """What is refused first is put right, and so on until nothing stands in the way."""
    wrong = {"blocked": True, "expires": START - timedelta(days=1), "allowed_routes": ["/key/info"]}
    team = {"blocked": True, "budget": budget(10), "organization_id": "acme"}
    spent = {"team": "11", "organization": "11", "member": "11"}

    async def status() -> tuple[int, str]:
        facts = [*COMPANY, ann(), (CORE, created(**team)), WITH_OWN, key(**OF_ANN, **wrong)]
        status, text, *_ = told(await Asking(facts, spent).refused())
        return status, text

    assert await status() == (
        401,
        "Authentication Error, Key is blocked. Update via `/key/unblock` if you're admin.",
    )
    del wrong["blocked"]
    assert await status() == (400, EARLY.format(11.0))
    spent["member"] = "10"
    assert (await status())[1].startswith("Authentication Error - Expired Key.")
    del wrong["expires"]
    assert (await status())[1].startswith("Authentication Error, Team=core is blocked.")
    team["blocked"] = False
    assert await status() == (400, OF_TEAM.format(11.0))
    spent["team"] = "10"
    assert await status() == (400, OF_ORGANIZATION.format(11.0))
    del spent["organization"]
    assert await status() == (400, OF_MEMBER.format(10.0))
    del spent["member"]
    assert (await status())[0] == 403
