"""What others notice of something large: two clients that go on meanwhile."""

import http.client
import json as jsonlib
import threading
import time
from collections.abc import Callable, Sequence
from statistics import quantiles

from pydantic import BaseModel, ConfigDict

from tests.benchmarks.messages import HOST
from tests.benchmarks.processes import BenchmarkError

BESIDE = "beside"
PAUSE = 0.002
FEWEST = 20


class Waits(BaseModel):
    """How long requests took, in milliseconds."""

    model_config = ConfigDict(frozen=True)
    requests: int
    p50: float
    p99: float
    longest: float


class Client:
    """One connection of the master key's."""

    def __init__(self, port: int, key: str) -> None:
        self._http = http.client.HTTPConnection(HOST, port, timeout=60)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def send(self, method: str, path: str, body: object = None) -> float:
        """Seconds until the whole answer; raises BenchmarkError unless it is 200."""
        sent = None if body is None else jsonlib.dumps(body).encode()
        began = time.perf_counter()
        self._http.request(method, path, sent, self._headers)
        answer = self._http.getresponse()
        text = answer.read()
        seconds = time.perf_counter() - began
        if answer.status != http.client.OK:
            raise BenchmarkError(f"{method} {path}: {answer.status} {text[:500]!r}")
        return seconds


class Others:
    """One client writes about the team BESIDE and one reads it, with a pause between requests."""

    def __init__(self, writer: Client, reader: Client) -> None:
        self._writer, self._reader = writer, reader

    def during(self, what: Callable[[], None]) -> tuple[Waits, Waits]:
        """How long writes and reads took while something went on."""
        over, failures = threading.Event(), list[BenchmarkError]()
        written, read = list[float](), list[float]()
        turns = ((self._write, written), (self._read, read))
        threads = [
            threading.Thread(target=_repeat, args=(turn, into, over, failures))
            for turn, into in turns
        ]
        for thread in threads:
            thread.start()
        try:
            what()
        finally:
            over.set()
            for thread in threads:
                thread.join()
        if failures:
            raise failures[0]
        return _waits(written), _waits(read)

    def _write(self, number: int) -> float:
        path = "/team/block" if number % 2 else "/team/unblock"
        return self._writer.send("POST", path, {"team_id": BESIDE})

    def _read(self, _number: int) -> float:
        return self._reader.send("GET", f"/team/info?team_id={BESIDE}")


def _repeat(
    turn: Callable[[int], float],
    into: list[float],
    over: threading.Event,
    failures: list[BenchmarkError],
) -> None:
    try:
        while not over.is_set():
            into.append(turn(len(into)))
            time.sleep(PAUSE)
    except BenchmarkError as error:
        failures.append(error)


def _waits(seconds: Sequence[float]) -> Waits:
    if len(seconds) < FEWEST:
        raise BenchmarkError(f"only {len(seconds)} requests were answered meanwhile")
    cuts = quantiles(seconds, n=100)
    return Waits(
        requests=len(seconds), p50=1000 * cuts[49], p99=1000 * cuts[98], longest=1000 * max(seconds)
    )
