"""The budgets and throughput limits that a key, its team, user and organization have set."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from events.duration import BudgetDuration
from events.values import JsonObject
from services.access.funds import Purse
from services.projection.decisions.allotments import Allotment
from services.projection.decisions.standing import ThroughputLimit
from services.projection.queries.records import KeyRecord
from services.spend.books import SpendBook
from services.spend.budgets import Account, Holder, since_ever
from services.spend.following import KEY_MODEL
from services.spend.raises import raise_of
from services.spend.spenders import Spender

BUDGET_ROW = "budget"
MEMBER_DEFAULTS = "member_defaults"


@dataclass(frozen=True, slots=True)
class KeyPurse:
    """A key with what it was before, and the budget row that it is linked to, if any."""

    record: KeyRecord
    spender: Spender
    linked: JsonObject | None
    linked_life: int | None

    @property
    def holder(self) -> Account:
        """What is held for the key is held on what it was first, whatever its secret is now."""
        return self.spender.accounts[0]

    def allotment(self) -> Allotment:
        """Each field of the key's own budget goes before that of the row."""
        settings, row = self.record.view.settings, self.linked or {}
        own = settings["max_budget"] is not None
        soft = settings["soft_budget"]
        where = (
            Holder("key", *self.record.life.account[1:])
            if own or self.linked is None
            else Holder(BUDGET_ROW, settings["extra"]["budget_id"], self.linked_life or 0)
        )
        return Allotment(
            Purse.KEY,
            self.record.view.token,
            self.spender,
            self.holder,
            _usd(settings["max_budget"] if own else row.get("max_budget")),
            _usd(row.get("soft_budget") if soft is None else soft),
            alias=settings["key_alias"],
            set_on=where,
            raised=raise_of(settings["metadata"]),
        )

    def of_models(self) -> Iterator[tuple[str, Allotment]]:
        """Budgets for single models; what cannot be read as one is none."""
        view = self.record.view
        for model, given in _object(view.settings["extra"].get("model_max_budget")).items():
            most, duration = _model_budget(given)
            if not most:
                continue
            paced = since_ever(duration, view.created_at)
            holder = self.holder._replace(kind=KEY_MODEL, member=model)
            yield (
                model,
                Allotment(
                    Purse.KEY_MODEL,
                    view.token,
                    Spender(self.spender.accounts, paced),
                    holder,
                    most,
                    alias=view.settings["key_alias"],
                    models=(model,),
                ),
            )

    def limits(self) -> Iterator[ThroughputLimit]:
        view = self.record.view
        yield _limit(Purse.KEY, view.token, view.settings["limits"], view.settings)
        metadata = view.settings["metadata"]
        yield from _by_model(
            Purse.KEY,
            view.token,
            [metadata.get("model_tpm_limit"), metadata.get("model_rpm_limit")],
        )


@dataclass(frozen=True, slots=True)
class TeamPurse:
    """A life of a team, and the owner of a key as a member of it, unless he is none.

    `document` is that of the statement; `own_limits` are the member's.
    """

    team_id: str
    life: int
    document: JsonObject
    book: SpendBook
    user_id: str | None
    is_member: bool
    own_limits: JsonObject | None

    @property
    def account(self) -> Account:
        return Account("team", self.team_id, self.life)

    @property
    def member_account(self) -> Account | None:
        """What calls of the owner are booked on, whether he is a member or not."""
        return (
            None
            if self.user_id is None
            else Account("member", self.team_id, self.life, self.user_id)
        )

    def allotment(self) -> Allotment:
        budget = self.document["budget"]
        return Allotment(
            Purse.TEAM,
            self.team_id,
            self.book.spender(self.account, self.book.cadences("team")),
            self.account,
            _usd(budget["max_budget"]),
            _usd(budget["soft_budget"]),
            set_on=Holder("team", self.team_id, self.life),
        )

    def member_allotment(self) -> Allotment | None:
        """His own limits, or else the team's defaults as a whole (chapter 6, 7)."""
        account, limits = self.member_account, self._member_limits
        if account is None or limits is None:
            return None
        defaults = Holder(MEMBER_DEFAULTS, self.team_id, self.life)
        return Allotment(
            Purse.MEMBER,
            self.team_id,
            self.book.team_member(self.team_id, self.life, account.member),
            account,
            _usd(limits["max_budget"]),
            member=account.member,
            set_on=defaults if self.own_limits is None else Holder(*account),
        )

    def limits(self) -> Iterator[ThroughputLimit]:
        """Those of the member too, whoever he is known by (D42)."""
        yield _limit(Purse.TEAM, self.team_id, self.document["limits"])
        yield from _by_model(Purse.TEAM, self.team_id, self.document["model_limits"])
        if self._member_limits is not None:
            limit = _limit(Purse.MEMBER, self.team_id, self._member_limits)
            yield replace(limit, member=self.user_id)

    @property
    def _member_limits(self) -> JsonObject | None:
        if not self.is_member:
            return None
        defaults: JsonObject | None = self.document["defaults"]
        return defaults if self.own_limits is None else self.own_limits


