"""Whether a key may make a call: the checks of auth.md 2 in their order, with its texts; pure.

Calls of models pass all checks, calls of management those that auth.md does not mark LLM.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from services.access.credentials import covers_call
from services.access.funds import Funds, Purse, over, over_early
from services.access.model_rule import Model, permits, resolved
from services.access.principal import AccessRefused
from services.access.refusals import (
    blocked_key,
    blocked_team,
    expired_key,
    model_not_allowed,
    no_default_models,
    other_routes,
)

NO_DEFAULT_MODELS, ALL_TEAM_MODELS = "no-default-models", "all-team-models"


class Check(StrEnum):
    """What a call was refused by; the numbers are the rows of auth.md 2."""

    MALFORMED_KEY = "malformed_key"  # 8
    UNKNOWN_KEY = "unknown_key"  # 9
    KEY_BLOCKED = "key_blocked"  # 10
    KEY_MODEL = "key_model"  # 11
    KEY_EXPIRED = "key_expired"  # 13
    KEY_BUDGET = "key_budget"  # 14
    KEY_MODEL_BUDGET = "key_model_budget"  # 15
    TEAM_BLOCKED = "team_blocked"  # 16
    TEAM_MODEL = "team_model"  # 17
    USER_MODEL = "user_model"  # 18
    TEAM_BUDGET = "team_budget"  # 20
    ORGANIZATION_BUDGET = "organization_budget"  # 22
    USER_BUDGET = "user_budget"  # 24
    MEMBER_BUDGET = "member_budget"  # 12, 25
    KEY_ROUTES = "key_routes"  # 31


@dataclass(frozen=True, slots=True)
class TeamPolicy:
    """What a team says of the calls of its keys."""

    team_id: str
    team_alias: str | None = None
    blocked: bool = False
    models: Sequence[str] = ()
    aliases: Mapping[str, Any] = field(default_factory=dict)
    access_groups: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """A key that is in force, by its sha256, and what its team and user say of its calls.

    `key_name` is how users are shown it. `user_models` is None where there is no user to ask, and
    only asked where there is no team. `organization_id` is the key's, else its team's.
    """

    token: str
    key_name: str
    key_alias: str | None = None
    user_id: str | None = None
    organization_id: str | None = None
    blocked: bool = False
    expires: datetime | None = None
    models: Sequence[str] = ()
    aliases: Mapping[str, Any] = field(default_factory=dict)
    access_groups: Sequence[str] = ()
    allowed_routes: tuple[str, ...] = ()
    team: TeamPolicy | None = None
    user_models: Sequence[str] | None = None

    @property
    def team_aliases(self) -> Mapping[str, Any]:
        """Names that stand for models of the team."""
        return {} if self.team is None else self.team.aliases

    def resolved(self, model: str) -> str:
        """The model that is to be called under a name: the team's aliases go before the key's."""
        return resolved(model, self.team_aliases, self.aliases)


@dataclass(slots=True)
class Call:
    """A call of a model; `estimate` is what it may cost, in USD. 0: it is known to be free."""

    model: Model
    route: str
    estimate: Decimal | None = None

    @property
    def free(self) -> bool:
        """Budgets do not matter to calls that cost nothing."""
        return self.estimate is not None and not self.estimate


@dataclass(frozen=True, slots=True)
class Denied:
    """The check that a call does not pass, and what its caller is told.

    `funds` are those of a budget; `by_estimate` tells that they cannot bear just this call.
    """

    check: Check
    refused: AccessRefused
    funds: Funds | None = None
    by_estimate: bool = False


AllFunds = Mapping[Purse, Funds]


@dataclass(slots=True)
class _Question:
    key: KeyPolicy
    call: Call | None
    funds: AllFunds
    now: datetime


_Row = Callable[[_Question], Denied | None]


def check_call(key: KeyPolicy, call: Call, funds: AllFunds, now: datetime) -> Denied | None:
    """Why a call of a model is refused; None if it is not."""
    return _first(_CALL, _Question(key, call, {} if call.free else funds, now))


def check_management(key: KeyPolicy, funds: AllFunds, now: datetime) -> Denied | None:
    """Why any other call is refused before its route is looked at; None if it is not."""
    return _first(_MANAGEMENT, _Question(key, None, funds, now))


def check_budgets(key: KeyPolicy, funds: AllFunds, now: datetime) -> None:
    """Raises AccessRefused for the budget that such a call is refused by.

    What it is refused by before, as blocked or expired, is for `judge` to say.
    """
    denied = check_management(key, funds, now)
    if denied is not None and denied.funds is not None:
        raise denied.refused


def beyond_estimate(funds: Funds, estimate: Decimal) -> Denied:
    """The refusal of a call that funds are known not to bear."""
    found = over(funds, estimate)
    if found is None:
        raise ValueError(f"the budget of the {funds.purse} bears {estimate}")
    return Denied(_CHECKS[funds.purse], found[0], funds, by_estimate=found[1])


def _first(rows: Sequence[_Row], asked: _Question) -> Denied | None:
    for row in rows:
        denied = row(asked)
        if denied is not None:
            return denied
    return None


def _key_blocked(asked: _Question) -> Denied | None:
    return Denied(Check.KEY_BLOCKED, blocked_key()) if asked.key.blocked else None


def _key_model(asked: _Question) -> Denied | None:
    key, call = asked.key, asked.call
    if call is None or ALL_TEAM_MODELS in key.models:
        return None
    if permits(key.models, call.model, key.team_aliases, key.access_groups):
        return None
    return Denied(Check.KEY_MODEL, model_not_allowed("key", key.models, call.model.name))


def _member_early(asked: _Question) -> Denied | None:
    funds = asked.funds.get(Purse.MEMBER)
    refused = None if funds is None else over_early(funds)
    return None if refused is None else Denied(Check.MEMBER_BUDGET, refused, funds)


def _key_expired(asked: _Question) -> Denied | None:
    key = asked.key
    if key.expires is None or key.expires > asked.now:
        return None
    return Denied(Check.KEY_EXPIRED, expired_key(key.expires, asked.now, key.key_name))


def _team_blocked(asked: _Question) -> Denied | None:
    team = asked.key.team
    if team is None or not team.blocked:
        return None
    return Denied(Check.TEAM_BLOCKED, blocked_team(team.team_id))


def _team_model(asked: _Question) -> Denied | None:
    team, call = asked.key.team, asked.call
    if team is None or call is None:
        return None
    if permits(team.models, call.model, team.aliases, team.access_groups):
        return None
    return Denied(Check.TEAM_MODEL, model_not_allowed("team", team.models, call.model.name))


def _user_model(asked: _Question) -> Denied | None:
    models, call = asked.key.user_models, asked.call
    if asked.key.team is not None or models is None or call is None:
        return None
    if NO_DEFAULT_MODELS in models:
        return Denied(Check.USER_MODEL, no_default_models(call.model.name))
    if permits(models, call.model, {}):
        return None
    return Denied(Check.USER_MODEL, model_not_allowed("user", models, call.model.name))


def _key_routes(asked: _Question) -> Denied | None:
    allowed, call = asked.key.allowed_routes, asked.call
    if call is None or covers_call(allowed, call.route):
        return None
    return Denied(Check.KEY_ROUTES, other_routes(call.route, allowed))


def _budget_of(purse: Purse) -> _Row:
    check = _CHECKS[purse]

    def row(asked: _Question) -> Denied | None:
        funds = asked.funds.get(purse)
        if funds is None:
            return None
        found = over(funds, None if asked.call is None else asked.call.estimate)
        return None if found is None else Denied(check, found[0], funds, by_estimate=found[1])

    return row


_CHECKS: Mapping[Purse, Check] = {
    Purse.KEY: Check.KEY_BUDGET,
    Purse.KEY_MODEL: Check.KEY_MODEL_BUDGET,
    Purse.TEAM: Check.TEAM_BUDGET,
    Purse.MEMBER: Check.MEMBER_BUDGET,
    Purse.ORGANIZATION: Check.ORGANIZATION_BUDGET,
    Purse.USER: Check.USER_BUDGET,
}
_AFTER_MODELS: tuple[_Row, ...] = (
    _budget_of(Purse.TEAM),
    _budget_of(Purse.ORGANIZATION),
    _budget_of(Purse.USER),
    _budget_of(Purse.MEMBER),
)
_CALL: tuple[_Row, ...] = (
    _key_blocked,
    _key_model,
    _member_early,
    _key_expired,
    _budget_of(Purse.KEY),
    _budget_of(Purse.KEY_MODEL),
    _team_blocked,
    _team_model,
    _user_model,
    *_AFTER_MODELS,
    _key_routes,
)
_MANAGEMENT: tuple[_Row, ...] = (
    _key_blocked,
    _member_early,
    _key_expired,
    _team_blocked,
    *_AFTER_MODELS,
)
BUDGETS_IN_ORDER: tuple[Purse, ...] = (
    Purse.KEY,
    Purse.KEY_MODEL,
    Purse.TEAM,
    Purse.ORGANIZATION,
    Purse.USER,
    Purse.MEMBER,
)
"""How a call passes them."""

OF_OWNERS = frozenset({Purse.TEAM, Purse.MEMBER, Purse.ORGANIZATION, Purse.USER})
"""Those that other calls pass too."""
