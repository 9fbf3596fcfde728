"""Thresholds of budgets judged in memory: facts in a log, calls in a list, no database."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

from events.alert import BudgetThresholdCrossed
from events.registry import DomainEvent
from events.streams import Stream
from services.command.application.alerts import Stretch, TellCrossings
from services.command.application.spent import SpendUnknown, Spent
from services.spend.budgets import Account
from services.spend.spent import Span
from tests.support.eventlog import History
from tests.support.memory_log import MemoryLog
from tests.support.process import Process, request, result

PERCENTS = (80, 90, 100)


@dataclass
class Watched:
    """What was set, and what was called: (account, moment, USD)."""

    log: MemoryLog = field(default_factory=MemoryLog)
    calls: list[tuple[Account, datetime, Decimal]] = field(default_factory=list)
    zone: tzinfo = UTC
    _history: History = field(default_factory=History)

    def record(self, *facts: tuple[Stream, DomainEvent]) -> None:
        """Facts of one command; they stand in the log before anything is told."""
        self._history.position = len(self.log.envelopes)
        self.log.envelopes += self._history.command(*facts)

    async def sums(self, spans: Sequence[Span]) -> list[Decimal]:
        """What was called up to now; others have their turn before it is known."""
        amounts = [self._sum(span) for span in spans]
        await asyncio.sleep(0)
        return amounts

    def _sum(self, span: Span) -> Decimal:
        return sum(
            (
                usd
                for account, at, usd in self.calls
                if account == Account(*span[:4])
                and (span.since is None or span.since <= at)
                and (span.until is None or at < span.until)
            ),
            Decimal(0),
        )

    async def look(self, *stretches: Stretch, percents: Sequence[int] = PERCENTS) -> bool:
        """One command, in a process that knows nothing yet; whether there is more to tell."""
        command = TellCrossings(stretches, percents, Spent(self.sums, self.zone))
        process = Process(self.log)
        while True:
            asked = request(command)
            await process.decide(asked)
            answer = result(asked)
            if not isinstance(answer, SpendUnknown):
                break
            await answer.find_out()
        if isinstance(answer, Exception):
            raise answer
        return bool(answer.more)

    async def called(self, account: Account, at: datetime, usd: str | Decimal) -> None:
        """A call is booked, and looked at."""
        self.calls.append((account, at, Decimal(usd)))
        await self.look(Stretch(account, at, at))

    @property
    def told(self) -> list[BudgetThresholdCrossed]:
        facts = (at.event for at in self.log.envelopes)
        return [fact for fact in facts if isinstance(fact, BudgetThresholdCrossed)]

    @property
    def percents(self) -> list[int | None]:
        """Of all that was told, in order."""
        return [fact.percent for fact in self.told]