@dataclass(frozen=True, slots=True)
class UserPurse:
    """A life of a user."""

    user_id: str
    life: int
    settings: JsonObject
    book: SpendBook

    @property
    def account(self) -> Account:
        return Account("user", self.user_id, self.life)

    def allotment(self) -> Allotment:
        return Allotment(
            Purse.USER,
            self.user_id,
            self.book.spender(self.account, self.book.cadences("user")),
            self.account,
            _usd(self.settings["max_budget"]),
            set_on=Holder(*self.account),
        )

    def limits(self) -> Iterator[ThroughputLimit]:
        yield _limit(Purse.USER, self.user_id, self.settings["limits"], self.settings)


@dataclass(frozen=True, slots=True)
class OrganizationPurse:
    """A life of an organization with the budget it has, unless that is gone."""

    organization_id: str
    life: int
    budget_id: str
    budget_life: int | None
    budget: JsonObject | None
    model_limits: list[Any]
    book: SpendBook

    @property
    def account(self) -> Account:
        return Account("organization", self.organization_id, self.life)

    def allotment(self) -> Allotment | None:
        if self.budget is None:
            return None
        return Allotment(
            Purse.ORGANIZATION,
            self.organization_id,
            self.book.spender(self.account, self.book.of_organization),
            self.account,
            _usd(self.budget["max_budget"]),
            _usd(self.budget["soft_budget"]),
            set_on=Holder(BUDGET_ROW, self.budget_id, self.budget_life or 0),
        )

    def limits(self) -> Iterator[ThroughputLimit]:
        if self.budget is not None:
            yield _limit(Purse.ORGANIZATION, self.organization_id, self.budget, self.budget)
        yield from _by_model(Purse.ORGANIZATION, self.organization_id, self.model_limits)


def _limit(
    kind: Purse, name: str, limits: JsonObject, parallel: JsonObject | None = None
) -> ThroughputLimit:
    return ThroughputLimit(
        kind,
        name,
        limits["tpm_limit"],
        limits["rpm_limit"],
        None if parallel is None else parallel["max_parallel_requests"],
    )


def _by_model(kind: Purse, name: str, limits: list[Any]) -> Iterator[ThroughputLimit]:
    """`limits` are tokens and requests by model; client metadata may hold anything there."""
    tokens, requests = (_object(value) for value in limits)
    for model in dict.fromkeys([*tokens, *requests]):
        tpm, rpm = _count(tokens.get(model)), _count(requests.get(model))
        if (tpm, rpm) != (None, None):
            yield ThroughputLimit(kind, name, tpm, rpm, model=model)


def _model_budget(given: Any) -> tuple[Decimal | None, str | None]:  # noqa: ANN401
    """A limit and a period, under the names LiteLLM takes; (None, None) for anything else."""
    if not isinstance(given, dict):
        return None, None
    most = given.get("max_budget", given.get("budget_limit"))
    duration = given.get("budget_duration", given.get("time_period"))
    try:
        if duration is not None:
            BudgetDuration.parse(str(duration))
        amount = None if most is None or isinstance(most, bool) else Decimal(str(most))
    except (InvalidOperation, ValueError):
        return None, None
    if amount is None or not amount.is_finite():
        return None, None
    return amount, None if duration is None else str(duration)


def _usd(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(str(amount))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
