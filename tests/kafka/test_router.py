"""Two processes of either side over Kafka, behind nginx as deploy/router configures it."""

import asyncio
import base64
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from events.values import Sealed
from services.database.connections import entered_pool, service_conninfo
from services.database.embedded import EmbeddedServer
from services.database.vault import Vault
from services.projection.api.dependencies import unavailable
from services.settings import Settings
from tests.spec.test_router import SIDES, example
from tests.support.broker import Broker
from tests.support.load import LONGEST_ANSWER, load
from tests.support.oracle import assert_projected
from tests.support.routed import Routed, routed
from tests.support.service import MASTER_KEY, ROOT_KEY, Start
from tests.support.stored import stored_facts

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]
OPENAPI = Path(__file__).parents[2] / "docs/openapi.json"
BODY_BYTES = Settings.model_fields["max_body_bytes"].default
ODD_IDS = ("a%2Fb", "a//b", "%2E%2E", "%C3%A9 %25", "v1/decide")
PUBLIC = {"/health/liveliness", "/health/liveness", "/health/readiness", "/openapi.json"}
KEPT_INSIDE = {"/metrics"}
READY_AGAIN = 15.0
CLIENTS, READERS = 4, 2
CUT_OFF = "cut off"
IDENTITY = "a-name-of-mine"


@pytest.fixture(scope="module")
def behind(
    postgres_server: EmbeddedServer, kafka: Broker, start_service: Start
) -> Iterator[Routed]:
    with routed(postgres_server, kafka, "test.router.events", start_service) as made:
        yield made


@pytest.fixture
def client(behind: Routed) -> Iterator[httpx.Client]:
    with behind.router.client() as made:
        yield made


def test_what_was_written_is_in_the_next_read(client: httpx.Client) -> None:
    for number in range(20):
        team = {"team_id": f"seen {number}", "team_alias": "a"}
        assert client.post("/team/new", json=team).status_code == 200
        told = client.get("/team/info", params={"team_id": team["team_id"]})
        assert told.json()["team_info"]["team_alias"] == "a"


def test_every_route_reaches_the_side_that_has_it(behind: Routed) -> None:
    """Whoever has the route asks who is there first; whoever has not knows no such route."""
    described = json.loads(OPENAPI.read_text())["paths"]
    asked = {
        (method.upper(), example(path, "x"))
        for path, operations in described.items()
        for method in operations
        if path not in PUBLIC | KEPT_INSIDE
    }
    assert len(asked) > 100
    of_any_id = [(method, path) for _, method, path in SIDES if ":path}" in path]
    asked |= {(method, example(path, odd)) for method, path in of_any_id for odd in ODD_IDS}
    with behind.router.client(key=None) as nobody:
        answers = {route: nobody.request(*route, json={}).status_code for route in asked}
    assert {route: status for route, status in answers.items() if status not in {401, 422}} == {}


def test_the_public_ones_are_answered_as_well(behind: Routed) -> None:
    with behind.router.client(key=None) as nobody:
        assert {nobody.get(path).status_code for path in PUBLIC} == {200}
        told = [nobody.get(path).json() for path in KEPT_INSIDE]
        assert told == [{"detail": "Not Found"}]


def test_an_exchange_keeps_its_name(client: httpx.Client) -> None:
    """Also where the router answers itself, and a name that is no plain token gets another."""
    for path in ("/team/list", "/metrics"):
        told = client.get(path, headers={"x-request-id": IDENTITY}).headers["x-request-id"]
        assert told == IDENTITY
        told = client.get(path, headers={"x-request-id": "no token"}).headers["x-request-id"]
        assert len(told) == 32
    trace = "0af7651916cd43dd8448eb211c80319c"
    for path in ("/team/list", "/metrics"):
        header = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        assert client.get(path, headers=header).headers["x-request-id"] == trace


async def test_processes_see_the_address_of_the_client(behind: Routed) -> None:
    """The one it has, not the ones it claims."""
    claimed = {"x-forwarded-for": "203.0.113.7", "forwarded": "for=203.0.113.7"}
    from_there = httpx.AsyncHTTPTransport(local_address="127.0.0.9")
    headers = {**claimed, "authorization": f"Bearer {MASTER_KEY}"}
    async with httpx.AsyncClient(transport=from_there, headers=headers) as client:
        team = {"team_id": "from where", "team_alias": "a"}
        told = await client.post(f"{behind.router.base_url}/team/new", json=team)
    assert told.status_code == 200
    facts = [fact for fact in stored_facts(behind.url) if fact.stream == "team-from where"]
    assert await opened(behind.url, Sealed(**facts[0].body["meta"]["client"])) == "127.0.0.9"


async def opened(url: str, sealed: Sealed) -> str | None:
    async with AsyncExitStack() as stack:
        pool = await entered_pool(stack, service_conninfo(url), "test", 1, 2)
        vault = Vault(pool, base64.b64decode(ROOT_KEY))
        await vault.open()
        return (await vault.open_all([sealed]))[sealed]


@pytest.mark.parametrize("path", ["/team/new", "/v1/teams/x/restore", "/v1/models"])
def test_a_body_that_is_too_large_is_refused_as_a_process_does(
    behind: Routed, client: httpx.Client, path: str
) -> None:
    """At one byte more than may be; what may be reaches the process."""
    method = "GET" if path == "/v1/models" else "POST"
    largest = b" " * (BODY_BYTES - 2) + b"{}"
    told = client.request(method, path, content=b" " + largest)
    with behind.commands[0].client() as direct:
        own = direct.post(path, content=b" " + largest)
    assert told.status_code == 413
    if method == "POST":
        assert (told.json(), told.headers["content-type"]) == (
            own.json(),
            own.headers["content-type"],
        )
    assert client.request(method, path, content=largest).status_code != 413


