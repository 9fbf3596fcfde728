"""The load generator: a process that runs one job per line of its input, one result per line.

`python -m tests.benchmarks.load` serves the benchmark and ends with its input.
"""

import asyncio
import gc
import math
import sys
import time
from collections.abc import Sequence
from time import perf_counter

import orjson
import uvloop

from tests.benchmarks.http_client import Connection, Response
from tests.benchmarks.messages import HOST, Job, JobResult, LaneResult
from tests.benchmarks.workloads import Workload, workload

CHECK_EVERY = 47  # coprime to every cycle in `workloads`, so that all of it gets sampled
_CONNECTS = 10
_SHOWN_BODY = 500


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile of ascending values, None of none; `share` is 0 to 1."""
    if not ordered:
        return None
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


class _Lane:
    """What is counted while a job runs."""

    def __init__(self) -> None:
        self.answered = self.checked = self.errors = 0
        self.latencies: list[float] = []
        self.served: list[float] = []
        self.first_error: str | None = None

    def fail(self, reason: str) -> None:
        self.errors += 1
        if self.first_error is None:
            self.first_error = reason

    def result(self, seconds: float) -> LaneResult:
        self.latencies.sort()
        self.served.sort()
        return LaneResult(
            answered=self.answered,
            seconds=seconds,
            p50=percentile(self.latencies, 0.50),
            p99=percentile(self.latencies, 0.99),
            maximum=percentile(self.latencies, 1.0),
            server_p99=percentile(self.served, 0.99),
            checked=self.checked,
            errors=self.errors,
            first_error=self.first_error,
        )


class Run:
    """One job under way: gives out requests, judges answers, keeps the clock."""

    def __init__(self, job: Job, work: Workload) -> None:
        self._job, self._work = job, work
        self._lanes = {name: _Lane() for name in work.lanes}
        self._next, self._end = job.first, job.first + job.limit
        self._counts_from = perf_counter() + job.warmup
        self._counts_to = self._counts_from + job.seconds
        self._last_answer = self._counts_from
        self._open: set[Connection] = set()

    async def execute(self) -> dict[str, LaneResult]:
        """Run to the end of the time or of the requests; always within the job's `grace`."""
        tasks = [asyncio.create_task(self._stay_connected()) for _ in range(self._job.connections)]
        allowed = self._job.warmup + self._job.seconds + self._job.grace
        _, late = await asyncio.wait(tasks, timeout=allowed)
        for connection in tuple(self._open):
            connection.abort(f"no answer {self._job.grace:g} s after the end of the run")
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return {name: lane.result(self._counted()) for name, lane in self._lanes.items()}

    def _counted(self) -> float:
        """Seconds in which answers counted: fewer than asked for when the requests ran out."""
        if self._next < self._end:
            return self._job.seconds
        return max(min(self._counts_to, self._last_answer) - self._counts_from, 0.0)

    async def _stay_connected(self) -> None:
        """One of the job's connections, opened again a bounded number of times when lost."""
        loop = asyncio.get_running_loop()
        for _ in range(_CONNECTS):
            if not self._more():
                return
            try:
                _, connection = await loop.create_connection(
                    lambda: Connection(self), HOST, self._job.target.port
                )
            except OSError as error:
                self._lane(self._next).fail(f"cannot connect: {error}")
                continue
            self._open.add(connection)
            await connection.closed
            self._open.discard(connection)

    def _more(self) -> bool:
        return self._next < self._end and perf_counter() < self._counts_to

    def _lane(self, number: int) -> _Lane:
        return self._lanes[self._work.lane(number)]

    def take(self) -> tuple[int, bytes] | None:
        if not self._more():
            return None
        number = self._next
        self._next += 1
        return number, self._work.request(number)

    def answered(self, number: int, response: Response, seconds: float) -> None:
        now = self._last_answer = perf_counter()
        lane = self._lane(number)
        if not 200 <= response.status < 300:
            lane.fail(_shown(response))
        elif self._is_sample(number) and not self._right(lane, number, response.body):
            lane.fail(f"a wrong answer to request {number}: {_shown(response)}")
        elif now >= self._counts_from:
            lane.latencies.append(seconds)
            if response.took is not None:
                lane.served.append(response.took)
            if now <= self._counts_to:
                lane.answered += 1

    def failed(self, number: int, reason: str) -> None:
        self._lane(number).fail(reason)

    def _is_sample(self, number: int) -> bool:
        return (number - self._job.first) % CHECK_EVERY == 0

    def _right(self, lane: _Lane, number: int, body: bytes) -> bool:
        lane.checked += 1
        try:
            return self._work.right(number, orjson.loads(body))
        except orjson.JSONDecodeError:
            return False


def _shown(response: Response) -> str:
    return f"{response.status} {response.body[:_SHOWN_BODY].decode(errors='replace')}"


def run_job(job: Job) -> JobResult:
    """Run one job to its end on an event loop of its own."""
    began, used = perf_counter(), time.process_time()
    lanes = uvloop.run(_execute(job))
    cpu = (time.process_time() - used) / (perf_counter() - began)
    return JobResult(lanes=lanes, generator_cpu=cpu)


async def _execute(job: Job) -> dict[str, LaneResult]:
    return await Run(job, workload(job.kind, job.target)).execute()


def main() -> None:
    """Serve jobs from standard input until it ends."""
    gc.freeze()
    gc.disable()  # what a run leaves behind is counted references only
    for line in sys.stdin:
        print(run_job(Job.model_validate_json(line)).model_dump_json(), flush=True)
        gc.collect()


if __name__ == "__main__":
    main()
