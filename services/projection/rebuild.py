"""Rebuild: make a group's tables again from the log, beside the live ones, and swap them in.

Until the swap the live tables are served and moved on as ever. The shadows never pass the live
position, so that both can be compared at the same one; only where the live tables belong to
another store (a restored backup), or hold nothing yet, do the shadows go up to the head.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor, IsolationLevel

from services.database.connections import owner_conninfo
from services.projection import shadow
from services.projection.batches import Batches
from services.projection.feed import FeedBroken
from services.projection.progress import (
    Progress,
    RebuildNeeded,
    forget,
    load,
    lock,
    lock_session,
    save,
)
from services.projection.projector import FactFailed
from services.projection.runner import ProjectionGroup, verify
from services.projection.shadow import Comparison

PAGE = 5_000
LOCK_MILLISECONDS = 200
SWAP_ATTEMPTS = 50

Told = Callable[[int, int], None]


class RebuildFailed(Exception):
    """The live tables are as they were; the text says why."""


@dataclass(slots=True)
class RebuildReport:
    """What was done: every event after `resumed_at` was folded, up to `position`.

    `compared_at` is the position of `tables`; None, with no tables, where the live ones could
    not be compared because they belong to another store or were empty.
    """

    resumed_at: int
    position: int = 0
    compared_at: int | None = None
    tables: list[Comparison] = field(default_factory=list)


async def rebuild(
    group: ProjectionGroup, owner_url: str, *, progress: Told, page: int = PAGE
) -> RebuildReport:
    """Fill, compare and swap; goes on where an earlier run was cut off.

    `owner_url` is the read database as its owner; `progress` is told (position, target) after
    each page. Raises RebuildFailed: for a fact that cannot be folded (the shadows are dropped),
    while another rebuild of the group is running, or when the tables are never free to swap.
    """
    conninfo = owner_conninfo(owner_url)
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        if not await lock_session(connection.cursor(), group.name + shadow.SUFFIX):
            raise RebuildFailed(f"another rebuild of group {group.name} is running")
        work = _Rebuild(group, connection, progress, page)
        try:
            return await work.run()
        except (FactFailed, FeedBroken, RebuildNeeded) as error:
            await work.discard()
            raise RebuildFailed(f"nothing is changed: {error}") from error
        finally:
            await work.close()


class _Rebuild:
    def __init__(
        self, group: ProjectionGroup, connection: AsyncConnection[Any], told: Told, page: int
    ) -> None:
        self._group = group
        self._connection = connection
        self._told = told
        self._batches = Batches(group.feed, group.projectors, page)
        self._name = group.name + shadow.SUFFIX
        self._tables = [projector.table for projector in group.projectors]
        self._at = Progress()
        self._comparable = False

    async def run(self) -> RebuildReport:
        await self._begin()
        report = RebuildReport(resumed_at=self._at.position)
        await self._fill()
        await shadow.index(self._connection.cursor(), self._tables)
        if self._comparable:
            report.tables = await self._compare()
            report.compared_at = self._at.position
        await self._swap()
        report.position = self._at.position
        return report

    async def close(self) -> None:
        await self._batches.close()

    async def discard(self) -> None:
        async with self._connection.transaction():
            cursor = self._connection.cursor()
            await shadow.drop(cursor, self._tables)
            await forget(cursor, self._name)

    async def _begin(self) -> None:
        """Find what an earlier run has left, or start with empty shadows."""
        await self._group.head.read()
        async with self._connection.transaction():
            cursor = self._connection.cursor()
            live = await load(cursor, self._group.name)
            self._comparable = live.position > 0 and await self._belongs(live)
            left = await load(cursor, self._name)
            if await shadow.exist(cursor, self._tables) and await self._belongs(left):
                self._at = left
            else:
                await shadow.create(cursor, self._tables)
                await save(cursor, self._name, self._at)

    async def _belongs(self, found: Progress) -> bool:
        try:
            await verify(found, self._group.feed, self._group.head)
        except RebuildNeeded:
            return False
        return True

    async def _fill(self) -> None:
        """Page by page, a transaction each, until the shadows are where they have to be."""
        cursor = self._connection.cursor()
        while True:
            target = await self._target(cursor)
            if self._at.position >= target:
                break
            async with self._connection.transaction():
                at = await self._step(cursor, self._at, target)
            self._at = at
            self._told(at.position, target)

    async def _compare(self) -> list[Comparison]:
        """In one snapshot: the live tables at their position, the shadows brought to the same."""
        await self._connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        try:
            async with self._connection.transaction():
                cursor = self._connection.cursor()
                at = await self._catch_up(cursor)
                compared = [await shadow.compare(cursor, table) for table in self._tables]
        finally:
            await self._connection.set_isolation_level(None)
        self._at = at
        return compared

    async def _swap(self) -> None:
        for attempt in range(1, SWAP_ATTEMPTS + 1):
            await self._fill()
            try:
                async with self._connection.transaction():
                    at = await self._swap_now(self._connection.cursor())
            except psycopg.errors.LockNotAvailable:
                await asyncio.sleep(min(0.05 * attempt, 1.0))
            else:
                self._at = at
                return
        raise RebuildFailed("the tables were always in use; the shadows are kept, try again")

    async def _swap_now(self, cursor: AsyncCursor[Any]) -> Progress:
        await cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
        await lock(cursor, self._group.name)
        at = await self._catch_up(cursor)
        await shadow.swap(cursor, self._tables)
        await save(cursor, self._group.name, at)
        await forget(cursor, self._name)
        return at

    async def _catch_up(self, cursor: AsyncCursor[Any]) -> Progress:
        """The last steps, in the caller's transaction."""
        at = self._at
        while at.position < (target := await self._target(cursor)):
            at = await self._step(cursor, at, target)
        return at

    async def _step(self, cursor: AsyncCursor[Any], at: Progress, target: int) -> Progress:
        batch = await self._batches.after(at, target)
        if batch is None:
            raise FeedBroken(f"the log ends at {at.position}, before position {target}")
        await batch.write(cursor, shadow.SUFFIX)
        reached = Progress.at(batch.last, self._group.head.epoch)
        await save(cursor, self._name, reached)
        return reached

    async def _target(self, cursor: AsyncCursor[Any]) -> int:
        if self._comparable:
            return (await load(cursor, self._group.name)).position
        return await self._group.head.read()
