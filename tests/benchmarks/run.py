"""`python -m tests.benchmarks.run`: the service and a FastAPI no-op, measured side by side.

Exit code 0: every answer was right; 1: some were not; 2: the benchmark could not run.
"""

import os
import platform
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests.benchmarks.messages import MAX_REQUESTS, Job, Kind, Target
from tests.benchmarks.prepare import Api, admin_key, pool_size, seed_teams
from tests.benchmarks.processes import (
    BenchmarkError,
    Generator,
    generator,
    noop,
    teamledger,
    workspace,
)
from tests.benchmarks.report import Report, Round, Settings, lines_of, table

MEASURED = (
    Kind.NOOP,
    Kind.TEAM_NEW,
    Kind.MEMBER_ADD,
    Kind.TEAM_UPDATE,
    Kind.TEAM_INFO,
    Kind.TEAM_LIST,
    Kind.MIXED,
)


class Bench:
    """The started processes and the settings; gives the rounds one by one."""

    def __init__(
        self, settings: Settings, load: Generator, service: Target, noop_port: int
    ) -> None:
        self._settings, self._load = settings, load
        self._service, self._noop_port = service, noop_port

    def rounds(self) -> Iterator[Round]:
        """Every kind in turn, `settings.rounds` times."""
        with Api(self._service.port, self._service.key) as api:
            for number in range(self._settings.rounds):
                for place, kind in enumerate(MEASURED):
                    target = self._target(api, kind, number)
                    first = (number * len(MEASURED) + place + 1) * MAX_REQUESTS
                    result = self._load.run(self._job(kind, target, first))
                    settled = None if kind is Kind.NOOP else api.settle()
                    yield Round(kind=kind, result=result, settle_seconds=settled)

    def _target(self, api: Api, kind: Kind, number: int) -> Target:
        """Each round of `/team/member_add` fills a team of its own, so that rounds compare."""
        if kind is Kind.NOOP:
            return self._service.model_copy(update={"port": self._noop_port})
        if kind is Kind.MEMBER_ADD:
            roster_team = f"bench-roster-{number}"
            api.post("/team/new", {"team_id": roster_team})
            return self._service.model_copy(update={"roster_team": roster_team})
        return self._service

    def _job(self, kind: Kind, target: Target, first: int) -> Job:
        return Job(
            kind=kind,
            target=target,
            connections=self._settings.connections,
            warmup=self._settings.warmup,
            seconds=self._settings.seconds,
            first=first,
        )


def measure(settings: Settings, command: str | None, directory: Path | None) -> Report:
    """Start everything, measure, stop everything; raises BenchmarkError when it cannot."""
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    master_key = f"sk-{secrets.token_hex(16)}"
    with ExitStack() as stack:
        place = stack.enter_context(workspace(directory))
        service = stack.enter_context(teamledger(command, place / "data", master_key))
        ceiling = stack.enter_context(noop(place))
        load = stack.enter_context(generator())
        target = Target(
            port=service.port,
            key=admin_key(service.port, master_key),
            pool=pool_size(settings.scale),
            roster_team="",
        )
        seeding_rate = seed_teams(load, target, settings.connections)
        rounds = list(Bench(settings, load, target, ceiling.port).rounds())
    return Report(
        started_at=started_at,
        python=platform.python_version(),
        platform=platform.platform(),
        cpus=os.cpu_count(),
        settings=settings,
        service_start_seconds=service.start_seconds,
        teams_seeded=target.pool,
        seeding_rate=seeding_rate,
        lines=lines_of(rounds),
        rounds=rounds,
    )


def main(  # noqa: PLR0913, PLR0917 - the options are the interface
    connections: Annotated[int, typer.Option(min=1, max=256)] = 32,
    rounds: Annotated[int, typer.Option(min=1, max=20)] = 3,
    seconds: Annotated[float, typer.Option(min=0.2, max=60, help="Per kind and round.")] = 4,
    warmup: Annotated[float, typer.Option(min=0, max=60, help="Seconds, not counted.")] = 1,
    scale: Annotated[int, typer.Option(min=0, max=5_000_000, help="Teams made first.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Also write the report here.")] = None,
    command: Annotated[
        str | None, typer.Option(help="Instead of `teamledger serve`: what to measure.")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Where data directories are made; not a memory disk.")
    ] = None,
) -> None:
    """Measure teamledger's requests per second and latencies beside a FastAPI no-op."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that child processes are ended
    settings = Settings(
        connections=connections, rounds=rounds, seconds=seconds, warmup=warmup, scale=scale
    )
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        report = measure(settings, command, directory)
    except BenchmarkError as error:
        console.print(f"benchmark: {error}", markup=False, style="red")
        raise typer.Exit(2) from error
    console.print(table(report))
    for line in report.lines:
        if line.first_error:
            console.print(f"{line.name}: {line.first_error}", markup=False, style="red")
    if json is not None:
        json.write_text(report.model_dump_json(indent=2) + "\n")
    raise typer.Exit(1 if report.errors else 0)


if __name__ == "__main__":
    typer.run(main)
