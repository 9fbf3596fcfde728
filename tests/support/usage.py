"""Calls in tests: made, booked, and summed without the code under test."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from events.usage import Usage, UsageRecorded
from services.command.application.booking import Report
from services.command.application.ledger import Ledger
from services.command.application.ledger_page import Entry
from services.command.application.ledger_store import LedgerStore
from services.command.domain.usage import Attribution, Life
from services.database.connections import Pool, open_pool, owner_conninfo, service_conninfo

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
GATEWAY = "eu"


def call(
    number: int,
    cost: str = "1",
    at: datetime = NOON,
    *,
    key_hash: str | None = None,
    provider: str | None = None,
) -> UsageRecorded:
    """One call of gpt-4o; its id is made of the number."""
    return UsageRecorded(
        id=f"call-{number}",
        started_at=at,
        key_hash=key_hash,
        model="gpt-4o",
        provider=provider,
        cost=Decimal(cost),
    )


def member_of(team: str, user: str, organization: str | None = None) -> Attribution:
    """Calls of a user's key in a team, all in their first life."""
    return Attribution(
        organization=Life(organization, 1, organization) if organization else None,
        team=Life(team, 1, f"the {team} team"),
        user=Life(user, 1),
        key=Life(f"{team}:{user}", 1),
    )


def used(  # noqa: PLR0913 - what a report may be divided by
    number: int,
    cost: str = "1",
    at: datetime = NOON,
    *,
    key: str | None = None,
    model: str = "gpt-4o",
    tokens: tuple[int, int] = (10, 1),
    failed: bool = False,
    **told: Any,  # noqa: ANN401
) -> UsageRecorded:
    """A call as reports tell it apart; `key` is a sha256, `told` are further fields."""
    return UsageRecorded(
        id=f"call-{number}",
        started_at=at,
        key_hash=key,
        model=model,
        status="failure" if failed else "success",
        cost=Decimal(cost),
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
        **told,
    )


@dataclass(frozen=True, slots=True)
class Books:
    """A ledger as one process has it, whose clock stands at noon."""

    ledger: Ledger
    pool: Pool

    async def book(
        self, *calls: Usage, by: Attribution | None = None, source: str = GATEWAY
    ) -> Report:
        to = by or member_of("core", "ann")
        return await self.ledger.book([Entry(source, usage, to) for usage in calls])


@asynccontextmanager
async def opened_books(
    url: str,
    now: datetime = NOON + timedelta(minutes=1),
    *,
    clock: Callable[[], datetime] | None = None,
    through: str | None = None,
    deadline: float = 8.0,
) -> AsyncIterator[Books]:
    """A ledger whose clock stands at `now`, unless it is given another one.

    `through` leads to the same database, by way of a proxy.
    """
    pool = await open_pool(through or service_conninfo(url), 1, 4, "ledger")
    ledger = Ledger(LedgerStore(pool), deadline=deadline, clock=clock or (lambda: now))
    ledger.start()
    try:
        yield Books(ledger, pool)
    finally:
        await ledger.stop()
        await pool.close()


def booked(url: str, *calls: Usage, by: Attribution | None = None) -> None:
    """Calls of today, in the ledger of a service that runs."""

    async def book() -> None:
        async with opened_books(url, datetime.now(UTC)) as books:
            await books.book(*calls, by=by)

    asyncio.run(book())


def rows(url: str, query: str, *given: object) -> list[tuple[Any, ...]]:
    """As the owner."""
    with psycopg.connect(owner_conninfo(url)) as conn:
        return conn.execute(query.encode(), given).fetchall()


def statuses(report: Report) -> list[str]:
    return [outcome.status for outcome in report.outcomes]


def total(calls: Iterable[UsageRecorded], since: datetime, until: datetime) -> Decimal:
    """Summed from what was sent."""
    return sum((c.cost for c in calls if since <= c.started_at < until), Decimal(0))


def by_id(calls: Sequence[UsageRecorded]) -> list[UsageRecorded]:
    """The first payload of each id."""
    first: dict[str, UsageRecorded] = {}
    for one in calls:
        first.setdefault(one.id, one)
    return list(first.values())
