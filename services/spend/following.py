"""Follows the ledger: what is spent and held, in memory, as of any end of the ledger asked for.

Whoever asks says which ends he has to see, and joins the next query for what is missing, never one
under way. Where too much has happened meanwhile, what is asked for is loaded again.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg

from services.database.connections import Pool
from services.database.turns import Turns
from services.spend.budgets import Account
from services.spend.counters import Counted, Counters, Record
from services.spend.holds import NOTHING, Hold, Holds
from services.spend.spent import spent

MOST_NEWS = 2_000
"""What came since is counted one by one up to here; beyond, what is asked for is loaded again."""

KEPT = 100_000
KEY_MODEL = "key_model"
"""The kind of the accounts that calls of one model by a key are held on; `member` is the model."""

_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_NEWS = """
SELECT r.position, r.started_at, r.cost, s.organization, s.team, s.member, s.organization_member,
    s."user", s.key, s.model, NULL::uuid, NULL::bigint[]
FROM usage.records r JOIN usage.series s USING (series) WHERE r.position > %b
UNION ALL
SELECT h.change, h.expires_at, h.amount, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    h.reservation, h.accounts
FROM usage.holds h WHERE h.change > %b
ORDER BY 1
"""
_HELD = """
SELECT (SELECT coalesce(max(change), 0) FROM usage.holds), r.reservation, r.accounts, r.amount,
    r.expires_at
FROM (SELECT) one LEFT JOIN usage.reservations r ON true
"""
_COUNTED = """
SELECT a.account, m.account, (SELECT coalesce(max(position), 0) FROM usage.batches),
    CASE WHEN q.model <> '' THEN usage.spent_on_model(a.account, m.account, q.since, q.until) END
FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::text[], %b::timestamptz[], %b::timestamptz[],
    %b::text[]) WITH ORDINALITY AS q(kind, id, incarnation, member, since, until, model, place)
LEFT JOIN usage.accounts a USING (kind, id, incarnation, member)
LEFT JOIN usage.accounts m
    ON (m.kind, m.id, m.incarnation, m.member) = ('model', nullif(q.model, ''), 0, '')
ORDER BY q.place
"""
_NUMBERS = """
SELECT a.account
FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::text[])
    WITH ORDINALITY AS q(kind, id, incarnation, member, place)
