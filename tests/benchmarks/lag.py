"""How long after its acknowledgement a change is seen: `python -m tests.benchmarks.lag`.

The same commands at the same rate, due at fixed moments whatever is answered when: first to one
`teamledger serve`; then to a `teamledger command`, while a relay publishes to a real Kafka and a
`teamledger projection`, its read models in a database of their own, answers the reads. Needs Java
and Maven for the second.
"""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

import orjson
import typer
import uvloop
from rich.console import Console
from rich.table import Table

from services.database.embedded import EmbeddedServer
from tests.benchmarks.http_client import Response, ResponseParser
from tests.benchmarks.load import percentile
from tests.benchmarks.messages import HOST, Target
from tests.benchmarks.prepare import Api
from tests.benchmarks.processes import BenchmarkError
from tests.benchmarks.workloads import UPDATED_TEAMS, TeamUpdate, team_id
from tests.support.broker import Broker, running_broker
from tests.support.postgres import fresh_database, open_directory, running_server
from tests.support.relaying import make_topic, on_broker, start_relay
from tests.support.service import MASTER_KEY, ServiceProcess, launch, on_database

SENDERS, READERS = 32, 8
TOPIC = "bench.lag"
CHUNK = 65_536
OK, UNAVAILABLE = 200, 503
OVERDUE_SECONDS = 60.0
FIRST_BUDGET = 1_000_000


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where to write, where to read, and what it is called."""

    name: str
    write: int
    read: int


@dataclass
class Measured:
    """Seconds: from a command's due moment to its answer, and from that to a read that shows it.

    `refused` reads were answered 503 because the read models lagged, and sent again.
    """

    name: str
    took: float = 0.0
    answers: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    refused: int = 0

    def row(self) -> tuple[str, ...]:
        answers, lags = sorted(self.answers), sorted(self.lags)
        return (
            self.name,
            f"{len(answers) / self.took:,.0f}",
            *(_milliseconds(percentile(answers, share)) for share in (0.5, 0.99)),
            f"{len(lags):,}",
            *(_milliseconds(percentile(lags, share)) for share in (0.5, 0.99, 1.0)),
            f"{self.refused:,}",
        )


class Line:
    """A kept-alive connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Line":
        return cls(*await asyncio.open_connection(HOST, port))

    async def ask(self, request: bytes, also: int = OK) -> Response:
        """The answer; raises BenchmarkError unless its status is 200, or `also`."""
        self._writer.write(request)
        parser, answer = ResponseParser(), None
        while answer is None:
            answer = parser.feed(await self._reader.read(CHUNK) or b"the connection was closed")
        if answer.status not in {OK, also}:
            raise BenchmarkError(f"{answer.status} {answer.body[:300]!r}")
        return answer

    def close(self) -> None:
        self._writer.close()


class Load:
    """Commands due at fixed moments, one in `every` followed by a read that has to show it.

    One at a time for each team, so that it is known which is the last.
    """

    def __init__(self, at: Deployment, every: int) -> None:
        self._at, self._every = at, every
        self._work = TeamUpdate(Target(port=at.write, key=MASTER_KEY, pool=1, roster_team="none"))
        self._senders = asyncio.Queue[Line]()
        self._readers = asyncio.Queue[Line]()
        self._teams = [asyncio.Lock() for _ in range(UPDATED_TEAMS)]
        self._measured = Measured(at.name)

    async def run(self, rate: int, seconds: float) -> Measured:
        """Raises BenchmarkError of the first answer that is not as it has to be."""
        for queue, port, count in (
            (self._senders, self._at.write, SENDERS),
            (self._readers, self._at.read, READERS),
        ):
            for _ in range(count):
                queue.put_nowait(await Line.open(port))
        began = time.perf_counter()
        try:
            async with asyncio.timeout(seconds + OVERDUE_SECONDS), asyncio.TaskGroup() as tasks:
                for n in range(round(rate * seconds)):
                    due = began + n / rate
                    await asyncio.sleep(max(due - time.perf_counter(), 0))
                    tasks.create_task(self._command(n, due))
        except* BenchmarkError as group:
            raise group.exceptions[0] from None
        self._measured.took = time.perf_counter() - began
        for queue in (self._senders, self._readers):
            while not queue.empty():
                queue.get_nowait().close()
        return self._measured

    async def _command(self, n: int, due: float) -> None:
        async with self._teams[n % UPDATED_TEAMS]:
            line = await self._senders.get()
            await line.ask(self._work.request(n))
            answered = time.perf_counter()
            self._senders.put_nowait(line)
        self._measured.answers.append(answered - due)
        if n % self._every == 0:
            await self._read(n, answered)

    async def _read(self, n: int, acknowledged: float) -> None:
        line = await self._readers.get()
        while (answer := await line.ask(self._request(n), also=UNAVAILABLE)).status == UNAVAILABLE:
            self._measured.refused += 1
        self._measured.lags.append(time.perf_counter() - acknowledged)
        self._readers.put_nowait(line)
        shown = orjson.loads(answer.body)["team_info"]["max_budget"]
        if shown < FIRST_BUDGET + n:
            raise BenchmarkError(f"a read shows {shown} after {FIRST_BUDGET + n} was acknowledged")

    def _request(self, n: int) -> bytes:
        path = f"/team/info?team_id={team_id(n % UPDATED_TEAMS)}"
        return (
            f"GET {path} HTTP/1.1\r\nHost: {HOST}:{self._at.read}\r\n"
            f"Authorization: Bearer {MASTER_KEY}\r\n\r\n"
        ).encode()


