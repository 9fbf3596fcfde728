"""`python -m tests.benchmarks.seal`: sealing a long history, exporting it, verifying the export.

Exit code 0: measured, and the export is proved; 2: it could not be, and why.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from services.database.embedded import EmbeddedServer
from services.proof.log import EVENT_ROWS, EVENTS_AT_ONCE
from tests.benchmarks.bulk import write
from tests.benchmarks.processes import BenchmarkError, workspace
from tests.benchmarks.startup import seed_events
from tests.support.eventlog import owner
from tests.support.sealed import exported, sealing, verified


class SealReport(BaseModel):
    """Seconds for all events, and their number. `bare` is reading the same rows, no more."""

    model_config = ConfigDict(frozen=True)
    events: int
    bare: float
    seal: float
    export: float
    verify: float
    export_bytes: int


def measure(events: int, directory: Path | None) -> SealReport:
    """One run on a fresh data directory; raises BenchmarkError if the export is not proved."""
    with ExitStack() as stack:
        data = stack.enter_context(workspace(directory)) / "data"
        seed_events(events, data, write)
        url = stack.enter_context(EmbeddedServer(data)).conninfo()
        bare = _timed(lambda: _read(url))
        seal = _timed(lambda: asyncio.run(_seal(url)))
        file = data.parent / "audit.jsonl.gz"
        export = _timed(lambda: exported(url, file))
        began = time.perf_counter()
        verdict = verified(file)
        verify = time.perf_counter() - began
        if verdict.problem is not None or verdict.events != events:
            raise BenchmarkError(f"{verdict.events} events are proved: {verdict.problem}")
        return SealReport(
            events=events,
            bare=bare,
            seal=seal,
            export=export,
            verify=verify,
            export_bytes=file.stat().st_size,
        )


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _read(url: str) -> None:
    after = 0
    with owner(url) as conn:
        while rows := conn.execute(
            EVENT_ROWS, (after, 2**62, EVENTS_AT_ONCE), binary=True
        ).fetchall():
            after = rows[-1][2]


async def _seal(url: str) -> None:
    async with sealing(url) as work:
        await work.seal()


def main(
    events: Annotated[int, typer.Option(min=1_000, max=5_000_000)] = 1_000_000,
    json: Annotated[Path | None, typer.Option(help="Also write the report here.")] = None,
    directory: Annotated[Path | None, typer.Option(help="Where data directories are made.")] = None,
) -> None:
    """Measure the sealer beside a bare read of the same events, the export, its verification."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        report = measure(events, directory)
    except BenchmarkError as error:
        console.print(f"benchmark: {error}", markup=False, style="red")
        raise typer.Exit(2) from error
    for name, seconds in (
        ("bare read", report.bare),
        ("seal", report.seal),
        ("export", report.export),
        ("verify", report.verify),
    ):
        console.print(f"{name:10} {seconds:7.1f} s  {report.events / seconds:9,.0f} events/s")
    console.print(f"{'share':10} {report.bare / report.seal:7.0%} of the bare read is sealing's")
    if json is not None:
        json.write_text(report.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
