"""What was spent, computed from the files that were sent and from nothing else."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from functools import cached_property
from typing import NamedTuple

from tests.support.deliveries import Item

Account = tuple[str, str, str]
"""Kind, id, and the user where the kind is that of a member."""


class Owner(NamedTuple):
    """Whose a call is; `key` is a hash."""

    organization: str | None = None
    team: str | None = None
    user: str | None = None
    key: str | None = None

    def accounts(self) -> Iterator[Account]:
        for kind, name in zip(self._fields, self, strict=True):
            if name is not None:
                yield kind, name, ""
        if self.team is not None and self.user is not None:
            yield "member", self.team, self.user
        if self.organization is not None and self.user is not None:
            yield "organization_member", self.organization, self.user


class Figures(NamedTuple):
    cost: Decimal = Decimal(0)
    tokens: int = 0
    requests: int = 0

    def and_(self, other: "Figures") -> "Figures":
        return Figures(
            self.cost + other.cost, self.tokens + other.tokens, self.requests + other.requests
        )


class Call(NamedTuple):
    """A call that counts, or a correction of one, under the start of that call."""

    started_at: datetime
    accounts: tuple[Account, ...]
    figures: Figures


@dataclass
class SpendOracle:
    """Whose the calls of each key are, by its secret; teams with their organizations; users.

    Where a record names no key, the team and the user that it names count if they are there.
    """

    owners: Mapping[str, Owner]
    organizations: Mapping[str, str | None]
    users: Collection[str]
    calls: dict[str, Call] = field(default_factory=dict)

    def read(self, items: Iterable[Item]) -> None:
        """The first of each id counts."""
        corrections = []
        for item in items:
            if "corrects" in item:
                corrections.append(item)
            else:
                self.calls.setdefault(item["id"], self._call(item))
        for item in corrections:
            original = self.calls[item["corrects"]]
            figures = Figures(Decimal(item["cost"]), item["prompt_tokens"])
            self.calls.setdefault(item["id"], original._replace(figures=figures))

    @property
    def accounts(self) -> Collection[Account]:
        """All that spent."""
        return self._by_account.keys()

    def days(self) -> Mapping[tuple[Account, date], Figures]:
        """By account and UTC day."""
        found: defaultdict[tuple[Account, date], Figures] = defaultdict(Figures)
        with localcontext(prec=100):
            for call in self.calls.values():
                day = call.started_at.astimezone(UTC).date()
                for account in call.accounts:
                    found[account, day] = found[account, day].and_(call.figures)
        return found

    def spent(self, account: Account, *, since: datetime | None, until: datetime | None) -> Decimal:
        """By calls that began at or after `since` and before `until`."""
        with localcontext(prec=100):
            return sum(
                (
                    call.figures.cost
                    for call in self._by_account[account]
                    if (since is None or since <= call.started_at)
                    and (until is None or call.started_at < until)
                ),
                Decimal(0),
            )

    @cached_property
    def _by_account(self) -> Mapping[Account, list[Call]]:
        found: defaultdict[Account, list[Call]] = defaultdict(list)
        for call in self.calls.values():
            for account in call.accounts:
                found[account].append(call)
        return found

    def _call(self, item: Item) -> Call:
        accounts = (*self._owner(item).accounts(), ("model", item["model"], ""))
        tokens = item["prompt_tokens"] + item["completion_tokens"]
        figures = Figures(Decimal(item["cost"]), tokens, 1)
        return Call(datetime.fromisoformat(item["started_at"]), accounts, figures)

    def _owner(self, item: Item) -> Owner:
        if "key" in item:
            return self.owners.get(item["key"], Owner())
        team, user = item.get("team_id"), item.get("user_id")
        return Owner(
            self.organizations.get(team or ""),
            team if team in self.organizations else None,
            user if user in self.users else None,
        )
