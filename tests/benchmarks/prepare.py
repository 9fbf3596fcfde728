"""What has to be there before anything is measured: an administrator's key, and teams."""

import time
from types import TracebackType
from typing import Any, Self

import httpx
from rich.progress import track

from tests.benchmarks.messages import HOST, Job, Kind, Target
from tests.benchmarks.processes import BenchmarkError, Generator
from tests.benchmarks.workloads import UPDATED_TEAMS

ADMIN = "bench-admin"
SETTLE_LIMIT = 120.0
_SEED_CHUNK = 5_000
_SLOWEST_SEEDING = 20  # teams per second


class Api:
    """Single calls to the service under one key; every answer but 2xx raises BenchmarkError."""

    def __init__(self, port: int, key: str) -> None:
        self._client = httpx.Client(
            base_url=f"http://{HOST}:{port}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def post(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        """The answer, a JSON object."""
        return _object(self._send("POST", path, body=body))

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The answer, a JSON object."""
        return _object(self._send("GET", path, query))

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: dict[str, object] | None = None,
    ) -> httpx.Response:
        try:
            return self._client.request(method, path, params=query, json=body)
        except httpx.HTTPError as error:
            raise BenchmarkError(f"{method} {path}: {error}") from error

    def settle(self) -> float:
        """Seconds until a read, which must see every write before it, is answered with 200.

        A read that cannot be answered in time is a 503 (architecture, section 7) and is asked
        again; any other answer, or none within SETTLE_LIMIT seconds, raises BenchmarkError.
        """
        began = time.monotonic()
        while True:
            response = self._send("GET", "/v2/team/list", {"page_size": "1"})
            seconds = time.monotonic() - began
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE or seconds > SETTLE_LIMIT:
                _object(response)
                return seconds


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json() if response.is_success else None
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        asked = f"{response.request.method} {response.request.url.path}"
        raise BenchmarkError(f"{asked}: {response.status_code} {response.text[:500]}")
    return answer


def admin_key(port: int, master_key: str) -> str:
    """A virtual key of a new user with role `proxy_admin` (supporting-api.md 2.2, 3.1)."""
    with Api(port, master_key) as api:
        user: dict[str, object] = {"user_id": ADMIN, "user_role": "proxy_admin"}
        api.post("/user/new", user | {"auto_create_key": False})
        key = api.post("/key/generate", {"user_id": ADMIN}).get("key")
    if not isinstance(key, str) or not key.startswith("sk-"):
        raise BenchmarkError("/key/generate gave no key")
    return key


def pool_size(scale: int) -> int:
    """How many teams are made first: `scale`, but at least those that get updated."""
    return max(scale, UPDATED_TEAMS)


def seed_teams(generator: Generator, target: Target, connections: int) -> float:
    """Make the teams of the pool by concurrent `/team/new` calls; returns teams per second.

    Raises BenchmarkError unless every single one was made.
    """
    began = time.monotonic()
    for first in track(range(0, target.pool, _SEED_CHUNK), f"making {target.pool} teams"):
        count = min(_SEED_CHUNK, target.pool - first)
        job = Job(
            kind=Kind.SEED,
            target=target,
            connections=connections,
            warmup=0,
            seconds=count / _SLOWEST_SEEDING + 10,
            first=first,
            limit=count,
        )
        lane = generator.run(job).lanes[Kind.SEED]
        if lane.answered != count:
            raise BenchmarkError(f"made {lane.answered} of {count} teams: {lane.first_error}")
    return target.pool / (time.monotonic() - began)
