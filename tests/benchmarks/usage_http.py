"""Batches of calls reported over HTTP to a running service, by senders that never rest."""

import asyncio
import secrets
from itertools import count
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter, process_time, time

import orjson
from pydantic import BaseModel, ConfigDict

from tests.benchmarks.calls import KEYS, MODELS, ORGANIZATIONS, SOURCE, TEAMS, secret
from tests.benchmarks.http_client import Connection, Response
from tests.benchmarks.load import percentile
from tests.benchmarks.messages import HOST
from tests.benchmarks.prepare import Api
from tests.benchmarks.processes import BenchmarkError, teamledger

BATCHES = (1, 100, 1_000)
_ITEM = (
    b'{"id":"chatcmpl-%016x%016x","started_at":%.3f,"ended_at":%.3f,"key":"%b","model":"%b",'
    b'"model_group":"%b","provider":"%b","endpoint":"/chat/completions","cost":%d.%07de-3,'
    b'"prompt_tokens":%d,"completion_tokens":%d}'
)


class HttpLine(BaseModel):
    """Batches of one size; calls per second, milliseconds of a whole batch.

    `senders_cpu` is the share of one core that making and sending them took.
    """

    model_config = ConfigDict(frozen=True)
    batch: int
    calls: float
    lowest: float
    highest: float
    p50_ms: float
    p99_ms: float
    senders_cpu: float


class Reports:
    """Requests of fresh calls until `end`; every answer has to say that all were booked."""

    def __init__(self, port: int, gateway: str, batch: int, end: float) -> None:
        self._batch, self._end = batch, end
        self._chance = Random(secrets.randbits(64))
        self._numbers = count()
        self._head = (
            f"POST /v1/usage HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {gateway}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self.seconds: list[float] = []
        self.wrong: str | None = None

    def take(self) -> tuple[int, bytes] | None:
        if perf_counter() >= self._end or self.wrong:
            return None
        body = b"[%b]" % b",".join(item(self._chance) for _ in range(self._batch))
        return next(self._numbers), b"%b%d\r\n\r\n%b" % (self._head, len(body), body)

    def answered(self, number: int, response: Response, seconds: float) -> None:  # noqa: ARG002
        if response.status != 200 or orjson.loads(response.body)["accepted"] != self._batch:
            self.wrong = f"{response.status} {response.body[:300].decode(errors='replace')}"
        self.seconds.append(seconds)

    def failed(self, number: int, reason: str) -> None:  # noqa: ARG002
        self.wrong = reason


def item(chance: Random) -> bytes:
    """A call that was not made before, as a gateway writes it."""
    now = time()
    provider, model = chance.choice(MODELS)
    started = now - 300 * chance.random()
    return _ITEM % (
        *(chance.getrandbits(64), chance.getrandbits(64), started, started + 3),
        secret(chance.randrange(KEYS)).encode(),
        f"{provider}/{model}".encode(),
        model.encode(),
        provider.encode(),
        *(chance.randrange(100), chance.randrange(10**7)),
        *(chance.randrange(20, 8_000), chance.randrange(1, 2_000)),
    )


def measure_http(place: Path, rounds: int, seconds: float, senders: int) -> list[HttpLine]:
    """Of every size by turns, round after round. Raises BenchmarkError for a wrong answer."""
    master_key = f"sk-{secrets.token_hex(16)}"
    with teamledger(None, place / "served", master_key) as server:
        gateway = prepare(server.port, master_key)
        round_of(server.port, gateway, 1_000, seconds, senders)  # every series is there afterwards
        measured: dict[int, list[HttpLine]] = {batch: [] for batch in BATCHES}
        for _ in range(rounds):
            for batch, lines in measured.items():
                lines.append(round_of(server.port, gateway, batch, seconds, senders))
    return [_middle(lines) for lines in measured.values()]


def prepare(port: int, master_key: str) -> str:
    """Organizations, teams, their users and keys; the key of a gateway."""
    with Api(port, master_key) as api:
        for number in range(ORGANIZATIONS):
            name = f"bench-org-{number}"
            api.post("/organization/new", {"organization_id": name, "organization_alias": name})
        for team in range(TEAMS):
            users = [f"bench-user-{number}" for number in range(team, KEYS, TEAMS)]
            members = [{"user_id": user, "role": "user"} for user in users]
            place = {"organization_id": f"bench-org-{team % ORGANIZATIONS}"}
            made: dict[str, object] = {"team_id": f"bench-team-{team}", **place}
            api.post("/team/new", {**made, "members_with_roles": members})
        for number in range(KEYS):
            whose = {"user_id": f"bench-user-{number}", "team_id": f"bench-team-{number % TEAMS}"}
            api.post("/key/generate", {"key": secret(number), **whose})
        gateway = api.post("/key/generate", {"key_type": "gateway", "key_alias": SOURCE})
    return str(gateway["key"])


def round_of(port: int, gateway: str, batch: int, seconds: float, senders: int) -> HttpLine:
    began, used = perf_counter(), process_time()
    reports = Reports(port, gateway, batch, began + seconds)
    asyncio.run(_send(port, reports, senders))
    took = perf_counter() - began
    if reports.wrong:
        raise BenchmarkError(f"POST /v1/usage with {batch} calls: {reports.wrong}")
    ordered = sorted(reports.seconds)
    rate = len(ordered) * batch / took
    return HttpLine(
        batch=batch,
        calls=rate,
        lowest=rate,
        highest=rate,
        p50_ms=1_000 * (percentile(ordered, 0.50) or 0),
        p99_ms=1_000 * (percentile(ordered, 0.99) or 0),
        senders_cpu=(process_time() - used) / took,
    )


async def _send(port: int, reports: Reports, senders: int) -> None:
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Connection(reports), HOST, port)
        for _ in range(senders)
    ]
    await asyncio.gather(*(connection.closed for _, connection in opened))


def _middle(lines: list[HttpLine]) -> HttpLine:
    return HttpLine(
        batch=lines[0].batch,
        calls=median(line.calls for line in lines),
        lowest=min(line.calls for line in lines),
        highest=max(line.calls for line in lines),
        p50_ms=median(line.p50_ms for line in lines),
        p99_ms=median(line.p99_ms for line in lines),
        senders_cpu=median(line.senders_cpu for line in lines),
    )
