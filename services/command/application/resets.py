"""Use cases on spend: having it go on from another amount (supporting-api.md 2.8, 6; users 1C).

What counts at the moment is known to the ledger, not to facts: the route looks it up between
finding out what is to be reset, and resetting it.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, cast

from events.spend import EVERYWHERE, SpendKind, SpendResetEverywhere, spend_stream
from events.streams import KEY, TEAM, stream
from services.access.policy import check_route, standing
from services.access.principal import AccessRefused, Principal
from services.access.rules import As
from services.command.application.admission import authorized_team, towards
from services.command.application.key_rights import granted, live_key
from services.command.application.membership import without_departed
from services.command.application.requests import Decision
from services.command.application.spenders import key_account
from services.command.application.view import View
from services.command.domain import spend
from services.command.domain.errors import NotAMember, NotFound
from services.command.domain.key import ApiKey
from services.spend.budgets import Account

KEY_ROUTE = "/key/{key}/reset_spend"
MEMBER_ROUTE = "/team/{team_id:path}/member/{user_id:path}/reset_spend"
OUR_MEMBER_ROUTE = "/v1/teams/{team_id:path}/members/{user_id:path}/reset_spend"
EVERYWHERE_ROUTE = "/global/spend/reset"
GRANT = "/key/{key_id}/reset_spend"
"""The permission that a team can give its members (team-api.md 3.17)."""


@dataclass(frozen=True, slots=True)
class Resettable:
    """What spends, what it may spend, and the stream of what it is."""

    account: Account
    max_budget: Decimal | None
    subject: str


class Target(Protocol):
    """What is to be reset: found, and judged whether the caller may."""

    def find(self, view: View, caller: Principal) -> Resettable: ...


@dataclass(frozen=True, slots=True)
class KeyTarget:
    """For proxy admins, and admins of the key's team or its organization.

    Members whose team grants it may reset the team's service keys. `shown` is how the caller named
    the key; to who has nothing to do with it, it is unknown.
    """

    token: str
    shown: str

    def find(self, view: View, caller: Principal) -> Resettable:
        check_route(KEY_ROUTE, caller)
        held = live_key(view, self.token, self.shown)
        self._check(view, caller, held)
        account, budget_id = key_account(self.token, held), held.settings.extra.get("budget_id")
        shared = None if budget_id is None else view.budget(str(budget_id)).settings.max_budget
        own = held.settings.max_budget
        return Resettable(account, shared if own is None else own, stream(KEY, self.token))

    def _check(self, view: View, caller: Principal, held: ApiKey) -> None:
        if caller.is_admin:
            return
        team_id, owner = held.settings.team_id, held.settings.user_id
        here = frozenset[As]()
        if team_id is not None:
            team = view.team(team_id)
            present, _ = without_departed(view, team, [caller.user_id] if caller.user_id else [])
            here = standing(caller, towards(caller, team_id, present))
            if here & {As.TEAM_ADMIN, As.ORG_ADMIN}:
                return
            if As.MEMBER in here and owner is None and GRANT in granted(team):
                return
        if As.MEMBER in here or (owner is not None and owner == caller.user_id):
            raise AccessRefused(403, "You are not authorized to reset the spend of this key")
        raise NotFound("key", self.shown)


@dataclass(frozen=True, slots=True)
class MemberTarget:
    """As for /team/member_update; nobody but a proxy admin resets what he spent himself."""

    team_id: str
    user_id: str
    route: str

    def find(self, view: View, caller: Principal) -> Resettable:
        found = authorized_team(view, caller, self.route, self.team_id)
        if not caller.is_admin and caller.user_id == self.user_id:
            text = "Cannot reset your own spend. Ask a proxy admin."
            raise AccessRefused(403, text, body="A")
        found, _ = without_departed(view, found, [self.user_id])
        member = found.roster.get(self.user_id)
        if member is None:
            raise NotAMember(self.user_id)
        limits = member.limits or found.settings.member_defaults
        account = Account("member", self.team_id, found.incarnation, self.user_id)
        most = None if limits is None else limits.max_budget
        return Resettable(account, most, stream(TEAM, self.team_id))


@dataclass(frozen=True, slots=True)
class FindTarget:
    """Answers what would be reset, to whom may reset it."""

    target: Target
    name: str = "FindSpend"

    def decide(self, view: View, caller: Principal) -> Decision:
        found = self.target.find(view, caller)
        return Decision((), lambda _: found)


@dataclass(frozen=True, slots=True)
class ResetSpend:
    """`account` is what was found, and `spent` USD what counted then; see domain.spend."""

    target: Target
    account: Account
    spent: Decimal
    wanted: Decimal
    reason: str | None
    name: str = "ResetSpend"

    def decide(self, view: View, caller: Principal) -> Decision:
        found = self.target.find(view, caller)
        kind, identity, incarnation, member = self.account
        if found.account != self.account:
            raise NotFound(kind, identity)
        command = spend.ResetSpend(
            kind=cast("SpendKind", kind),
            id=identity,
            user_id=member or None,
            incarnation=incarnation,
            spent=self.spent,
            max_budget=found.max_budget,
            wanted=self.wanted,
            reason=self.reason,
        )
        name = spend_stream(command.kind, identity, command.user_id)
        facts = [(name, fact) for fact in spend.reset(command)]
        return Decision(facts, lambda _: found, subject=found.subject)


@dataclass(frozen=True, slots=True)
class ResetEverywhere:
    """All keys and all teams, for the master key only (supporting-api.md 6, auth.md 2)."""

    name: str = "ResetAllSpend"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(EVERYWHERE_ROUTE, caller)
        view.need([EVERYWHERE])
        fact = SpendResetEverywhere(kinds=["key", "team"])
        return Decision([(EVERYWHERE, fact)], lambda _: None)
