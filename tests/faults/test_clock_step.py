"""The clock of one of two processes steps by hours or days, forward and back."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.aftermath import assert_booked, assert_unharmed, ready_again
from tests.support.bystanders import looking_on
from tests.support.clock import Clock
from tests.support.load import load
from tests.support.loop import until
from tests.support.oracle import assert_projected
from tests.support.postgres import fresh_database
from tests.support.service import MASTER_KEY, ServiceProcess, Start, on_database
from tests.support.stored import count, stored_facts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]
RIGHT = timedelta()
STEPS = (timedelta(hours=3), RIGHT, timedelta(hours=-3), timedelta(days=400), RIGHT)
ALERTS = "SELECT count(*) FROM events.stored_events WHERE topic = 'budget.threshold_crossed'"
GATEWAY = "sk-gateway-of-clocks"
Pair = tuple[ServiceProcess, ServiceProcess]


@pytest.fixture
def url(postgres_server: EmbeddedServer) -> Iterator[str]:
    with fresh_database(postgres_server) as address:
        yield address


@pytest.fixture
def pair(url: str, clock: Clock, start_service: Start) -> Iterator[Pair]:
    """The first one goes by the clock of the test, the other one by the true one."""
    env = on_database(url)
    services = (start_service(env | clock.env, ready=False), start_service(env, ready=False))
    for service in services:
        service.wait_until_ready()
    yield services
    assert [service.stop() for service in services] == [0, 0]


async def test_a_clock_that_steps_disturbs_nobody(url: str, clock: Clock, pair: Pair) -> None:
    """Whoever writes, reads, decides or reports meanwhile; and the log goes on in its order."""
    bases = [service.base_url for service in pair]
    async with (
        load(*bases) as books,
        looking_on(*bases, commands=bases[1], books=books) as bystanders,
    ):
        for by in STEPS:
            await books.wait_for_more(60)
            await asyncio.to_thread(clock.step, by, pair[0])
            await ready_again(*pair)
        await books.wait_for_more(60)
    assert books.acknowledged == books.attempted.keys()
    assert_unharmed(books, url)
    assert_booked(bystanders, url, pair[0])
    times = [fact.body["at"] for fact in stored_facts(url)]
    assert times == sorted(times)
    for service in pair:
        assert '"level": "error"' not in service.log.read_text()


class Clients:
    """What the processes of a pair answer."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair

    def send(self, which: int, route: str, by: str = MASTER_KEY, **body: Any) -> Any:  # noqa: ANN401
        """The answer to a request that has to be accepted: a POST where it has a body."""
        answer = self.ask(which, route, by, **body)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()

    def ask(self, which: int, route: str, by: str = MASTER_KEY, **body: Any) -> httpx.Response:  # noqa: ANN401
        with self._pair[which].client(by) as http:
            return http.post(route, json=body) if body else http.get(route)

    def uses(self, key: str) -> list[list[int]]:
        """For each process: what a key gets for a write and for a read."""
        return [
            [
                self.ask(n, "/key/generate", key, models=[]).status_code,
                self.ask(n, "/key/info", key).status_code,
            ]
            for n in range(2)
        ]


async def test_a_key_lasts_as_long_as_the_clock_says_and_ends_for_good_when_it_is_ended(
    url: str, clock: Clock, pair: Pair
) -> None:
    """A clock that was ahead has ended nothing by being so, though it has written meanwhile."""
    clients = Clients(pair)
    ann = {"role": "user", "user_id": "ann"}
    clients.send(1, "/team/new", team_id="clocks", members_with_roles=[ann])
    for name in ("brief", "deleted"):
        own = {"team_id": "clocks", "user_id": "ann", "duration": "1h"}
        clients.send(1, "/key/generate", key=f"sk-{name}", **own)
    assert clients.uses("sk-brief") == [[200, 200], [200, 200]]
    clock.step(timedelta(hours=2), pair[0])
    assert clients.uses("sk-brief") == [[400, 400], [200, 200]]
    clients.send(0, "/key/delete", keys=["sk-deleted"])
    clients.send(0, "/team/update", team_id="clocks", team_alias="ahead")
    for by in (RIGHT, timedelta(hours=-2), RIGHT):
        clock.step(by, pair[0])
        assert clients.uses("sk-brief") == [[200, 200], [200, 200]]
        assert clients.uses("sk-deleted") == [[401, 401], [401, 401]]
    await ready_again(*pair)
    assert_projected(url)


async def test_a_window_begins_once_and_an_answer_is_remembered(
    url: str, clock: Clock, pair: Pair
) -> None:
    """Windows are computed: one that was not yet has reset nothing, and told nobody."""
    clients = Clients(pair)
    clients.send(1, "/team/new", team_id="paced", max_budget=10, budget_duration="30d")
    clients.send(1, "/key/generate", key="sk-paced", team_id="paced")
    clients.send(1, "/key/generate", key=GATEWAY, key_type="gateway", key_alias="clocks")
    clients.send(1, "/v1/usage", GATEWAY, **call("first", 9.5))
    await until(lambda: count(url, ALERTS) == 2)
    once = {"team_id": "remembered"}
    for by in (timedelta(days=40), RIGHT, timedelta(hours=-2), RIGHT):
        clock.step(by, pair[0])
        ahead = by > RIGHT
        assert spend(clients, 0) == (0.0 if ahead else 9.5)
        assert [decides(clients, n) for n in range(2)] == [ahead, False]
        assert spend(clients, 1) == 9.5
        assert remembered(pair, once) == remembered(pair[::-1], once)
    clients.send(0, "/v1/usage", GATEWAY, **call("first", 9.5))
    clients.send(0, "/v1/usage", GATEWAY, **call("last", 0.25))
    assert [spend(clients, n) for n in range(2)] == [9.75, 9.75]
    assert count(url, ALERTS) == 2
    proof = clients.send(0, "/v1/reconcile")
    assert (proof["agrees"], proof["records"]) == (True, 2)
    await ready_again(*pair)
    assert_projected(url)


def call(name: str, cost: float) -> dict[str, object]:
    started = datetime.now(UTC).isoformat()
    return {"id": name, "started_at": started, "key": "sk-paced", "model": "gpt-4o", "cost": cost}


def spend(clients: Clients, which: int) -> float:
    """What a process shows of the present window of the team."""
    shown = clients.send(which, "/team/info?team_id=paced")
    return float(shown["team_info"]["spend"])


def decides(clients: Clients, which: int) -> bool:
    asked = {"key": "sk-paced", "model": "gpt-4o", "estimated_cost": 1}
    return bool(clients.send(which, "/v1/decide", GATEWAY, **asked)["allowed"])


def remembered(services: Pair, body: dict[str, str]) -> set[tuple[int, bytes]]:
    """What is answered to the same request, however often it was sent."""
    found = set()
    for service in services:
        with service.client() as http:
            headers = {"Idempotency-Key": "once"}
            answer = http.post("/team/new", json=body, headers=headers)
            found.add((answer.status_code, answer.content))
    assert len(found) == 1
    return found
