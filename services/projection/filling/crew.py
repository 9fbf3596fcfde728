"""Who fills: this process, and others beside it that share the cores of the machine."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from psycopg import AsyncConnection, AsyncCursor

from services.projection.filling import spans
from services.projection.filling.job import Job, Order
from services.projection.filling.loader import load
from services.projection.filling.spans import State, Superseded
from services.projection.projector import Projector

LOOK_SECONDS = 0.1
PAUSE_SECONDS = 0.5
ATTEMPTS = 5
SMALL = 20_000
"""Events that one process has folded before others have started."""

Told = Callable[[int, int], None]
"""To be told how much is done, of how much."""


class FillingFailed(Exception):
    """The log cannot be folded: the text says at which fact."""


class FillingInterrupted(Exception):
    """Somebody who was filling has failed; what was filled is kept."""


class Crew(Protocol):
    """Fills the spans of a job."""

    async def fill(self, job: Job) -> None:
        """Return when no span is free any more, or a fact has failed."""
        ...


@dataclass(frozen=True, slots=True)
class Alone:
    """This process, with its own projectors."""

    projectors: Sequence[Projector]

    async def fill(self, job: Job) -> None:
        try:
            await load(job, self.projectors)
        except Superseded as error:
            raise FillingInterrupted(str(error)) from error


@dataclass(frozen=True, slots=True)
class Others:
    """So many other processes, which end with this one, however that ends.

    Each opens personal data by itself, or not at all without a root key. `tables` are the read
    models to fill, all of the contract if None is given.
    """

    count: int
    root_key: bytes | None
    tables: Sequence[str] | None = None

    async def fill(self, job: Job) -> None:
        """Raises FillingInterrupted when one fails; one that is killed leaves work for the next."""
        started: list[Process] = []
        order = Order(job, self.root_key, self.tables)
        try:
            while len(started) < self.count:
                started.append(await self._start(order))
            statuses = await asyncio.gather(*(process.wait() for process in started))
            if any(status > 0 for status in statuses):
                raise FillingInterrupted("a process that was filling tables has failed")
        finally:
            for process in started:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    async def _start(self, order: Order) -> Process:
        """Its standard input stays open: where that ends, so does the process."""
        command = (sys.executable, "-m", "services.projection.filling.taker")
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, start_new_session=True)
        if process.stdin is not None:
            process.stdin.write(order.line())
            await process.stdin.drain()
        return process


@dataclass(frozen=True, slots=True)
class Together:
    """This process at once, and others as soon as they have started."""

    alone: Alone
    others: Others

    async def fill(self, job: Job) -> None:
        work = [asyncio.create_task(crew.fill(job)) for crew in (self.alone, self.others)]
        try:
            await asyncio.gather(*work)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)


def crew_for(events: int, together: Together) -> Crew:
    """Others only where there is enough for them to do."""
    return together if events > SMALL and together.others.count else together.alone


def other_cores() -> int:
    """How many processes can compute beside this one."""
    return (os.cpu_count() or 1) - 1


async def fill(connection: AsyncConnection[Any], job: Job, crew: Crew, told: Told) -> None:
    """Have all spans filled; `connection` is one of the target in autocommit, to look with.

    `told` hears of events folded and to be folded. Raises FillingFailed and FillingInterrupted.
    """
    cursor = connection.cursor()
    for attempt in range(ATTEMPTS):
        if attempt:  # what is left is held, for a moment yet, by a process that was killed
            await asyncio.sleep(PAUSE_SECONDS)
        filling = asyncio.create_task(crew.fill(job))
        try:
            while not (done := (await _look(cursor, job, told)).done) and not filling.done():
                await asyncio.wait({filling}, timeout=LOOK_SECONDS)
            if not done:
                await filling
        finally:
            filling.cancel()
            await asyncio.gather(filling, return_exceptions=True)
        if (await _look(cursor, job, told)).done:
            return
    raise FillingInterrupted("others are at what is left to be filled")


async def _look(cursor: AsyncCursor[Any], job: Job, told: Told) -> State:
    state = await spans.state(cursor, job.place)
    if state.failure is not None:
        raise FillingFailed(state.failure)
    told(state.events, state.total)
    return state
