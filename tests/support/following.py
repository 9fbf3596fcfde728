"""What one process knows of the ledger, beside a ledger that books."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from services.database.connections import Pool, open_pool, service_conninfo
from services.spend.budgets import Account
from services.spend.counters import Counted
from services.spend.following import LedgerFollower, LedgerHeads
from services.spend.reservations import Limit, Refused, Reservation, Reservations
from services.spend.spent import Span
from tests.support.usage import GATEWAY, NOON

TEAM = Account("team", "core", 1)
KEY = Account("key", "core:ann", 1)


def counted(account: Account, since: datetime | None = None, model: str = "") -> Counted:
    """All that an account spends from a moment on."""
    return Counted(Span(*account, since), model)


def limit(account: Account, most: str, base: str = "0") -> Limit:
    """Everything that an account ever spent counts."""
    return Limit(account, (counted(account),), Decimal(base), Decimal(most))


@dataclass(frozen=True, slots=True)
class Process:
    """A follower and reservations; its clock stands at noon, or wherever `now` is put."""

    follower: LedgerFollower
    reservations: Reservations
    pool: Pool
    clock: list[datetime]

    def at(self, moment: datetime) -> None:
        self.clock.append(moment)

    async def heads(self) -> LedgerHeads:
        """Where the ledger ends."""
        query = (
            "SELECT (SELECT coalesce(max(position), 0) FROM usage.batches), "
            "(SELECT coalesce(max(change), 0) FROM usage.holds)"
        )
        async with self.pool.connection() as connection:
            row = await (await connection.execute(query)).fetchone()
        return LedgerHeads(*(row or ()))

    async def spent(self, *wanted: Counted) -> list[Decimal]:
        await self.follower.reach(await self.heads(), wanted, ())
        return [self.follower.spent([one]) for one in wanted]

    async def held(self, *accounts: Account) -> list[Decimal]:
        await self.follower.reach(await self.heads(), (), accounts)
        return [self.follower.held(account, self.clock[-1]) for account in accounts]

    async def reserve(
        self,
        amount: str,
        *limits: Limit,
        seconds: int = 60,
        named: UUID | None = None,
        holders: Sequence[Account] = (TEAM, KEY),
    ) -> Refused | None:
        wanted = Reservation(
            named or uuid4(),
            Decimal(amount),
            GATEWAY,
            self.clock[-1] + timedelta(seconds=seconds),
            tuple(holders),
            limits,
        )
        return await self.reservations.reserve(wanted)


@asynccontextmanager
async def following(url: str, capacity: int = 1_000) -> AsyncIterator[Process]:
    """A process of its own on a migrated database."""
    pool = await open_pool(service_conninfo(url), 1, 4, "following")
    clock = [NOON]
    follower = LedgerFollower(pool, capacity)
    reservations = Reservations(pool, follower, lambda: clock[-1])
    reservations.start()
    try:
        yield Process(follower, reservations, pool, clock)
    finally:
        await reservations.stop()
        await pool.close()
