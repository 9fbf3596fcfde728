"""Things that spend, as folded facts have them: how their windows are cut, what was reset.

Answers name accounts; what these have spent is looked up once the command is carried out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from events.spend import EVERYWHERE, SpendKind, spend_stream
from events.streams import BUDGET, KEY, ORGANIZATION, TEAM, USER, stream
from events.terms import LINK
from services.access.principal import Principal
from services.command.application.folds import PACED
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain.key import ApiKey
from services.command.domain.pace import UNPACED, Pace, Paces
from services.command.domain.spend import Spend
from services.spend.books import Holder, Paced, SpendBook
from services.spend.budgets import Account, Cadences, Change, cadences
from services.spend.spenders import Spender
from services.spend.windows import Opening, Reset

HELD_BY = {
    "team": TEAM,
    "member": TEAM,
    "user": USER,
    "key": KEY,
    "organization": ORGANIZATION,
    "organization_member": ORGANIZATION,
}
"""The kind of the stream that tells of what spends, by the kind of its account."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one account spends; of a key that was rotated, `before` is the hash it had."""

    account: Account
    book: SpendBook
    before: str | None = None

    @property
    def spender(self) -> Spender:
        """Of what is no key."""
        kind, identity, incarnation, member = self.account
        match kind:
            case "member":
                return self.book.team_member(identity, incarnation, member)
            case "organization_member":
                return self.book.organization_member(identity, incarnation, member)
            case "organization":
                return self.book.spender(self.account, self.book.of_organization)
        return self.book.spender(self.account, self.book.cadences(kind))


@dataclass(frozen=True, slots=True)
class LookUpSpenders:
    """Answers the part of each account; those of an earlier life have no windows any more."""

    accounts: Sequence[Account]
    name: str = "LookUpSpenders"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        found = parts(view, self.accounts)
        return Decision((), lambda _: found)


def parts(view: View, accounts: Iterable[Account]) -> dict[Account, Part]:
    """Raises Missing for all that is not at hand, one kind of thing at a time."""
    wanted = list(dict.fromkeys(accounts))
    holders = {account: stream(HELD_BY[account.kind], account.id) for account in wanted}
    spends = {account: _spend_stream(account) for account in wanted}
    view.need([EVERYWHERE, *holders.values(), *spends.values()])
    paces = {account: _paces(view, name, account) for account, name in holders.items()}
    rows = {budget for held in paces.values() for budget in _linked(held)}
    view.need(stream(BUDGET, budget_id) for budget_id in rows)
    everywhere = cast("Spend", view.state(EVERYWHERE))
    found: dict[Account, Part] = {}
    for account in wanted:
        spend = cast("Spend", view.state(spends[account]))
        book = _book(view, account, paces[account], spend, everywhere)
        found[account] = Part(account, book, _before(view, account))
    return found


def key_account(token: str, key: ApiKey) -> Account:
    """What the calls of a key are booked on."""
    return Account("key", token, key.incarnation)


def _spend_stream(account: Account) -> str:
    return spend_stream(cast("SpendKind", account.kind), account.id, account.member or None)


def _before(view: View, account: Account) -> str | None:
    return view.key(account.id).before if account.kind == "key" else None


def _paces(view: View, name: str, account: Account) -> Paces:
    state = view.state(name)
    if not isinstance(state, PACED) or state.incarnation != account.incarnation:
        return UNPACED
    return state.paces


def _linked(paces: Paces) -> list[str]:
    links = (*paces.get((LINK, ""), ()), *paces.get(("organization", ""), ()))
    return [pace.budget_id for pace in links if pace.budget_id is not None]


def _book(view: View, account: Account, paces: Paces, spend: Spend, everywhere: Spend) -> SpendBook:
    holder: Holder = account.kind, account.member
    of_life = spend if spend.life == account.incarnation else Spend()
    resets = [] if of_life.reset is None else [Reset(of_life.reset.at, of_life.reset.amount)]
    opened = [] if of_life.opened is None else [Opening(of_life.opened.at, of_life.opened.amount)]
    all_reset = everywhere.reset if account.kind in everywhere.kinds else None
    return SpendBook(
        paced={held: [_paced(pace) for pace in those] for held, those in paces.items()},
        resets={holder: resets},
        openings={holder: opened},
        everywhere=None if all_reset is None else all_reset.at,
        rows={budget_id: _row(view, budget_id) for budget_id in _linked(paces)},
    )


def _paced(pace: Pace) -> Paced:
    change = Change(pace.since, pace.duration, pace.reset_at, pace.first)
    return Paced(change, pace.budget_id, pace.held)


def _row(view: View, budget_id: str) -> Cadences:
    changes = view.budget(budget_id).paces.get(("budget", ""), ())
    return cadences([_paced(pace).change for pace in changes])
