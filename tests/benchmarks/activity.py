"""`python -m tests.benchmarks.activity`: reports on a ledger of ten million calls.

Exit code 0: measured, and every total was right; 2: it could not be, or was not, and why.
"""

import secrets
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated
from zoneinfo import ZoneInfo

import httpx
import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from services.database.embedded import EmbeddedServer
from services.database.schemas import prepare_database
from tests.benchmarks.ledger_history import calls_between, fill, largest_teams, sum_by_day
from tests.benchmarks.messages import HOST
from tests.benchmarks.prepare import admin_key
from tests.benchmarks.processes import BenchmarkError, teamledger, workspace

DAYS = 30
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")


@dataclass(frozen=True)
class Team:
    """A team, and in each zone how many calls it made in the days that are asked for."""

    name: str
    team_id: str
    calls: dict[str, int]


@dataclass(frozen=True)
class Report:
    """What is asked for, and how many calls it has to tell of; None where that is not told."""

    name: str
    path: str
    query: dict[str, str]
    calls: int | None


class Line(BaseModel):
    """Milliseconds from sending to the whole answer, one request at a time."""

    model_config = ConfigDict(frozen=True)
    name: str
    first: float
    median: float
    p95: float
    kilobytes: float


class Measured(BaseModel):
    """`summing` is in records per second: how fast sums by day catch up from nothing."""

    model_config = ConfigDict(frozen=True)
    records: int
    fill_seconds: float
    summing: float
    teams: dict[str, int]
    lines: list[Line]


def reports(teams: list[Team], first: str, last: str) -> Iterator[Report]:
    """Those that are measured, by the names they have in the table."""
    path, days = "/team/daily/activity", {"start_date": first, "end_date": last}
    for team in teams:
        one = {**days, "team_ids": team.team_id}
        for zone in ZONES:
            query = {**one, "timezone": zone}
            yield Report(f"{team.name}, {zone}", path, query, team.calls[zone])
        whole = {**one, "page_size": "1000"}
        yield Report(f"{team.name}, all days on one page", path, whole, team.calls["UTC"])
        calls = {**days, "team_id": team.team_id}
        yield Report(f"{team.name}, single calls", "/spend/logs/v2", calls, None)
    spend = {"from": first, "to": last, "group_by": "team,day"}
    yield Report("/v1/spend by team and day", "/v1/spend", spend, None)
    yield Report("/global/spend/teams", "/global/spend/teams", {}, None)
    yield Report("all teams, one day", path, {**days, "start_date": last}, None)


def ask(http: httpx.Client, report: Report, rounds: int) -> Line:
    """Ask so often, one after another; raises BenchmarkError for an answer that is not right."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        answered = http.get(report.path, params=report.query)
        took.append(1000 * (time.perf_counter() - began))
        if answered.status_code != httpx.codes.OK:
            raise BenchmarkError(f"{report.name}: {answered.status_code} {answered.text[:500]}")
    if report.calls is not None:
        told = answered.json()["metadata"]["total_api_requests"]
        if told != report.calls:
            raise BenchmarkError(f"{report.name}: {told} calls are told of, not {report.calls}")
    ranked = sorted(took)
    return Line(
        name=report.name,
        first=took[0],
        median=median(took),
        p95=ranked[min(int(0.95 * rounds), rounds - 1)],
        kilobytes=len(answered.content) / 1000,
    )


def _teams(url: str, today: datetime) -> list[Team]:
    """The largest team, and one in the middle."""
    ranked = largest_teams(url)
    found = (("largest team", ranked[0]), ("middle team", ranked[len(ranked) // 2]))
    return [Team(name, team_id, _calls(url, team_id, today)) for name, (team_id, _) in found]


def _calls(url: str, team_id: str, today: datetime) -> dict[str, int]:
    found = {}
    for zone in ZONES:
        midnight = today.replace(hour=0, minute=0, second=0, tzinfo=ZoneInfo(zone))
        begin, end = midnight - timedelta(days=DAYS - 1), midnight + timedelta(days=1)
        found[zone] = calls_between(url, team_id, begin, end)
    return found


def measure(records: int, rounds: int, directory: Path | None) -> Measured:
    """Fill, sum, start, ask."""
    today = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    first = (today - timedelta(days=DAYS - 1)).date().isoformat()
    with workspace(directory) as place:
        data = place / "data"
        with EmbeddedServer(data) as server:
            url = server.conninfo()
            prepare_database(url)
            began = time.perf_counter()
            fill(url, records, datetime.now(UTC))
            filled = time.perf_counter()
            sum_by_day(url)
            summed = time.perf_counter()
            teams = _teams(url, today)
        master_key = f"sk-{secrets.token_hex(16)}"
        with teamledger(None, data, master_key) as service:
            headers = {"authorization": f"Bearer {admin_key(service.port, master_key)}"}
            base = f"http://{HOST}:{service.port}"
            with httpx.Client(base_url=base, headers=headers, timeout=60) as http:
                asked = reports(teams, first, today.date().isoformat())
                lines = [ask(http, report, rounds) for report in asked]
    return Measured(
        records=records,
        fill_seconds=filled - began,
        summing=records / (summed - filled),
        teams={team.name: team.calls["UTC"] for team in teams},
        lines=lines,
    )


def table(measured: Measured) -> Table:
    """The figures as they are printed."""
    shown = Table(title=f"milliseconds; {measured.records:,} calls, {DAYS} days asked for")
    shown.add_column("report")
    for heading in ("first", "median", "p95", "KB"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for line in measured.lines:
        figures = (line.first, line.median, line.p95, line.kilobytes)
        shown.add_row(line.name, *(f"{figure:,.0f}" for figure in figures))
    return shown


def main(
    records: Annotated[int, typer.Option(min=10_000, max=1_000_000_000)] = 10_000_000,
    rounds: Annotated[int, typer.Option(min=1, max=1_000, help="Requests for each line.")] = 30,
    json: Annotated[Path | None, typer.Option(help="Also write the report here.")] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Where data directories are made; not a memory disk.")
    ] = None,
) -> None:
    """Measure reports on spend over a long ledger, in several time zones."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that child processes are ended
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        measured = measure(records, rounds, directory)
    except BenchmarkError as error:
        console.print(f"benchmark: {error}", markup=False, style="red")
        raise typer.Exit(2) from error
    console.print(table(measured))
    for name, calls in measured.teams.items():
        console.print(f"{name}: {calls:,} calls in {DAYS} days")
    console.print(f"summed by day from nothing: {measured.summing:,.0f} records/s")
    if json is not None:
        json.write_text(measured.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
