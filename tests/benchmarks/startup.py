"""`python -m tests.benchmarks.startup`: how long the service needs to start on a long history.

Exit code 0: measured; 2: it could not be, and why.
"""

import importlib
import secrets
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Annotated, Protocol, cast

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.progress import track

from events.envelope import Envelope
from tests.benchmarks.history import history, teams_in
from tests.benchmarks.prepare import Api
from tests.benchmarks.processes import BenchmarkError, teamledger, workspace


class BulkWriter(Protocol):
    """Puts a whole history into the data directory of a service that never ran.

    `data` does not exist yet. The events come in store order, positions gapless from 1, and have
    to stand in `events.stored_events` of the embedded database exactly as if the service had
    appended them, with whatever that implies (dependents, head); the database is stopped again.
    """

    def __call__(self, data: Path, events: Iterable[Envelope], /) -> None: ...


class Start(BaseModel):
    """One start, in seconds: until readiness was 200, and until a read saw the whole history."""

    model_config = ConfigDict(frozen=True)
    ready: float
    first_read: float


class StartupReport(BaseModel):
    """`first`: read models are empty and have to be filled; `again`: they stand."""

    model_config = ConfigDict(frozen=True)
    events: int
    seed_seconds: float
    first: Start
    again: list[Start]


def seed_events(n: int, data: Path, write: BulkWriter) -> float:
    """Fill a fresh data directory with a history of `n` events; returns seconds taken.

    The only place where the benchmark writes past the service's API: how events get into the
    table is `write`'s business, what they say is `history`'s.
    """
    began = time.perf_counter()
    write(data, track(history(n, datetime.now(UTC)), f"writing {n} events", total=n))
    return time.perf_counter() - began


def measure_start(command: str | None, data: Path, master_key: str, teams: int) -> Start:
    """Start, wait for readiness, read, stop; raises BenchmarkError if teams are missing."""
    began = time.perf_counter()
    with (
        teamledger(command, data, master_key) as server,
        Api(server.port, master_key) as api,
    ):
        api.settle()
        first_read = time.perf_counter() - began
        total = api.get("/v2/team/list", page_size="1").get("total")
        if total != teams:
            raise BenchmarkError(f"the service shows {total} teams, {teams} were written")
    return Start(ready=server.start_seconds, first_read=first_read)


def load_writer(name: str) -> BulkWriter:
    """The function called `name` (`module:function`); BenchmarkError if there is none."""
    module, _, function = name.partition(":")
    try:
        return cast("BulkWriter", getattr(importlib.import_module(module), function))
    except (ImportError, AttributeError, ValueError) as error:
        raise BenchmarkError(f"no bulk writer {name!r}: {error}") from error


def measure(
    events: int, starts: int, write: BulkWriter, command: str | None, directory: Path | None
) -> StartupReport:
    """Seed, start for the first time, start `starts` times more."""
    master_key = f"sk-{secrets.token_hex(16)}"
    with ExitStack() as stack:
        data = stack.enter_context(workspace(directory)) / "data"
        seed_seconds = seed_events(events, data, write)
        first, *again = (
            measure_start(command, data, master_key, teams_in(events)) for _ in range(1 + starts)
        )
    return StartupReport(events=events, seed_seconds=seed_seconds, first=first, again=again)


def main(  # noqa: PLR0913, PLR0917 - the options are the interface
    writer: Annotated[str, typer.Option(help="The BulkWriter, as module:function.")],
    events: Annotated[int, typer.Option(min=1, max=10_000_000)] = 1_000_000,
    starts: Annotated[int, typer.Option(min=1, max=20, help="Starts after the first.")] = 3,
    json: Annotated[Path | None, typer.Option(help="Also write the report here.")] = None,
    command: Annotated[
        str | None, typer.Option(help="Instead of `teamledger serve`: what to measure.")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Where data directories are made; not a memory disk.")
    ] = None,
) -> None:
    """Measure seconds from the start of `teamledger serve` to readiness, on a long history."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that child processes are ended
    console = Console()
    try:
        report = measure(events, starts, load_writer(writer), command, directory)
    except BenchmarkError as error:
        console.print(f"benchmark: {error}", markup=False, style="red")
        raise typer.Exit(2) from error
    console.print(f"{events} events written in {report.seed_seconds:.1f} s")
    for name, started in (("first start", [report.first]), ("start again", report.again)):
        ready, read = (median(s.ready for s in started), median(s.first_read for s in started))
        console.print(f"{name}: ready after {ready:.2f} s, whole history read after {read:.2f} s")
    if json is not None:
        json.write_text(report.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