def test_usage_may_be_larger(client: httpx.Client) -> None:
    assert client.post("/v1/usage", content=b" " * (BODY_BYTES + 1)).status_code == 403
    told = client.post("/v1/usage", content=b" " * (16 * BODY_BYTES + 1))
    assert (told.status_code, told.json()["title"]) == (413, "Content Too Large")


def test_events_are_streamed_as_they_happen(client: httpx.Client) -> None:
    accept = {"accept": "text/event-stream"}
    with client.stream("GET", "/v1/events", headers=accept) as stream:
        lines = stream.iter_lines()
        next(line for line in lines if line.startswith("event: position"))
        for number in range(3):
            team = {"team_id": f"streamed {number}", "team_alias": "a"}
            assert client.post("/team/new", json=team).status_code == 200
            told = next(line for line in lines if "team.created" in line and "data:" in line)
            assert team["team_id"] in told


@pytest.mark.faults
async def test_a_process_is_killed_and_the_others_go_on(behind: Routed) -> None:
    """Either side, one at a time: what is acknowledged is there once, and no read fails.

    What is left may lag for a second where there are few cores, and says so itself. An answer that
    was on its way when its process was killed is cut off: at most one to each client.
    """
    seen: Counter[str] = Counter()
    sides = ((behind.commands, behind.command), (behind.projections, behind.projection))
    base = behind.router.base_url
    async with load(base, clients=CLIENTS, name="killed") as books, readers(base, seen):
        for services, start in sides:
            await books.wait_for_more(40)
            services[0].kill()
            await books.wait_for_more(40)
            services[0] = start(services[0].port)
            await asyncio.to_thread(services[0].wait_until_ready)
    assert books.unclear == []
    assert books.lost_connections <= CLIENTS * len(sides)
    assert seen.keys() <= {"200", unavailable().text, CUT_OFF}
    assert seen[CUT_OFF] <= READERS * len(sides)
    assert seen["200"] > seen[unavailable().text]
    await asyncio.to_thread(behind.projections[1].wait_until_ready)
    assert_projected(behind.url, behind.read_url)


@asynccontextmanager
async def readers(base_url: str, seen: Counter[str]) -> AsyncIterator[None]:
    """Some read all the while; how often they were answered 200, or refused with which text."""
    over = asyncio.Event()

    async def read() -> None:
        headers = {"Authorization": f"Bearer {MASTER_KEY}"}
        async with httpx.AsyncClient(base_url=base_url, headers=headers) as http:
            while not over.is_set():
                try:
                    told = await http.get("/v2/team/list", params={"page_size": 5})
                except httpx.TransportError:
                    seen[CUT_OFF] += 1
                    continue
                well = told.status_code == 200
                seen["200" if well else told.json()["error"]["message"]] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(READERS):
            group.create_task(read())
        try:
            yield
        finally:
            over.set()


@pytest.mark.faults
def test_a_side_that_is_gone_does_not_take_the_other_along(behind: Routed) -> None:
    with behind.router.client() as client:
        for service in behind.commands:
            service.kill()
        told = client.post("/team/new", json={"team_id": "while away", "team_alias": "a"})
        assert (told.status_code, told.headers["retry-after"]) == (503, "1")
        assert "not executed" in told.text
        assert client.get("/team/list").status_code == 200
        behind.commands = [behind.command(service.port) for service in behind.commands]
        for service in behind.commands:
            service.wait_until_ready()
        for service in behind.projections:
            service.kill()
        assert client.get("/team/list").status_code == 503
        assert answered(client, "while away").status_code == 200
        behind.projections = [behind.projection(s.port) for s in behind.projections]
        for service in behind.projections:
            service.wait_until_ready()
        assert client.get("/team/info", params={"team_id": "while away"}).status_code == 200


def answered(client: httpx.Client, team_id: str) -> httpx.Response:
    """The first answer to its creation that is no 503: whoever failed is left out a while."""
    deadline = time.monotonic() + READY_AGAIN
    while True:
        told = client.post("/team/new", json={"team_id": team_id, "team_alias": "a"})
        if told.status_code != 503 or time.monotonic() > deadline:
            return told
        time.sleep(0.1)


@pytest.mark.faults
def test_a_process_that_stands_still_holds_nobody_up_for_long(behind: Routed) -> None:
    """Whoever it had is told that nobody knows; after three of them it is left out."""
    behind.commands[0].process.send_signal(signal.SIGSTOP)
    try:
        with behind.router.client() as client, ThreadPoolExecutor(8) as at_once:
            told = list(at_once.map(lambda n: timed(client, f"still {n}"), range(8)))
    finally:
        behind.commands[0].process.send_signal(signal.SIGCONT)
    assert max(seconds for _, seconds in told) < LONGEST_ANSWER
    assert {answer.status_code for answer, _ in told} == {200, 503}
    refused = [answer.text for answer, _ in told if answer.status_code == 503]
    assert all("outcome: unknown" in text for text in refused)


def timed(client: httpx.Client, team_id: str) -> tuple[httpx.Response, float]:
    begun = time.monotonic()
    told = client.post("/team/new", json={"team_id": team_id, "team_alias": "a"})
    return told, time.monotonic() - begun
