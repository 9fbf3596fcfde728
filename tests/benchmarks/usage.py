"""`python -m tests.benchmarks.usage`: booking calls in the ledger beside plain rows of the same.

The ledger books every call once and keeps all totals; the plain table keeps one row per call. Both
get the same calls by turns, so that a slow minute of the machine meets both. Then calls are
reported over HTTP, to a service as a user starts it.

Exit code 0: measured; 2: it could not be, and why.
"""

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
import uvloop
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from services.command.application.ledger import Ledger
from services.command.application.ledger_page import Entry
from services.command.application.ledger_store import LedgerStore
from services.database.connections import Pool, open_pool, service_conninfo
from services.database.embedded import EmbeddedServer
from tests.benchmarks.calls import KEYS, MODELS, SOURCE, Call, Calls
from tests.benchmarks.naive import create_naive, insert
from tests.benchmarks.processes import BenchmarkError, workspace
from tests.benchmarks.usage_http import HttpLine, measure_http
from tests.support.eventlog import create_store

BATCHES = (1, 100, 1_000, 10_000)
Book = Callable[[list[Call]], Awaitable[object]]


class Line(BaseModel):
    """Batches of one size; calls per second, the median of the rounds.

    `share` is the median of the ledger's rate by that of the plain table in the same round;
    `together` is the ledger's rate when several senders have a batch under way.
    """

    model_config = ConfigDict(frozen=True)
    batch: int
    ledger: float
    plain: float
    share: float
    lowest: float
    highest: float
    together: float


class Bench:
    """A ledger and a plain table in one database, and calls for both."""

    def __init__(self, ledger: Ledger, pool: Pool, senders: int) -> None:
        self._ledger, self._pool, self._senders = ledger, pool, senders
        self._calls = Calls(datetime.now(UTC))

    async def warm_up(self) -> float:
        """Every series is booked on once; how long that took, in seconds."""
        return await _timed(self._book, self._calls.one_of_each())

    async def line(self, batch: int, rounds: int, seconds: float) -> Line:
        """Rounds of about `seconds` for each of ledger and table."""
        measured = [await self._round(batch, seconds) for _ in range(rounds)]
        shares = [ledger / plain for ledger, plain in measured]
        return Line(
            batch=batch,
            ledger=median(ledger for ledger, _ in measured),
            plain=median(plain for _, plain in measured),
            share=median(shares),
            lowest=min(shares),
            highest=max(shares),
            together=await self._together(batch, seconds),
        )

    async def _round(self, batch: int, seconds: float) -> tuple[float, float]:
        ledger = plain = 0.0
        booked = 0
        while ledger + plain < 2 * seconds:
            calls = self._made(batch)
            if booked % 2:
                ledger += await _timed(self._book, calls)
                plain += await _timed(self._insert, calls)
            else:
                plain += await _timed(self._insert, calls)
                ledger += await _timed(self._book, calls)
            booked += 1
        return booked * batch / ledger, booked * batch / plain

    async def _together(self, batch: int, seconds: float) -> float:
        booked, took = 0, 0.0
        while took < seconds:
            parts = [self._made(batch) for _ in range(self._senders)]
            began = time.perf_counter()
            await asyncio.gather(*(self._book(part) for part in parts))
            took += time.perf_counter() - began
            booked += batch * self._senders
        return booked / took

    def _made(self, batch: int) -> list[Call]:
        self._calls.now = datetime.now(UTC)
        return self._calls.batch(batch)

    async def _book(self, calls: list[Call]) -> None:
        await self._ledger.book([Entry(SOURCE, *call) for call in calls])

    async def _insert(self, calls: list[Call]) -> None:
        await insert(self._pool, calls, datetime.now(UTC))


async def _timed(book: Book, calls: list[Call]) -> float:
    began = time.perf_counter()
    await book(calls)
    return time.perf_counter() - began


class Report(BaseModel):
    """`first_seconds` is for one call of every series there is, none of them known yet."""

    model_config = ConfigDict(frozen=True)
    senders: int
    first_seconds: float
    lines: list[Line]
    http: list[HttpLine] = []


async def _measure(url: str, rounds: int, seconds: float, senders: int) -> Report:
    async with AsyncExitStack() as stack:
        pool = await open_pool(service_conninfo(url), 2, 4, "benchmark")
        stack.push_async_callback(pool.close)
        ledger = Ledger(LedgerStore(pool), deadline=60)
        ledger.start()
        stack.push_async_callback(ledger.stop)
        bench = Bench(ledger, pool, senders)
        first = await bench.warm_up()
        lines = [await bench.line(batch, rounds, seconds) for batch in BATCHES]
    return Report(senders=senders, first_seconds=first, lines=lines)


def measure(rounds: int, seconds: float, senders: int, directory: Path | None) -> Report:
    """On databases of their own, with full durability. Raises BenchmarkError."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # as the service sets them
    with workspace(directory) as place:
        with EmbeddedServer(place / "data") as server:
            create_store(server.conninfo())
            create_naive(server.conninfo())
            report = uvloop.run(_measure(server.conninfo(), rounds, seconds, senders))
        http = measure_http(place, rounds, seconds, senders)
    return report.model_copy(update={"http": http})


def table(report: Report) -> Table:
    """The report as it is printed."""
    shown = Table(title="calls per second; median of the rounds")
    shown.add_column("batch", justify="right")
    together = f"ledger, {report.senders} senders"
    for heading in ("ledger", "plain table", "share", "lowest–highest", together):
        shown.add_column(heading, justify="right", no_wrap=True)
    for line in report.lines:
        shown.add_row(
            f"{line.batch:,}",
            f"{line.ledger:,.0f}",
            f"{line.plain:,.0f}",
            f"{line.share:.0%}",
            f"{line.lowest:.0%}–{line.highest:.0%}",
            f"{line.together:,.0f}",
        )
    return shown


def http_table(report: Report) -> Table:
    """What was measured over HTTP, as it is printed."""
    shown = Table(title=f"POST /v1/usage, {report.senders} senders; median of the rounds")
    for heading in ("batch", "calls/s", "lowest–highest", "p50 ms", "p99 ms", "senders' CPU"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for line in report.http:
        shown.add_row(
            f"{line.batch:,}",
            f"{line.calls:,.0f}",
            f"{line.lowest:,.0f}–{line.highest:,.0f}",
            f"{line.p50_ms:.1f}",
            f"{line.p99_ms:.1f}",
            f"{line.senders_cpu:.0%}",
        )
    return shown


def main(
    rounds: Annotated[int, typer.Option(min=1, max=100)] = 7,
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="Per side and round.")] = 1.0,
    senders: Annotated[int, typer.Option(min=1, max=64, help="Of batches at once.")] = 4,
    json: Annotated[Path | None, typer.Option(help="Also write the report here.")] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Where data directories are made; not a memory disk.")
    ] = None,
) -> None:
    """Measure the ledger beside a plain INSERT of the same calls."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that child processes are ended
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        report = measure(rounds, seconds, senders, directory)
    except BenchmarkError as error:
        console.print(f"benchmark: {error}", markup=False, style="red")
        raise typer.Exit(2) from error
    console.print(table(report))
    console.print(f"{KEYS * len(MODELS)} series made and booked on: {report.first_seconds:.2f} s")
    console.print(http_table(report))
    if json is not None:
        json.write_text(report.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
