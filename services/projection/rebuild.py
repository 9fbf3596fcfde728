"""Rebuild: make a group's tables again from the log, beside the live ones, and swap them in.

Until the swap the live tables are served and moved on as ever. The shadows are filled stream by
stream up to the position where the live tables stood in the beginning (decision 018), then led on
like live ones. They never pass the live position, so that both can be compared at the same one;
only where the live tables belong to another store (a restored backup), or hold nothing yet, do
the shadows go up to the head.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import orjson
import psycopg
from psycopg import AsyncConnection, AsyncCursor, IsolationLevel
from psycopg.errors import UniqueViolation
from psycopg.sql import SQL, Literal

from services.database.connections import owner_conninfo, service_conninfo
from services.operation.standing import Rebuilt
from services.projection import shadow
from services.projection.batches import Batches
from services.projection.comparison import Comparison, compare
from services.projection.feed import FeedBroken
from services.projection.filling import spans
from services.projection.filling.crew import (
    Alone,
    Crew,
    FillingFailed,
    FillingInterrupted,
    Told,
    fill,
)
from services.projection.filling.folding import topics_of
from services.projection.filling.job import Job, Log
from services.projection.past.snapshots import SHAPE
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
from services.projection.rows import Table
from services.projection.runner import ProjectionGroup, verify

PAGE = 5_000
LOCK_MILLISECONDS = 200
SWAP_ATTEMPTS = 50

Judge = Callable[[Sequence[Comparison]], Awaitable[bool]]
"""Told what differs, and whether the shadows are to be swapped in all the same."""


class RebuildFailed(Exception):
    """The live tables are as they were; the text says why."""


@dataclass(slots=True)
class RebuildReport:
    """What was done: every event that bears on the tables was folded, up to `position`.

    `resumed` of them had been folded by an earlier run. `compared_at` is the position of `tables`;
    None, with no tables, where the live ones could not be compared because they belong to another
    store or were empty. `swapped` is false where the judge did not want it.
    """

    resumed: int = 0
    position: int = 0
    compared_at: int | None = None
    tables: list[Comparison] = field(default_factory=list)
    swapped: bool = False


async def always(_: Sequence[Comparison]) -> bool:
    """Whatever differs, the new tables are right."""
    return True


async def rebuild(  # noqa: PLR0913
    group: ProjectionGroup,
    owner_url: str,
    *,
    log_url: str | None = None,
    progress: Told,
    judge: Judge = always,
    crew: Callable[[int], Crew] | None = None,
    page: int = PAGE,
) -> RebuildReport:
    """Fill, compare and swap; goes on where an earlier run was cut off.

    `owner_url` is the database of the read models as its owner, and that of the log unless
    `log_url` names another; `progress` is told how many events are folded, of how
    many; `crew` names who fills, by the number of events: this process alone without it. Where
    `judge` does not want the swap, the shadows stay for another run.
    Raises RebuildFailed: for a fact that cannot be folded (the shadows are dropped), while another
    rebuild of the group is running, when a process that fills is killed, or when the tables are
    never free to swap; in all these cases but the first what was filled is kept.
    """
    conninfo = owner_conninfo(owner_url)
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await _notice_death(connection)
        if not await lock_session(connection.cursor(), group.name + shadow.SUFFIX):
            raise RebuildFailed(f"another rebuild of group {group.name} is running")
        work = _Rebuild(group, connection, progress, page, owner_url, log_url or owner_url)
        chosen = crew or (lambda _: Alone(group.projectors))
        try:
            return await work.run(chosen, judge)
        except (FactFailed, FeedBroken, FillingFailed, RebuildNeeded, UniqueViolation) as error:
            await work.discard()
            raise RebuildFailed(f"nothing is changed: {error}") from error
        except FillingInterrupted as error:
            raise RebuildFailed(f"{error}; run it again to go on") from error
        finally:
            await work.close()


async def discard(group: ProjectionGroup, owner_url: str) -> None:
    """Drop what a rebuild that was not swapped in has left, unless another one goes on with it."""
    conninfo = owner_conninfo(owner_url)
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        if await lock_session(connection.cursor(), group.name + shadow.SUFFIX):
            work = _Rebuild(group, connection, _untold, PAGE, owner_url, owner_url)
            await work.discard()


def _untold(_done: int, _total: int) -> None:
    pass


async def _notice_death(connection: AsyncConnection[Any]) -> None:
    """Have the server end the session, and free its lock, when this process is killed."""
    try:
        await connection.execute("SET client_connection_check_interval = '500ms'")
    except psycopg.errors.InvalidParameterValue:
        return  # no system for it: the session ends with its statement
    finally:
        await connection.execute("SET maintenance_work_mem = '256MB'")


def _shape(tables: Sequence[Table]) -> str:
    """Of the rows that this program makes: what another release has begun is begun anew."""
    columns = [(table.name, dict(table.key), dict(table.columns)) for table in tables]
    return sha256(orjson.dumps([SHAPE, columns])).hexdigest()[:16]


class _Rebuild:
    def __init__(  # noqa: PLR0913, PLR0917
        self,
        group: ProjectionGroup,
        connection: AsyncConnection[Any],
        told: Told,
        page: int,
        owner_url: str,
        log_url: str,
    ) -> None:
        self._group = group
        self._connection = connection
        self._told = told
        self._page = page
        self._owner_url, self._log_url = owner_url, log_url
        self._batches = Batches(group.feed, group.projectors, page)
        self._name = group.name + shadow.SUFFIX
        self._tables = [projector.table for projector in group.projectors]
        self._shape = _shape(self._tables)
        self._at = Progress()
        self._comparable = False

    async def run(self, crew: Callable[[int], Crew], judge: Judge) -> RebuildReport:
        job = await self._begin()
        cursor = self._connection.cursor()
        state = await spans.state(cursor, job.place)
        report = RebuildReport(resumed=state.events)
        await fill(self._connection, job, crew(state.total - state.events), self._told)
        await shadow.index(cursor, self._tables)
        await self._lead_on()
        if self._comparable:
            report.tables = await self._compare()
            report.compared_at = self._at.position
        if await judge(report.tables):
            await self._swap()
            report.swapped = True
        report.position = self._at.position
        return report

    async def close(self) -> None:
        await self._batches.close()

    async def discard(self) -> None:
        async with self._connection.transaction():
            cursor = self._connection.cursor()
            await shadow.drop(cursor, self._tables)
            await spans.drop(cursor, shadow.SHADOWS)
            await forget(cursor, self._name)

    async def _begin(self) -> Job:
        """Find what an earlier run has left, or start with empty shadows."""
        await self._group.head.read()
        async with self._connection.transaction():
            cursor = self._connection.cursor()
            live = await load(cursor, self._group.name)
            self._comparable = live.position > 0 and await self._belongs(live)
            left = await load(cursor, self._name)
            run = None
            if await shadow.exist(cursor, self._tables) and await self._belongs(left):
                run = await spans.run_of(cursor, shadow.SHADOWS, self._shape)
            if run is not None:
                self._at = left
            else:
                self._at = live if self._comparable else await self._head()
            self._comparable = self._comparable and live.position >= self._at.position
            job = Job(
                Log(service_conninfo(self._log_url)),
                owner_conninfo(self._owner_url),
                shadow.SHADOWS,
                self._at.position,
                run or uuid4(),
                self._page,
            )
            if run is None:
                await self._create(cursor, job)
        return job

    async def _create(self, cursor: AsyncCursor[Any], job: Job) -> None:
        topics = topics_of(self._group.projectors)
        await shadow.create(cursor, self._tables)
        await spans.begin(cursor, job, await spans.plan(job, topics), self._shape)
        await save(cursor, self._name, self._at)

    async def _head(self) -> Progress:
        position = await self._group.head.read()
        event_id = await self._group.feed.event_id(position) if position else None
        return Progress(position, self._group.head.epoch, event_id)

    async def _belongs(self, found: Progress) -> bool:
        try:
            await verify(found, self._group.feed, self._group.head)
        except RebuildNeeded:
            return False
        return True

    async def _lead_on(self) -> None:
        """Page by page, a transaction each, until the shadows are where the live tables are."""
        cursor = self._connection.cursor()
        while True:
            target = await self._target(cursor)
            if self._at.position >= target:
                break
            async with self._connection.transaction():
                at = await self._step(cursor, self._at, target)
            self._at = at

    async def _compare(self) -> list[Comparison]:
        """In one snapshot: the live tables at their position, the shadows brought to the same."""
        await self._connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        try:
            async with self._connection.transaction():
                cursor = self._connection.cursor()
                at = await self._catch_up(cursor)
                compared = [await compare(cursor, table) for table in self._tables]
        finally:
            await self._connection.set_isolation_level(None)
        self._at = at
        return compared

    async def _swap(self) -> None:
        for attempt in range(1, SWAP_ATTEMPTS + 1):
            await self._lead_on()
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
        await spans.drop(cursor, shadow.SHADOWS)
        await save(cursor, self._group.name, at)
        await forget(cursor, self._name)
        rebuilt = Literal(Rebuilt(datetime.now(UTC), at.position).text)
        await cursor.execute(SQL("COMMENT ON SCHEMA read IS {}").format(rebuilt))
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
