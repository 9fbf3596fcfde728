"""`python -m tests.benchmarks.reporting`: usage over HTTP, as gateways send it.

The real service, keys of users in teams, several senders with a batch under way each. All bodies
are made before the clock starts; every call has to be booked, or there is no table.
"""

import http.client
import json
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from services.access.credentials import hash_key
from tests.benchmarks.messages import HOST
from tests.benchmarks.processes import BenchmarkError, Server, teamledger, workspace

MASTER_KEY = "sk-benchmark-master"
TEAMS, KEYS = 10, 100
PAYLOAD = Path(__file__).parents[1] / "contract" / "generic_api_batch.json"
FORMS = (("records", 100), ("records", 1_000), ("records", 10_000), ("LiteLLM", 500))
Item = dict[str, Any]


class Line(BaseModel):
    """One form: calls per second, and the bytes of one call."""

    model_config = ConfigDict(frozen=True)
    form: str
    batch: int
    bytes: int
    calls: float


class Client:
    """One connection that is kept open."""

    def __init__(self, server: Server, key: str) -> None:
        self._connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    def post(self, path: str, body: bytes) -> Any:  # noqa: ANN401
        """The answer; raises BenchmarkError unless it is 200."""
        self._connection.request("POST", path, body, self._headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status != http.client.OK:
            raise BenchmarkError(f"{path}: {response.status} {content[:500]!r}")
        return json.loads(content)


def prepare(server: Server) -> tuple[str, list[str]]:
    """The key of a gateway, and the hashes of keys that it reports for."""
    admin = Client(server, MASTER_KEY)

    def done(path: str, **body: object) -> Any:  # noqa: ANN401
        return admin.post(path, json.dumps(body).encode())

    for team in range(TEAMS):
        done("/team/new", team_id=f"team-{team}")
    made = [done("/key/generate", team_id=f"team-{n % TEAMS}")["key"] for n in range(KEYS)]
    gateway: str = done("/key/generate", key_type="gateway", key_alias="bench")["key"]
    return gateway, [hash_key(key) for key in made]


def batches(form: str, size: int, number: int, keys: list[str]) -> Iterator[bytes]:
    """Bodies of calls that were not made before."""
    payload: Item = json.loads(PAYLOAD.read_text(encoding="utf-8"))[0]
    make = _record if form == "records" else _logged
    for _ in range(number):
        yield json.dumps([make(payload, keys[n % len(keys)]) for n in range(size)]).encode()


def _record(payload: Item, key: str) -> Item:
    now = time.time()
    return {
        "id": f"chatcmpl-{uuid4()}",
        "started_at": now - 1,
        "ended_at": now,
        "key_hash": key,
        "model": payload["model"],
        "model_group": payload["model_group"],
        "provider": payload["custom_llm_provider"],
        "cost": payload["response_cost"],
        "prompt_tokens": payload["prompt_tokens"],
        "completion_tokens": payload["completion_tokens"],
    }


def _logged(payload: Item, key: str) -> Item:
    metadata = {**payload["metadata"], "user_api_key_hash": key}
    moved = {"id": str(uuid4()), "startTime": time.time() - 1, "endTime": time.time()}
    return {**payload, **moved, "metadata": metadata}


def line(server: Server, made: tuple[str, list[str]], form: str, size: int, calls: int) -> Line:
    """All senders take bodies from one heap until it is empty."""
    gateway, keys = made
    heap = list(batches(form, size, max(8, calls // size), keys))
    expected, length = len(heap) * size, len(heap[0]) // size

    def send(_: int) -> int:
        client, booked = Client(server, gateway), 0
        with suppress(IndexError):  # the heap is empty
            while True:
                booked += client.post("/v1/usage", heap.pop())["accepted"]
        return booked

    began = time.perf_counter()
    with ThreadPoolExecutor(4) as senders:
        booked = sum(senders.map(send, range(4)))
    if booked != expected:
        raise BenchmarkError(f"{booked} of {expected} calls were booked")
    took = time.perf_counter() - began
    return Line(form=form, batch=size, bytes=length, calls=booked / took)


def main(
    calls: Annotated[int, typer.Option(min=1_000, help="For each line.")] = 50_000,
    directory: Annotated[
        Path | None, typer.Option(help="Where data directories are made; not a memory disk.")
    ] = None,
) -> None:
    """Measure POST /v1/usage with four senders."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that child processes are ended
    shown = Table(title="calls per second over HTTP, 4 senders")
    for heading in ("form", "batch", "bytes a call", "calls/s"):
        shown.add_column(heading, justify="right")
    with ExitStack() as stack:
        place = stack.enter_context(workspace(directory))
        server = stack.enter_context(teamledger(None, place / "data", MASTER_KEY))
        made = prepare(server)
        line(server, made, "records", 100, 1_000)
        for form, size in FORMS:
            found = line(server, made, form, size, calls if form == "records" else calls // 5)
            shown.add_row(form, f"{size:,}", f"{found.bytes:,}", f"{found.calls:,.0f}")
    Console(width=None if sys.stdout.isatty() else 120).print(shown)


if __name__ == "__main__":
    typer.run(main)
