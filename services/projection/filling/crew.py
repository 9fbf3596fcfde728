"""Who fills: this process, or several that share the cores of the machine."""

import asyncio
import gc
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from psycopg import AsyncConnection, AsyncCursor

from events.values import Sealed
from services.database.connections import open_pool
from services.database.vault import Vault
from services.projection.filling import spans
from services.projection.filling.job import Job
from services.projection.filling.loader import load
from services.projection.filling.spans import State, Superseded
from services.projection.projector import OpenSealed, Projector
from services.projection.projectors import contract_projectors

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
    """A process ended before its time; what was filled is kept."""


class Crew(Protocol):
    """Fills the spans of a job."""

    async def fill(self, job: Job) -> None:
        """Return when no span is left, or a fact has failed."""
        ...


@dataclass(frozen=True, slots=True)
class Alone:
    """This process, with its own projectors."""

    projectors: Sequence[Projector]

    async def fill(self, job: Job) -> None:
        await load(job, self.projectors)


@dataclass(frozen=True, slots=True)
class Processes:
    """So many processes; each opens personal data by itself, or not at all without a root key.

    `tables` are the read models to fill, all of the contract if None is given.
    """

    count: int
    root_key: bytes | None
    tables: Sequence[str] | None = None

    async def fill(self, job: Job) -> None:
        """Raises FillingInterrupted when one fails; one that is killed leaves work for the next."""
        with self._started(job) as processes:
            while alive := [process.sentinel for process in processes if process.is_alive()]:
                await asyncio.to_thread(wait, alive, LOOK_SECONDS)
            if any((process.exitcode or 0) > 0 for process in processes):
                raise FillingInterrupted("a process that was filling tables has failed")

    @contextmanager
    def _started(self, job: Job) -> Iterator[list[BaseProcess]]:
        context = get_context("spawn")
        arguments = (job, self.root_key, self.tables)
        processes: list[BaseProcess] = [
            context.Process(target=_take_part, args=arguments, daemon=True)
            for _ in range(self.count)
        ]
        try:
            for process in processes:
                process.start()
            yield processes
        finally:
            for process in processes:
                if process.pid is not None:
                    process.terminate()
                    process.join()


def crew_for(events: int, processes: Processes, alone: Alone) -> Crew:
    """Processes where there is enough for them to do."""
    return processes if events > SMALL and processes.count > 1 else alone


def cores() -> int:
    """How many processes can compute at once here."""
    return os.cpu_count() or 1


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
            while not (await _look(cursor, job, told)).done and not filling.done():
                await asyncio.wait({filling}, timeout=LOOK_SECONDS)
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


def _take_part(job: Job, root_key: bytes | None, tables: Sequence[str] | None) -> None:
    """What a process does; it ends with the one that started it, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    with suppress(Superseded):
        asyncio.run(_load(job, root_key, tables))


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


async def _load(job: Job, root_key: bytes | None, tables: Sequence[str] | None) -> None:
    async with opener(job.log.conninfo, root_key) as open_sealed:
        projectors = contract_projectors(open_sealed)
        if tables is not None:
            projectors = [each for each in projectors if each.table.name in tables]
        await load(job, projectors)


@asynccontextmanager
async def opener(conninfo: str, root_key: bytes | None) -> AsyncIterator[OpenSealed]:
    """What opens personal data of that event database; without a root key nothing is opened."""
    if root_key is None:
        yield keep_sealed
        return
    pool = await open_pool(conninfo, 1, 2, "filling")
    try:
        vault = Vault(pool, root_key)
        await vault.open()
        yield vault.open_all
    finally:
        await pool.close()


async def keep_sealed(boxes: Sequence[Sealed]) -> Mapping[Sealed, str | None]:
    """Nobody's data is opened: as if all were forgotten."""
    return dict.fromkeys(boxes)
