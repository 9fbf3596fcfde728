"""What was spent as of a moment is what the ledger had taken in by then, and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.usage import UsageCorrected, UsageRecorded
from services.database.embedded import EmbeddedServer
from services.spend.budgets import Account
from services.spend.counters import Counted
from services.spend.past import PastSpend, ledger_moment
from services.spend.spent import Span
from tests.support.eventlog import create_store
from tests.support.postgres import fresh_database
from tests.support.usage import NOON, Books, call, member_of, opened_books

MODELS = ("gpt-4o", "o3")
_numbers, _stories = count(1), count()
MINUTES = st.sampled_from([-4, 0, 1, 14, 59, 60, 61, 200, 24 * 60, 3 * 24 * 60, 20 * 24 * 60])
"""How long before it is reported a call may have begun."""


@dataclass
class Clock:
    """Shows what it is set to; never goes back, as the ledger does not."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Till:
    """A ledger with its clock, and when what was told it: the records as they were sent."""

    books: Books
    clock: Clock
    sent: list[tuple[datetime, str, UsageRecorded]] = field(default_factory=list)

    async def book(self, team: str, made: UsageRecorded) -> None:
        report = await self.books.book(made, by=member_of(team, "ann"))
        assert [outcome.status for outcome in report.outcomes] == ["recorded"]
        self.sent.append((self.clock.now, team, made))

    async def correct(self, team: str, made: UsageRecorded) -> None:
        fix = UsageCorrected(id=f"fix-{next(_numbers)}", corrects=made.id, cost=Decimal("-0.5"))
        await self.books.book(fix, by=member_of(team, "ann"))
        difference = made.model_copy(update={"cost": fix.cost})
        self.sent.append((self.clock.now, team, difference))

    async def spent(self, at: datetime, *asked: Counted) -> list[Decimal]:
        moment = await ledger_moment(self.books.pool, at)
        return await PastSpend(self.books.pool, moment).counted(asked)

    def expected(self, at: datetime, asked: Counted) -> Decimal:
        span, found = asked.span, Decimal(0)
        for received, team, made in self.sent:
            start = made.started_at
            within = (span.since or start) <= start and (span.until is None or start < span.until)
            if received <= at and team == span.id and within:
                found += made.cost if asked.model in {"", made.model} else 0
        return found


@pytest.fixture(scope="module")
async def till(postgres_server: EmbeddedServer) -> AsyncIterator[Till]:
    clock = Clock()
    with fresh_database(postgres_server) as url:
        create_store(url)
        async with opened_books(url, clock=clock) as books:
            yield Till(books, clock)


def everything(team: str, at: datetime) -> list[Counted]:
    """Windows of all sorts around a moment, of the team and of each model in it."""
    account = Account("team", team, 1)
    midnight = at.replace(hour=0, minute=0)
    bounds = [
        (None, None),
        (midnight, None),
        (midnight, midnight + timedelta(days=1)),
        (at - timedelta(minutes=7), at + timedelta(minutes=7)),
        (at - timedelta(days=7), at),
    ]
    spans = [Span(*account, since, until) for since, until in bounds]
    return [Counted(span, model) for span in spans for model in ("", *MODELS)]


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.tuples(MINUTES, st.sampled_from([0, 1, 30, 90, 600]), st.sampled_from(["call", "fix"])),
        min_size=1,
        max_size=12,
    )
)
async def test_only_what_was_booked_by_then_counts(
    till: Till, steps: list[tuple[int, int, str]]
) -> None:
    team, moments = f"team-{next(_stories)}", [till.clock.now]
    made: UsageRecorded | None = None
    for ago, pause, what in steps:
        till.clock.now += timedelta(minutes=pause)
        if what == "fix" and made is not None:
            await till.correct(team, made)
        else:
            number, start = next(_numbers), till.clock.now - timedelta(minutes=ago)
            made = call(number, "1.25", start).model_copy(update={"model": MODELS[number % 2]})
            await till.book(team, made)
        moments.append(till.clock.now)
    for at in [*moments, till.clock.now + timedelta(hours=3)]:
        asked = everything(team, at)
        assert await till.spent(at, *asked) == [till.expected(at, one) for one in asked]
