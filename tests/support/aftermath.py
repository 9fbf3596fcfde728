"""What is true after every fault, whatever it was."""

import asyncio
import time

import httpx

from tests.support.bystanders import Bystanders
from tests.support.load import LONGEST_ANSWER, Books
from tests.support.oracle import assert_projected
from tests.support.service import ServiceProcess
from tests.support.stored import count, stored_facts

READY_AGAIN = 15.0
"""Seconds from the end of a fault until every process is ready, without anybody's help."""


async def ready_again(*services: ServiceProcess) -> None:
    """Return once all are; to be called when the fault ends."""
    ends = time.monotonic() + READY_AGAIN
    for service in services:
        await asyncio.to_thread(service.wait_until_ready, max(ends - time.monotonic(), 0))


def assert_answered(books: Books, *, killed: bool = False) -> None:
    """Everybody was answered, soon: as asked for, or 503 with when to come again.

    Connections were lost only where a service was killed.
    """
    assert books.unclear == [], books.unclear
    assert books.longest < LONGEST_ANSWER
    assert books.statuses[200] > books.statuses[404]
    assert killed or books.lost_connections == 0


def assert_unharmed(
    books: Books, url: str, read_url: str | None = None, *, killed: bool = False
) -> None:
    """Beyond that: what was acknowledged is stored once, and read models equal a fold of it."""
    assert_answered(books, killed=killed)
    books.check(stored_facts(url))
    assert_projected(url, read_url)


def assert_booked(bystanders: Bystanders, url: str, service: ServiceProcess) -> None:
    """Each call that was acknowledged counts once, and the ledger proves its sums."""
    booked = count(url, "SELECT count(*) FROM usage.seen")
    assert booked == len(bystanders.reported) > 0
    with service.client() as http:
        proof = http.get("/v1/reconcile", timeout=60)
    assert proof.status_code == httpx.codes.OK, proof.text
    assert (proof.json()["agrees"], proof.json()["records"]) == (True, booked)
