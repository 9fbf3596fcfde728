"""What things have spent in their windows: one statement on the ledger for a whole page."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal

from psycopg.sql import SQL

from services.database.connections import Pool
from services.projection.queries.reading import Connection, fetch, run
from services.projection.queries.records import KeyLife, key_life
from services.projection.queries.spend_books import KEY_BOOK
from services.spend.books import key_spender
from services.spend.counters import Counted
from services.spend.past import LedgerMoment, PastSpend
from services.spend.reading import SpendReading
from services.spend.remembered import RememberedSums
from services.spend.spenders import Asked, Reckoning, Spender, asked_now, reckoned

_BEFORE = (
    SQL(
        """
        WITH RECURSIVE before AS (
            SELECT q.token AS of, k.token, k.incarnation, 1 AS step
            FROM unnest(%(tokens)s::text[]) q (token) JOIN read.keys_1 k ON k.successor = q.token
            UNION ALL
            SELECT b.of, k.token, k.incarnation, b.step + 1
            FROM before b JOIN read.keys_1 k ON k.successor = b.token
        )
        SELECT b.of, k.token, k.incarnation, k.rotations, {book}::text
        FROM before b JOIN read.keys_1 k ON k.token = b.token AND k.incarnation = b.incarnation
        ORDER BY b.of, b.step DESC
        """
    )
    .format(book=KEY_BOOK)
    .as_bytes()
)


class Spending:
    """Asks the ledger, which may be in another database than the read models.

    With `then` it answers what the ledger held at that moment, otherwise what it held when it ended
    at the position that `booked` tells when asked, or later.
    """

    def __init__(
        self,
        ledger: Pool,
        reads: Pool,
        zone: tzinfo,
        booked: Callable[[], int],
        then: LedgerMoment | None = None,
    ) -> None:
        self._past = None if then is None else PastSpend(ledger, then)
        present = RememberedSums(SpendReading(ledger), booked)
        self._sums = present.sums if self._past is None else self._past.sums
        self._reads, self._zone = reads, zone

    async def now(self, spenders: Iterable[Spender], now: datetime) -> list[Decimal]:
        """USD of each in the window that holds `now`, in the order asked."""
        return await self.told(self.reckoning(spenders, now))

    def reckoning(self, spenders: Iterable[Spender], now: datetime) -> Reckoning:
        """How to tell what each has spent in the window that holds `now`."""
        return reckoned(asked_now(spenders, now, self._zone), now)

    async def at(
        self, spenders: Sequence[Spender], moments: Sequence[datetime], now: datetime
    ) -> list[Decimal]:
        """USD of each in the window that holds its moment: what is over ended in one."""
        zone = self._zone
        windows = [one.window(at, zone) for one, at in zip(spenders, moments, strict=True)]
        return await self.within(list(map(Asked, spenders, windows)), now)

    async def within(self, asked: Sequence[Asked], now: datetime) -> list[Decimal]:
        """USD that count in each of these windows, in the order asked."""
        return await self.told(reckoned(asked, now))

    async def told(self, reckoning: Reckoning) -> list[Decimal]:
        """USD of each of the amounts that it tells how to make."""
        return reckoning.amounts(await self._sums(reckoning.spans))

    async def counted(self, asked: Sequence[Counted]) -> list[Decimal]:
        """USD of each, some of one model only, as of `then`; raises ValueError without one."""
        if self._past is None:
            raise ValueError("what is spent on a model now is for the follower of the ledger")
        return await self._past.counted(asked)

    async def of_keys(
        self, keys: Sequence[KeyLife], within: Connection | None = None
    ) -> list[Spender]:
        """Keys as they spend, with what they spent before they were rotated.

        Who has a connection to the read models in use gives it along: were each to wait for
        another one of the pool, and have one, nobody would get any.
        """
        rotated = [key.token for key in keys if key.rotations]
        before = await self._before(rotated, within) if rotated else {}
        lives = [(*before.get(key.token, ()), key) for key in keys]
        return [key_spender([(one.account, one.book) for one in life]) for life in lives]

    async def _before(
        self, tokens: Sequence[str], within: Connection | None
    ) -> Mapping[str, Sequence[KeyLife]]:
        asked = {"tokens": tokens}
        if within is None:
            rows = await fetch(self._reads, _BEFORE, asked, prepare=True)
        else:
            rows = await run(within, _BEFORE, asked, prepare=True)
        found: dict[str, list[KeyLife]] = defaultdict(list)
        for of, *columns in rows:
            found[of].append(key_life(columns))
        return found
