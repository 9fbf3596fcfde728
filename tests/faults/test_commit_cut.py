"""Connections to the database are cut at the very commit, of real services under load.

Each finds out for itself whether it was carried out: nobody who asked is told of it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import product

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.aftermath import assert_unharmed, ready_again
from tests.support.load import Books, load
from tests.support.pair import bearer
from tests.support.postgres import fresh_database
from tests.support.proxy import Moment, Proxy, proxied
from tests.support.service import MASTER_KEY, ServiceProcess, Start, on_database
from tests.support.stored import created

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]
MOMENTS: tuple[Moment, ...] = ("before", "half", "after", "answered")
APPEND = "team.created"
"""Stands in appends alone: in those of one statement, and in those before a COMMIT."""


@pytest.fixture
async def through(
    postgres_server: EmbeddedServer, start_service: Start
) -> AsyncIterator[tuple[str, list[Proxy], list[ServiceProcess]]]:
    """Two services on one database, each behind a proxy of its own."""
    async with AsyncExitStack() as stack:
        url = stack.enter_context(fresh_database(postgres_server))
        opened = [await stack.enter_async_context(proxied(url)) for _ in range(2)]
        services = [
            await asyncio.to_thread(start_service, on_database(address)) for _, address in opened
        ]
        yield url, [proxy for proxy, _ in opened], services
        for service in services:
            assert await asyncio.to_thread(service.stop) == 0


async def test_a_commit_that_is_cut_off_is_carried_out_once(
    through: tuple[str, list[Proxy], list[ServiceProcess]],
) -> None:
    """Whether it was one statement or, as two processes contend, a transaction."""
    url, proxies, services = through
    async with load(*(service.base_url for service in services)) as books:
        for moment, proxy in product(MOMENTS, proxies):
            await cut_off(proxy, APPEND, moment, books)
            await cut_off(proxy, "COMMIT", moment, books, after=APPEND)
        await ready_again(*services)
    assert books.acknowledged == books.attempted.keys()
    assert_unharmed(books, url)


async def cut_off(
    proxy: Proxy, marker: str, moment: Moment, books: Books, *, after: str = ""
) -> None:
    """Return once it has happened and clients were answered since."""
    cut = proxy.cut(marker, moment, after=after)
    async with asyncio.timeout(30):
        await cut.happened.wait()
        await books.wait_for_more(10)


async def test_whoever_asks_again_after_it_gets_the_answer_of_the_first_time(
    through: tuple[str, list[Proxy], list[ServiceProcess]],
) -> None:
    """By his idempotency key, in either process."""
    url, proxies, services = through
    for moment in MOMENTS:
        cut = proxies[0].cut(APPEND, moment)
        first = await asyncio.to_thread(new_team, services[0], moment)
        assert cut.happened.is_set()
        assert first[0] == 200
        again = {await asyncio.to_thread(new_team, service, moment) for service in services}
        assert again == {first}
    assert [created(url, moment) for moment in MOMENTS] == [1] * len(MOMENTS)


def new_team(service: ServiceProcess, team_id: str) -> tuple[int, bytes]:
    """What is answered to whoever wants that team, by a key that goes with it."""
    headers = {**bearer(MASTER_KEY), "Idempotency-Key": team_id}
    with service.client() as http:
        answer = http.post("/team/new", json={"team_id": team_id}, headers=headers)
    return answer.status_code, answer.content
