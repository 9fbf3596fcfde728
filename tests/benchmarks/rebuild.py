"""Events per second of a rebuild, of bare reading, and of the library's `ProjectionRunner`.

`python -m tests.benchmarks.rebuild` fills stores of their own and measures in turns, all of it in
one run: reading and decoding the same events and nothing else, by one process; the rebuild of
nothing (fill, index, swap) by as many processes as there are cores; the same with the comparison;
and the library, on the first events, as it takes them one by one.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from events.envelope import Envelope
from services.database.connections import open_pool, service_conninfo
from services.database.vault import Vault
from services.projection.feed.store import StoreFeed
from services.projection.filling.crew import Alone, Others, Together, other_cores
from services.projection.filling.taker import spare_the_collector
from services.projection.head import Head
from services.projection.projectors import GROUP, contract_projectors
from services.projection.rebuild import rebuild
from services.projection.runner import ProjectionGroup
from tests.benchmarks.library_projection import run_library
from tests.benchmarks.projection import history, of_teams
from tests.support.eventlog import append, create_read, create_store, owner
from tests.support.postgres import fresh_database, open_directory, running_server

Commands = Callable[[int], Iterator[list[Envelope]]]
TEAM_MODELS = ("teams_1", "memberships_1")
LIBRARY_EVENTS = 3_000
LIBRARY_SECONDS = 300
ROOT_KEY = os.urandom(32)
STORES: list[tuple[str, Commands, Sequence[str] | None]] = [
    ("team models, facts of teams", of_teams, TEAM_MODELS),
    ("all read models, all facts", history, None),
]


@dataclass
class Measured:
    """Events per second, round by round, of what was measured under this name."""

    name: str
    rates: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.rates)


class Bench:
    """One store, and the read models that are made from it."""

    def __init__(self, url: str, count: int, tables: Sequence[str] | None) -> None:
        self._url, self._count, self._tables = url, count, tables

    async def read(self) -> float:
        """Read and decode every event, in order."""
        async with self._group() as group:
            began, position = time.perf_counter(), 0
            while position < self._count:
                position = (await group.feed.after(position, 5_000))[-1].position
            return self._count / (time.perf_counter() - began)

    async def rebuild(self) -> float:
        """From nothing to tables that are served."""
        with owner(self._url) as conn:
            conn.execute("DELETE FROM read.groups")
        return await self._rebuilt(compared=False)

    async def compared(self) -> float:
        """Beside live tables, which must not differ."""
        return await self._rebuilt(compared=True)

    async def _rebuilt(self, *, compared: bool) -> float:
        async with self._group() as group:
            others = Others(other_cores(), ROOT_KEY, self._tables)
            crew = Together(Alone(group.projectors), others)
            began = time.perf_counter()
            report = await rebuild(
                group, self._url, progress=lambda _done, _total: None, crew=lambda _: crew
            )
            seconds = time.perf_counter() - began
        if report.position != self._count or (report.compared_at is not None) != compared:
            raise RuntimeError(f"not what was to be measured: {report}")
        if not all(table.equal for table in report.tables):
            raise RuntimeError(f"tables differ: {report.tables}")
        return self._count / seconds

    @asynccontextmanager
    async def _group(self) -> AsyncIterator[ProjectionGroup]:
        conninfo = service_conninfo(self._url)
        pool = await open_pool(conninfo, 1, 4, "benchmark")
        feed = StoreFeed(pool, conninfo)
        try:
            vault = Vault(pool, ROOT_KEY)
            await vault.open()
            projectors = contract_projectors(vault.open_all)
            chosen = [p for p in projectors if self._tables is None or p.table.name in self._tables]
            yield ProjectionGroup(GROUP, chosen, feed, pool, Head(pool))
        finally:
            await feed.close()
            await pool.close()


async def _measure(bench: Bench, rounds: int) -> list[Measured]:
    """By turns, so that a slow minute of the machine meets all of them."""
    lines = [Measured("read and decode"), Measured("rebuild"), Measured("with comparison")]
    for _ in range(rounds):
        for line, measure in zip(lines, (bench.read, bench.rebuild, bench.compared), strict=True):
            line.rates.append(await measure())
    return lines


def _library(url: str, count: int) -> Measured:
    with owner(url) as conn:
        conn.execute("TRUNCATE read.teams_1, read.memberships_1")
    count = min(count, LIBRARY_EVENTS)
    began = time.perf_counter()
    run_library(url, count, LIBRARY_SECONDS)
    return Measured(f"library, {count:,} events", [count / (time.perf_counter() - began)])


def _fill(url: str, commands: Iterator[list[Envelope]]) -> int:
    create_store(url)
    create_read(url)
    envelopes = [at for command in commands for at in command]
    with owner(url) as conn:
        append(conn, envelopes)
        conn.execute("VACUUM ANALYZE events.stored_events")
    return envelopes[-1].position


def _print(title: str, lines: Sequence[Measured]) -> None:
    table = Table("", "events/s", "of reading", "lowest-highest", title=title)
    for line in lines:
        share = f"{line.median / lines[0].median:.0%}"
        spread = f"{min(line.rates):,.0f}-{max(line.rates):,.0f}"
        table.add_row(line.name, f"{line.median:,.0f}", share, spread)
    Console().print(table)


def main() -> None:
    """Print the figures."""
    spare_the_collector()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with open_directory() as parent, running_server(parent / "data") as server:
        stores: list[
            tuple[str, Callable[[int], Iterator[list[Envelope]]], Sequence[str] | None]
        ] = [
            ("team models, facts of teams", of_teams, TEAM_MODELS),
            ("all read models, all facts", history, None),
        ]
        for title, commands, tables in stores:
            with fresh_database(server) as url:
                last = _fill(url, commands(asked.events))
                lines = asyncio.run(_measure(Bench(url, last, tables), asked.rounds))
                if tables is not None:
                    lines.append(_library(url, last))
                _print(f"{title}: {last:,} events, {1 + other_cores()} processes", lines)


if __name__ == "__main__":
    main()
