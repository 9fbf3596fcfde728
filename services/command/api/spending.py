"""What accounts have spent, for answers to commands: windows from folded facts, sums from usage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from services.command.application.loop import CommandLoop
from services.command.application.spenders import LookUpSpenders, Part
from services.spend.books import key_spender
from services.spend.budgets import Account
from services.spend.reading import SpendReading
from services.spend.spenders import Spender, asked_now

FIRST_LIFE = 1
"""No secret is used again, so a key lives once (S06)."""


@dataclass(frozen=True, slots=True)
class CommandSpending:
    """Looks up what is at hand without waiting for the head: it was confirmed a moment ago."""

    loop: CommandLoop
    ledger: SpendReading
    zone: tzinfo

    async def spenders(self, accounts: Iterable[Account]) -> list[Spender]:
        """The things that these accounts are of, in the order given."""
        wanted = list(accounts)
        found = await self._parts(wanted)
        return [await self._spender(found[account]) for account in wanted]

    async def now(self, accounts: Iterable[Account], now: datetime) -> Mapping[Account, Decimal]:
        """USD of each in the window that holds `now`, by one statement."""
        wanted = list(dict.fromkeys(accounts))
        spenders = await self.spenders(wanted)
        spent = await self.ledger.within(asked_now(spenders, now, self.zone), now)
        return dict(zip(wanted, spent, strict=True))

    async def _spender(self, part: Part) -> Spender:
        """A key that was rotated with what it spent before, secret by secret."""
        if part.account.kind != "key":
            return part.spender
        life = [part]
        while life[0].before is not None:
            before = Account("key", life[0].before, FIRST_LIFE)
            life.insert(0, (await self._parts([before]))[before])
        return key_spender([(one.account, one.book) for one in life])

    async def _parts(self, accounts: Iterable[Account]) -> Mapping[Account, Part]:
        found: Mapping[Account, Part] = await self.loop.look(LookUpSpenders(tuple(accounts)))
        return found
