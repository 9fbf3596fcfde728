"""`python -m tests.benchmarks.decisions`: decisions and reservations beside a FastAPI no-op.

Exit code 0: every answer was right; 1: some were not; 2: the benchmark could not run.
"""

import secrets
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.benchmarks.gateway_work import BUDGET, KEYS, KEYS_PER_TEAM, secret, team_of
from tests.benchmarks.messages import MAX_REQUESTS, Job, Kind, LaneResult, Target
from tests.benchmarks.prepare import Api
from tests.benchmarks.processes import (
    BenchmarkError,
    Generator,
    generator,
    noop,
    teamledger,
    workspace,
)
from tests.benchmarks.report import Settings

FEW = 4
MEASURED: Mapping[Kind, int | None] = {
    Kind.NOOP: None,
    Kind.DECIDE: None,
    Kind.RESERVE: None,
    Kind.DECIDE_CALMLY: FEW,
}
"""What is sent in turn, and by how many connections; None is as many as was asked for."""


class Figures(BaseModel):
    """Of one kind: medians of the rounds; milliseconds, and requests per second."""

    model_config = ConfigDict(frozen=True)
    kind: Kind
    connections: int
    rate: float
    of_noop: float | None
    p50_ms: float | None
    p99_ms: float | None
    server_p99_ms: float | None
    errors: int
    first_error: str | None


def prepare(port: int, master_key: str) -> str:
    """An organization, teams and keys with budgets; the key of a gateway."""
    with Api(port, master_key) as api:
        organization = {"organization_alias": "bench", "max_budget": 1_000 * BUDGET}
        made = api.post("/organization/new", {**organization, "organization_id": "bench-org"})
        for index in track(range(KEYS), f"making {KEYS} keys"):
            budget = {"max_budget": BUDGET, "budget_duration": "30d"}
            if index % KEYS_PER_TEAM == 0:
                team = {"team_id": team_of(index), "organization_id": made["organization_id"]}
                api.post("/team/new", {**team, **budget, "models": ["gpt-4o", "sonnet"]})
            api.post("/key/generate", {"key": secret(index), "team_id": team_of(index), **budget})
        gateway = api.post("/key/generate", {"key_type": "gateway", "key_alias": "bench"})
        api.settle()
    return str(gateway["key"])


class Bench:
    """The started processes and what was asked for; gives the rounds one by one."""

    def __init__(
        self, load: Generator, service: Target, noop_port: int, settings: Settings
    ) -> None:
        self._load, self._service, self._settings = load, service, settings
        self._ceiling = service.model_copy(update={"port": noop_port})

    def rounds(self) -> Iterator[tuple[Kind, LaneResult]]:
        """Every kind in turn, `settings.rounds` times."""
        for number in range(self._settings.rounds):
            for place, kind in enumerate(MEASURED):
                first = (number * len(MEASURED) + place + 1) * MAX_REQUESTS
                yield kind, self._load.run(self._job(kind, first)).lanes[kind.value]

    def _job(self, kind: Kind, first: int) -> Job:
        return Job(
            kind=kind,
            target=self._ceiling if kind is Kind.NOOP else self._service,
            connections=MEASURED[kind] or self._settings.connections,
            warmup=self._settings.warmup,
            seconds=self._settings.seconds,
            first=first,
        )


def figures(kind: Kind, connections: int, found: list[tuple[Kind, LaneResult]]) -> Figures:
    """One line of the report."""
    lanes = [lane for one, lane in found if one is kind]
    ceiling = [lane.rate for one, lane in found if one is Kind.NOOP]
    shares = [lane.rate / top for lane, top in zip(lanes, ceiling, strict=True) if top]
    return Figures(
        kind=kind,
        connections=MEASURED[kind] or connections,
        rate=median(lane.rate for lane in lanes),
        of_noop=median(shares) if shares else None,
        p50_ms=_milliseconds([lane.p50 for lane in lanes]),
        p99_ms=_milliseconds([lane.p99 for lane in lanes]),
        server_p99_ms=_milliseconds([lane.server_p99 for lane in lanes]),
        errors=sum(lane.errors for lane in lanes),
        first_error=next((lane.first_error for lane in lanes if lane.first_error), None),
    )


def _milliseconds(seconds: list[float | None]) -> float | None:
    given = [1_000 * value for value in seconds if value is not None]
    return median(given) if given else None


def measure(settings: Settings, directory: Path | None) -> list[Figures]:
    """Start everything, measure, stop everything; raises BenchmarkError when it cannot."""
    master_key = f"sk-{secrets.token_hex(16)}"
    with ExitStack() as stack:
        place = stack.enter_context(workspace(directory))
        service = stack.enter_context(teamledger(None, place / "data", master_key))
        ceiling = stack.enter_context(noop(place))
        load = stack.enter_context(generator())
        key = prepare(service.port, master_key)
        target = Target(port=service.port, key=key, pool=1, roster_team="")
        found = list(Bench(load, target, ceiling.port, settings).rounds())
    return [figures(kind, settings.connections, found) for kind in MEASURED]


def shown(report: list[Figures]) -> Table:
    """The report as it is printed."""
    table = Table(title="decisions; median of the rounds")
    for heading in ("request", "connections", "req/s", "of no-op", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    table.add_column("p99 ms in the server", justify="right")
    table.add_column("errors", justify="right")
    for line in report:
        numbers = (line.p50_ms, line.p99_ms, line.server_p99_ms)
        table.add_row(
            line.kind.value,
            str(line.connections),
            f"{line.rate:,.0f}",
            "-" if line.of_noop is None else f"{line.of_noop:.0%}",
            *("-" if number is None else f"{number:.2f}" for number in numbers),
            str(line.errors),
        )
    return table


def main(
    connections: Annotated[int, typer.Option(min=1, max=256)] = 32,
    rounds: Annotated[int, typer.Option(min=1, max=20)] = 3,
    seconds: Annotated[float, typer.Option(min=0.2, max=60, help="Per kind and round.")] = 4,
    json: Annotated[Path | None, typer.Option(help="Also write the report here.")] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Where data directories are made; not a memory disk.")
    ] = None,
) -> None:
    """Measure decisions and reservations, and what the server itself takes for one."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that child processes are ended
    settings = Settings(
        connections=connections, rounds=rounds, seconds=seconds, warmup=1, scale=KEYS
    )
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        report = measure(settings, directory)
    except BenchmarkError as error:
        console.print(f"benchmark: {error}", markup=False, style="red")
        raise typer.Exit(2) from error
    console.print(shown(report))
    for line in report:
        if line.first_error:
            console.print(f"{line.kind}: {line.first_error}", markup=False, style="red")
    if json is not None:
        lines = ",\n".join(line.model_dump_json(indent=2) for line in report)
        json.write_text(f"[{lines}]\n")
    raise typer.Exit(1 if any(line.errors for line in report) else 0)


if __name__ == "__main__":
    typer.run(main)
