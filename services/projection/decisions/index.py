"""The policy index: what stands behind keys, in memory for as long as no fact changes any of it."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from services.access.credentials import MAX_ROTATIONS
from services.database.connections import Pool
from services.database.together import Together
from services.projection.decisions.changes import Changes
from services.projection.decisions.reading import STATEMENT, StandingRow
from services.projection.decisions.standing import Standing
from services.projection.queries.reading import fetch
from services.projection.queries.spending import Spending

KEPT, KEPT_SIZE = 20_000, 64 * 1024 * 1024
"""Keys, and the texts that all of them were read from."""

Reach = Callable[[int], Awaitable[None]]
"""Returns once the read models hold everything up to a position, or raises."""


class PolicyIndex:
    """At most `kept` keys, of at most `kept_size` together.

    Unknown ones are not kept: inventing keys pushes nobody out.

    Nothing is thrown out when it changes: what is kept is compared with what has changed when it
    is asked for. Another set of tables, after a rebuild, ends all that was read before.
    """

    def __init__(  # noqa: PLR0913
        self,
        read_pool: Pool,
        changes: Changes,
        reach: Reach,
        spending: Spending,
        *,
        kept: int = KEPT,
        kept_size: int = KEPT_SIZE,
    ) -> None:
        self._pool, self._changes, self._reach = read_pool, changes, reach
        self._spending = spending
        self._most, self._most_size, self._size = kept, kept_size, 0
        self._kept: OrderedDict[str, Standing] = OrderedDict()
        self._tables: int | None = None
        self._together: Together[None, str, Standing] = Together(self._ask)

    async def standing(self, token: str, head: int, now: datetime) -> Standing:
        """What stands behind the secret with this sha256, as of `head` or later.

        Raises what reading raises, and psycopg's errors for a log that cannot be followed.
        """
        await self._changes.reach(head)
        found = self.kept(token) or await self._read(token, head)
        for _ in range(MAX_ROTATIONS):
            if found.successor is None or found.until is None or found.until <= now:
                break
            found = self.kept(found.successor) or await self._read(found.successor, head)
        return found

    def current(self, token: str, head: int) -> Standing | None:
        """The same, if it is known already and was never rotated."""
        if self._changes.position < head:
            return None
        found = self.kept(token)
        return None if found is None or found.successor is not None else found

    def kept(self, token: str) -> Standing | None:
        """What is in memory, if nothing has changed of it as far as is known."""
        found = self._kept.get(token)
        if found is None:
            return None
        if found.position < self._changes.position:
            if not self._changes.unchanged(found.streams, found.position):
                self._forget(token)
                return None
            found.position = self._changes.position
        self._kept.move_to_end(token)
        return found

    def tables(self, found: int) -> None:
        """These are the tables that are read now."""
        if self._tables != found:
            self._kept.clear()
            self._size, self._tables = 0, found

    async def _read(self, token: str, head: int) -> Standing:
        await self._reach(head)
        return await self._together.get(None, token)

    async def _ask(self, _: None, tokens: Sequence[str]) -> Mapping[str, Standing]:
        rows = await fetch(self._pool, STATEMENT, {"tokens": tokens}, prepare=True)
        read = [StandingRow(token, row) for token, row in zip(tokens, rows, strict=True)]
        lives = [row.record.life for row in read if row.record is not None]
        spenders = iter(await self._spending.of_keys(lives))
        found = {
            row.token: row.standing(None if row.record is None else next(spenders)) for row in read
        }
        for row in read:
            self.tables(row.tables)
        for standing in found.values():
            if standing.known:
                self._keep(standing)
        return found

    def _keep(self, standing: Standing) -> None:
        self._forget(standing.token)
        self._kept[standing.token] = standing
        self._size += standing.size
        while len(self._kept) > self._most or self._size > self._most_size:
            self._forget(next(iter(self._kept)))

    def _forget(self, token: str) -> None:
        if (standing := self._kept.pop(token, None)) is not None:
            self._size -= standing.size
