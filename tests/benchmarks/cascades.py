"""`python -m tests.benchmarks.cascades`: how long others wait while something large is deleted.

Exit code 0: measured, and all that hung on what was deleted has ended, once; 2: it could not be,
and why.
"""

import secrets
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, LiteralString

import psycopg
import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from services.database.connections import owner_conninfo
from services.database.embedded import EmbeddedServer
from tests.benchmarks.beside import BESIDE, Client, Others, Waits
from tests.benchmarks.prepare import Api
from tests.benchmarks.processes import BenchmarkError, teamledger, workspace
from tests.support.cascades import Large, member, organization, team, user
from tests.support.organized import store

ALONE_SECONDS, LEAST_SECONDS = 5.0, 3.0
LOOK_EVERY = 0.1
PATIENCE = 300.0
_HEAD = "SELECT coalesce(max(notification_id), 0) FROM events.stored_events"
_ENDS = """
SELECT count(*) FROM events.stored_events WHERE notification_id > %s AND topic = ANY(%s)
"""
_ENDINGS = ["organization.deleted", "user.deleted", "team.deleted", "key.deleted"]
_LEFT = """
SELECT (SELECT count(*) FROM ops.chores)
  + (SELECT count(*) FROM ops.dependents WHERE parent = %s AND kind !~ '^revoked/')
"""
CASES = (
    organization(5_000),
    organization(100, keys=20),
    user(2_000),
    team(5_000),
    team(500),
    member(5_000),
)


class Measured(BaseModel):
    """A deletion: its own request in ms, all of it in seconds; others before and beside it."""

    model_config = ConfigDict(frozen=True)
    name: str
    request: float
    seconds: float
    writes_alone: Waits
    writes_beside: Waits
    reads_alone: Waits
    reads_beside: Waits

    @property
    def delay(self) -> float:
        """By how many ms the longest of the others took longer than the usual one before."""
        writes = self.writes_beside.longest - self.writes_alone.p50
        return max(writes, self.reads_beside.longest - self.reads_alone.p50)


class Report(BaseModel):
    """A whole run."""

    model_config = ConfigDict(frozen=True)
    measured: list[Measured]


class Cascade:
    """Deletes something large in a service, and knows when all of it is done."""

    def __init__(self, large: Large, api: Api, database: psycopg.Connection) -> None:
        self._large, self._api, self._database = large, api, database
        self._request = self._seconds = 0.0

    def measure(self, connect: Callable[[], Client]) -> Measured:
        """Others alone, then beside the deletion; raises BenchmarkError for one that went wrong."""
        for path, body in self._large.found:
            self._api.post(path, body)
        store(self._database, list(self._large.facts()))
        self._api.settle()
        before, others = self._number(_HEAD), Others(connect(), connect())
        alone = others.during(lambda: time.sleep(ALONE_SECONDS))
        beside = others.during(lambda: self._delete(connect()))
        ends = self._number(_ENDS, before, [*_ENDINGS, "team.member_removed"])
        if ends != self._large.ends:
            raise BenchmarkError(f"{self._large.name}: {ends} ends instead of {self._large.ends}")
        return Measured(
            name=self._large.name,
            request=1000 * self._request,
            seconds=self._seconds,
            writes_alone=alone[0],
            writes_beside=beside[0],
            reads_alone=alone[1],
            reads_beside=beside[1],
        )

    def _delete(self, by: Client) -> None:
        method, path, body = self._large.request
        began = time.perf_counter()
        self._request = by.send(method, path, body)
        while self._number(_LEFT, self._large.parent):
            if time.perf_counter() - began > PATIENCE:
                raise BenchmarkError(f"{self._large.name}: not done in {PATIENCE:.0f} s")
            time.sleep(LOOK_EVERY)
        self._seconds = time.perf_counter() - began
        time.sleep(max(LEAST_SECONDS - self._seconds, 0))

    def _number(self, query: LiteralString, *parameters: object) -> int:
        row = self._database.execute(query, parameters).fetchone()
        return int(row[0]) if row else 0


def measure(
    cases: tuple[Large, ...], command: str | None, directory: Path | None
) -> list[Measured]:
    """Each case on a service of its own, which has nothing of it in its cache."""
    master_key = f"sk-{secrets.token_hex(16)}"
    measured = []
    for large in cases:
        with ExitStack() as stack:
            data = stack.enter_context(workspace(directory)) / "data"
            port = stack.enter_context(teamledger(command, data, master_key)).port
            url = owner_conninfo(EmbeddedServer(data).conninfo())
            database = stack.enter_context(psycopg.connect(url, autocommit=True))
            api = stack.enter_context(Api(port, master_key))
            api.post("/team/new", {"team_id": BESIDE})
            cascade = Cascade(large, api, database)
            measured.append(cascade.measure(partial(Client, port, master_key)))
    return measured


def table(measured: list[Measured]) -> Table:
    """The report as it is printed."""
    shown = Table(title="Others beside a deletion, in ms: median, 99 of 100, longest")
    shown.add_column("deleted", no_wrap=True)
    headings = ("request", "all of it", "writes alone", "beside", "reads alone", "beside", "delay")
    for heading in headings:
        shown.add_column(heading, justify="right", no_wrap=True)
    for one in measured:
        waits = (one.writes_alone, one.writes_beside, one.reads_alone, one.reads_beside)
        cells = (f"{w.p50:.1f} {w.p99:.1f} {w.longest:.1f}" for w in waits)
        request, whole = f"{one.request:.0f} ms", f"{one.seconds:.1f} s"
        shown.add_row(one.name, request, whole, *cells, f"{one.delay:.0f}")
    return shown


def main(
    json: Annotated[Path | None, typer.Option(help="Also write the report here.")] = None,
    command: Annotated[
        str | None, typer.Option(help="Instead of `teamledger serve`: what to measure.")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Where data directories are made; not a memory disk.")
    ] = None,
) -> None:
    """Measure what others notice of deletions on which thousands of things hang."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that child processes are ended
    console = Console(width=None if sys.stdout.isatty() else 160)
    try:
        measured = measure(CASES, command, directory)
    except BenchmarkError as error:
        console.print(f"benchmark: {error}", markup=False, style="red")
        raise typer.Exit(2) from error
    console.print(table(measured))
    if json is not None:
        json.write_text(Report(measured=measured).model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
