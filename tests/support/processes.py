"""Work done in other processes: each has a command loop of its own on the same database.

What runs there is a plain function here, so that a fresh interpreter can import it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing import get_context
from typing import TypeVar
from uuid import uuid4

from services.command.application.requests import Done, Unavailable
from services.command.domain.errors import DomainError
from tests.support.following import TEAM, following, limit
from tests.support.loop import Writer, opened_writer
from tests.support.usage import Books, call, opened_books, statuses

T = TypeVar("T")
CLIENTS = 16
Remote = Callable[..., Awaitable[list[str]]]


@asynccontextmanager
async def two_processes() -> AsyncIterator[tuple[Remote, Remote]]:
    """Two callables, each of which runs one of the functions below in its own process.

    Both have started, so that what they are given to do begins at about the same time.
    """
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as first, ProcessPoolExecutor(1, spawn) as second:
        await asyncio.gather(_run(first, list), _run(second, list))
        yield partial(_run, first), partial(_run, second)


async def _run(
    pool: ProcessPoolExecutor, function: Callable[..., list[str]], *arguments: object
) -> list[str]:
    return await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)


def create_teams(url: str, prefix: str, teams: int) -> list[str]:
    """Create teams of three new users each; the ids of those that were acknowledged."""

    async def work(writer: Writer) -> list[str]:
        ids = [f"{prefix}-{n}" for n in range(teams)]
        return await _accepted((i, partial(writer.create, i, *_members(i))) for i in ids)

    return asyncio.run(_with_writer(url, work))


def create_one_team(url: str, team_id: str, times: int) -> list[str]:
    """Ask `times` times at once for one team; a line per acceptance."""

    async def work(writer: Writer) -> list[str]:
        return await _accepted((team_id, partial(writer.create, team_id)) for _ in range(times))

    return asyncio.run(_with_writer(url, work))


def add_members(url: str, team_id: str, prefix: str, members: int) -> list[str]:
    """Add users to one team, one command each, all at once; the users of accepted ones."""

    async def work(writer: Writer) -> list[str]:
        users = [f"{prefix}-{n}" for n in range(members)]
        return await _accepted((user, partial(writer.add, team_id, user)) for user in users)

    return asyncio.run(_with_writer(url, work))


def book_calls(url: str, first: int, last: int, size: int) -> list[str]:
    """Send calls up or down to `last`, `size` at a time; the ids of those that were new."""

    async def work() -> list[str]:
        numbers = range(first, last, 1 if first < last else -1)
        async with opened_books(url) as books:
            booking = (
                _booked(books, numbers[start : start + size])
                for start in range(0, len(numbers), size)
            )
            return [name for names in await asyncio.gather(*booking) for name in names]

    return asyncio.run(work())


async def _booked(books: Books, numbers: range) -> list[str]:
    report = await books.book(*(call(number) for number in numbers))
    told = zip(numbers, statuses(report), strict=True)
    return [f"call-{number}" for number, status in told if status == "recorded"]


def _members(team_id: str) -> list[str]:
    return [f"{team_id}-member-{n}" for n in range(3)]


async def _with_writer(url: str, work: Callable[[Writer], Awaitable[list[str]]]) -> list[str]:
    async with opened_writer(url) as writer:
        return await work(writer)


async def _accepted(commands: Iterable[tuple[str, Callable[[], Awaitable[Done]]]]) -> list[str]:
    """Names of the commands that were acknowledged, sent by CLIENTS clients at a time."""
    places = asyncio.Semaphore(CLIENTS)

    async def one(name: str, command: Callable[[], Awaitable[Done]]) -> str | None:
        async with places:
            try:
                await command()
            except (DomainError, Unavailable):
                return None
            return name

    outcomes = await asyncio.gather(*(one(name, command) for name, command in commands))
    return [name for name in outcomes if name is not None]


def reserve(url: str, times: int) -> list[str]:
    """Hold 1 USD so many times at once where a team may spend 100; the ids of those made."""

    async def work() -> list[str]:
        async with following(url) as process:
            names = [uuid4() for _ in range(times)]
            outcomes = await asyncio.gather(
                *(process.reserve("1", limit(TEAM, "100"), named=name) for name in names)
            )
        return [str(name) for name, refused in zip(names, outcomes, strict=True) if refused is None]

    return asyncio.run(work())
