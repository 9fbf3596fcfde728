"""Batches of a feed, folded: what is written next is folded while the one before is written."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncCursor

from events.envelope import Envelope
from events.registry import dump
from events.user import UserForgotten
from services import tracing
from services.projection.feed import Feed
from services.projection.progress import Progress
from services.projection.projector import Projector, identity
from services.projection.rows import Rows
from services.tracing import Mark


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole commands after position `after`, folded to rows; `full` if more is likely to follow.

    `marks` are the commands' places in their traces, while anything is traced.
    `forgotten` are users who are so from here on.
    """

    after: int
    last: Envelope
    full: bool
    rows: Sequence[Rows]
    marks: Sequence[Mark] = ()
    forgotten: Sequence[str] = ()

    async def write(self, cursor: AsyncCursor[Any], suffix: str = "") -> None:
        """Write into the tables of the projectors, or those beside them with this suffix."""
        for rows in self.rows:
            await rows.append(cursor, rows.table.name + suffix)
        async with cursor.connection.pipeline():
            for rows in self.rows:
                await rows.write(cursor, rows.table.name + suffix)


class Batches:
    """Reads a feed in pages of about `page` envelopes and folds them."""

    def __init__(self, feed: Feed, projectors: Sequence[Projector], page: int) -> None:
        self._feed = feed
        self._projectors = projectors
        self._page = page
        self._next_after = 0
        self._ahead: asyncio.Queue[Batch | Exception | None] = asyncio.Queue(maxsize=1)
        self._folding: asyncio.Task[None] | None = None
        self._given: Batch | None = None

    async def after(self, at: Progress, upto: int | None = None) -> Batch | None:
        """The next batch, with nothing beyond `upto` (the end of a command); None if there is none.

        After a full batch the following ones are folded ahead, at most two. What was given and not
        `written` is given again as it is: if folding it took longer than the transaction that it
        was for may idle, to fold it again would take as long. Raises what the feed raises, and
        FactFailed.
        """
        batch = self._given
        if batch is None or batch.after != at.position:
            batch = await self._taken(at.position)
        if batch is None or (upto is not None and batch.last.position > upto):
            await self.close()
            batch = await self._folded(at, upto)
        if batch is not None and batch.full:
            self._next_after = batch.last.position
            self._folding = self._folding or asyncio.create_task(self._fold_ahead(batch.last))
        else:
            await self.close()
        self._given = batch
        return batch

    def written(self) -> None:
        """What was given last is committed."""
        self._given = None

    async def close(self) -> None:
        """Drop what was given and what was folded ahead."""
        self._given = None
        if self._folding is not None:
            self._folding.cancel()
            await asyncio.gather(self._folding, return_exceptions=True)
            self._folding, self._ahead = None, asyncio.Queue(maxsize=1)

    async def _taken(self, position: int) -> Batch | None:
        if self._folding is None or self._next_after != position:
            return None
        self._next_after = -1
        batch = await self._ahead.get()
        if isinstance(batch, Exception):
            raise batch
        return batch

    async def _fold_ahead(self, last: Envelope) -> None:
        full = True
        while full:
            try:
                batch = await self._folded(Progress.at(last, None), None)
            except Exception as error:  # noqa: BLE001 raised where the batch is asked for
                await self._ahead.put(error)
                return
            await self._ahead.put(batch)
            if full := batch is not None and batch.full:
                last = batch.last

    async def _folded(self, at: Progress, upto: int | None) -> Batch | None:
        position = at.position
        page = await self._feed.after(position, self._page, event_id=at.event_id)
        facts = [fact for fact in page if position < fact.position <= (upto or fact.position)]
        if not facts:
            return None
        rows = [await projector.fold(facts) for projector in self._projectors]
        marks = tracing.marks(
            (fact.meta.correlation_id, fact.event_id, dump(fact.event)[0])
            for fact in facts
            if not fact.index
        )
        forgotten = [
            identity(fact.originator_id) for fact in facts if isinstance(fact.event, UserForgotten)
        ]
        return Batch(position, facts[-1], len(page) >= self._page * 0.9, rows, marks, forgotten)