@contextmanager
def one_process(server: EmbeddedServer) -> Iterator[Deployment]:
    """`teamledger serve`."""
    with fresh_database(server) as url, _running(("serve", on_database(url))) as ports:
        yield Deployment("one process", ports[0], ports[0])


@contextmanager
def apart(server: EmbeddedServer, broker: Broker) -> Iterator[Deployment]:
    """Commands and reads apart, Kafka between them."""
    make_topic(broker, TOPIC)
    with fresh_database(server) as url, fresh_database(server) as read_url:
        projection = on_database(url, read_url) | on_broker(broker, TOPIC)
        with _running(("command", on_database(url)), ("projection", projection)) as ports:
            relay = start_relay(url, broker, TOPIC)
            try:
                yield Deployment("over Kafka", *ports)
            finally:
                relay.terminate()
                relay.wait()


@contextmanager
def _running(*roles: tuple[str, dict[str, str]]) -> Iterator[list[int]]:
    """Their ports, in the order given; each role is ready before the next one starts."""
    with ExitStack() as stack:
        directory = stack.enter_context(open_directory())
        ports = []
        for role, env in roles:
            service = launch(env, directory / f"{role}.log", role)
            stack.callback(_end, service)
            service.wait_until_ready()
            ports.append(urlsplit(service.base_url).port or 0)
        yield ports


def _end(service: ServiceProcess) -> None:
    service.process.terminate()
    service.process.wait()


def measure(at: Deployment, rate: int, seconds: float, every: int) -> Measured:
    """Make the teams, warm up for a fifth of the time, and measure."""
    with Api(at.write, MASTER_KEY) as api:
        for number in range(UPDATED_TEAMS):
            api.post("/team/new", {"team_id": team_id(number)})
    uvloop.run(Load(at, every).run(rate, seconds / 5))
    return uvloop.run(Load(at, every).run(rate, seconds))


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1_000 * seconds:.1f}"


def main(
    rate: Annotated[int, typer.Option(min=1, max=5_000, help="Commands per second.")] = 1_000,
    seconds: Annotated[float, typer.Option(min=1, max=300)] = 20.0,
    every: Annotated[int, typer.Option(min=1, help="One command in so many is read.")] = 20,
) -> None:
    """Measure the lag in one process, and with Kafka between commands and reads."""
    gc.freeze()
    shown = Table(title=f"/team/update, {rate:,} a second; milliseconds")
    for heading in ("", "commands/s", "p50", "p99", "reads", "lag p50", "p99", "longest", "503"):
        shown.add_column(heading, justify="right" if heading else "left")
    with open_directory() as parent, running_server(parent / "data") as server:
        with one_process(server) as at:
            shown.add_row(*measure(at, rate, seconds, every).row())
        with running_broker(1) as broker, apart(server, broker) as at:
            shown.add_row(*measure(at, rate, seconds, every).row())
    Console().print(shown)


if __name__ == "__main__":
    typer.run(main)
