"""What bears on the spend of a thing beside the calls, and how that of its members is told from it.

Whoever knows this, from folded facts or from rows, makes of it things that spend.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple, TypeVar

from events.terms import DEFAULTS, LINK
from services.spend.budgets import (
    UNPACED,
    Account,
    Cadences,
    Change,
    cadences,
    member_cadences,
    succeeding,
)
from services.spend.spenders import Spender
from services.spend.windows import Opening, Reset

T = TypeVar("T")
Holder = tuple[str, str]
"""A kind, and the member where it is a membership."""


class Paced(NamedTuple):
    """A change of how windows are cut: a duration, or another shared row by its id."""

    change: Change
    budget_id: str | None
    held: bool


@dataclass(frozen=True)
class SpendBook:
    """What is known of a thing and its members, by kind and member."""

    paced: Mapping[Holder, Sequence[Paced]] = field(default_factory=dict)
    resets: Mapping[Holder, Sequence[Reset]] = field(default_factory=dict)
    openings: Mapping[Holder, Sequence[Opening]] = field(default_factory=dict)
    everywhere: datetime | None = None
    rows: Mapping[str, Cadences] = field(default_factory=dict)

    def cadences(self, kind: str, member: str = "") -> Cadences:
        """What was set on the thing itself, or on that member."""
        changes = self.paced.get((kind, member))
        return UNPACED if changes is None else cadences([one.change for one in changes])

    def linked(self, kind: str) -> Cadences:
        """Those of the shared rows that the thing has had, one after the other."""
        links = self.paced.get((kind, ""), ())
        parts = [(one.change.since, self.rows.get(one.budget_id or "", UNPACED)) for one in links]
        return succeeding(parts) if parts else UNPACED

    def spender(self, account: Account, paced: Cadences) -> Spender:
        """The thing as it spends, in windows that are cut like that."""
        holder = account.kind, account.member
        resets = self.resets.get(holder, ())
        if self.everywhere is not None and not account.member:
            resets = [*resets, Reset(self.everywhere, Decimal(0))]
        return Spender((account,), paced, resets, self.openings.get(holder, ()))

    @cached_property
    def of_team(self) -> Cadences:
        """Those of a team, and of limits in it without a duration of their own (D37)."""
        return self.cadences("team")

    @cached_property
    def of_members(self) -> Cadences:
        """Those of members without limits of their own."""
        return self.cadences(DEFAULTS).over(self.of_team)

    @cached_property
    def of_organization(self) -> Cadences:
        """Those of an organization, and of members of it without a duration of their own."""
        return self.linked("organization")

    def team_member(self, team_id: str, incarnation: int, user_id: str) -> Spender:
        """A member of the team."""
        account = Account("member", team_id, incarnation, user_id)
        own = [(one.change, one.held) for one in self.paced.get(("member", user_id), ())]
        return self.spender(account, member_cadences(own, self.of_members, self.of_team))

    def organization_member(self, organization_id: str, incarnation: int, user_id: str) -> Spender:
        """A member of the organization."""
        account = Account("organization_member", organization_id, incarnation, user_id)
        own = self.cadences(account.kind, account.member)
        return self.spender(account, own.over(self.of_organization))


EMPTY = SpendBook()


def merged(books: Sequence[SpendBook]) -> SpendBook:
    """Of things that carried one another on, the oldest first, as if it were one."""
    if len(books) == 1:
        return books[0]
    return SpendBook(
        paced=_joined([book.paced for book in books]),
        resets=_joined([book.resets for book in books]),
        openings=_joined([book.openings for book in books]),
        everywhere=books[-1].everywhere,
        rows={name: row for book in books for name, row in book.rows.items()},
    )


def _joined(parts: Sequence[Mapping[Holder, Sequence[T]]]) -> dict[Holder, list[T]]:
    found: dict[Holder, list[T]] = {}
    for part in parts:
        for holder, entries in part.items():
            found.setdefault(holder, []).extend(entries)
    return found


def key_spender(keys: Sequence[tuple[Account, SpendBook]]) -> Spender:
    """A key as it spends: all that it was before it was rotated, the oldest first, is one thing."""
    book = merged([book for _, book in keys])
    account = keys[-1][0]
    spender = book.spender(account, book.cadences("key").over(book.linked(LINK)))
    return replace(spender, accounts=tuple(account for account, _ in keys))