LEFT JOIN usage.accounts a USING (kind, id, incarnation, member)
ORDER BY q.place
"""
_BORN = "SELECT usage.accounts_for(%b::text[], %b::text[], %b::bigint[], %b::text[])"


class LedgerHeads(NamedTuple):
    """Where the ledger ends, and which change of what is held was the last."""

    position: int = 0
    change: int = 0


class LedgerFollower:
    """Counters and holds of one process; what is reached stays so until the next await."""

    def __init__(self, pool: Pool, capacity: int = KEPT) -> None:
        self._pool = pool
        self._counters = Counters(capacity)
        self._holds = Holds()
        self._numbers: dict[Account, int | None] = {}
        self._unborn: set[Account] = set()
        self._capacity = capacity
        self._wanted: dict[Counted, None] = {}
        self._holders: dict[Account, None] = {}
        self._heads = LedgerHeads()
        self._turns = Turns(self._catch_up)

    @property
    def heads(self) -> LedgerHeads:
        """As of where everything is known here."""
        return LedgerHeads(self._counters.position, self._holds.change)

    def reached(
        self, heads: LedgerHeads, counted: Iterable[Counted], holders: Iterable[Account]
    ) -> bool:
        """Whether all of these are known as of `heads` or later."""
        return (
            self._counters.position >= heads.position
            and self._holds.change >= heads.change
            and self._counters.know(counted)
            and all(map(self._numbers.__contains__, holders))
        )

    async def reach(
        self, heads: LedgerHeads, counted: Collection[Counted], holders: Collection[Account]
    ) -> None:
        """Return once they are. Raises psycopg's errors for a database that cannot be asked."""
        while not self.reached(heads, counted, holders):
            await self._turn(heads, counted, holders)

    async def refresh(self) -> None:
        """Learn what has happened up to now, as far as it is about what is known here."""
        await self._turn(LedgerHeads(), (), ())

    def spent(self, counted: Iterable[Counted]) -> Decimal:
        """USD of counters that were reached."""
        return sum(map(self._counters.spent, counted), NOTHING)

    def held(self, holder: Account, now: datetime) -> Decimal:
        """USD that is held on an account that was reached."""
        number = self._numbers[holder]
        return NOTHING if number is None else self._holds.held(number, now)

    def recorded(self, holder: Account) -> Decimal:
        """The same at the last change, with what has expired but did not end yet."""
        number = self._numbers[holder]
        return NOTHING if number is None else self._holds.recorded(number)

    async def born(self, accounts: Iterable[Account]) -> dict[Account, int]:
        """The numbers of accounts; those that the ledger does not know come to be."""
        wanted = set(accounts)
        known = {one: n for one in wanted if (n := self._numbers.get(one)) is not None}
        missing = list(wanted - known.keys())
        if missing:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_BORN, _columns(missing), binary=True)
                row = await cursor.fetchone()
            known |= zip(missing, row[0] if row else (), strict=True)
            self._make_room(len(missing))
            self._numbers |= known
        return known

    async def _turn(
        self, heads: LedgerHeads, counted: Iterable[Counted], holders: Iterable[Account]
    ) -> None:
        self._heads = LedgerHeads(*map(max, heads, self._heads))
        self._wanted |= {one: None for one in counted if one not in self._counters}
        self._holders |= {one: None for one in holders if one not in self._numbers}
        await self._turns.next()

    async def _catch_up(self) -> None:
        """What is loaded is of the same moment as the news."""
        wanted, self._wanted = list(self._wanted), {}
        holders, self._holders = list(self._holders), {}
        async with self._pool.connection() as connection:
            cursor = connection.cursor(binary=True)
            if not wanted and not holders:
                await self._follow(cursor)
                return
            async with connection.transaction():
                await cursor.execute(_SNAPSHOT)
                await self._follow(cursor)
                await self._load(cursor, wanted)
                await self._find(cursor, holders)

    async def _follow(self, cursor: psycopg.AsyncCursor[Any]) -> None:
        position, change = self._heads
        if position - self._counters.position > MOST_NEWS:
            self._counters.forget(position)
        known = self._holds.change >= 0 and change - self._holds.change <= MOST_NEWS
        while True:
            if not known:
                await self._begin_holds(cursor)
            await cursor.execute(_NEWS, self.heads, prepare=True)
            if known := self._fold(await cursor.fetchall()):
                return

    async def _begin_holds(self, cursor: psycopg.AsyncCursor[Any]) -> None:
        await cursor.execute(_HELD, prepare=True)
        rows = await cursor.fetchall()
        there = (Hold(rows[0][0], *held) for _, *held in rows if held[0] is not None)
        self._holds.begin(rows[0][0], there)
        self._forget_numbers()

    def _fold(self, news: Sequence[tuple[Any, ...]]) -> bool:
        """Whether what is held is known then: False where the next change was forgotten."""
        for number, moment, amount, *accounts, model, reservation, holders in news:
            if reservation is None:
                self._counters.count(Record(number, moment, amount, accounts, model))
            elif number == self._holds.change + 1:
                self._holds.fold(Hold(number, reservation, holders, amount, moment))
                self._forget_unborn()
            else:
                return False
        return True

    async def _load(self, cursor: psycopg.AsyncCursor[Any], wanted: Sequence[Counted]) -> None:
        if not wanted:
            return
        spans = [one.span for one in wanted]
        sums = await spent(cursor.connection, spans)
        await cursor.execute(_COUNTED, (*_columns(spans), [one.model for one in wanted]))
        for one, total, loaded in zip(wanted, sums, await cursor.fetchall(), strict=True):
            account, model, position, of_model = loaded
            amount = (of_model or NOTHING) if one.model else total
            self._counters.keep(one, (account, model), position, amount)

    async def _find(self, cursor: psycopg.AsyncCursor[Any], holders: Sequence[Account]) -> None:
        if not holders:
            return
        self._make_room(len(holders))
        await cursor.execute(_NUMBERS, _columns(holders), prepare=True)
        numbers = [number for (number,) in await cursor.fetchall()]
        self._numbers |= zip(holders, numbers, strict=True)
        self._unborn |= {one for one, n in zip(holders, numbers, strict=True) if n is None}

    def _forget_unborn(self) -> None:
        """Something is held: maybe on an account that was not there when it was asked for."""
        for one in self._unborn:
            self._numbers.pop(one, None)
        self._unborn.clear()

    def _make_room(self, more: int) -> None:
        """Names of models are what callers make them."""
        if len(self._numbers) + more > self._capacity:
            self._forget_numbers()

    def _forget_numbers(self) -> None:
        self._numbers.clear()
        self._unborn.clear()


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
