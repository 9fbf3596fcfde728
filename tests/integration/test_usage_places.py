"""Where reading a topic goes on moves with what is booked, from where the reading began, or not."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from events.usage import UsageRecorded
from services.broker.message import Extent
from services.command.application.booking import Booking
from services.command.application.ledger_page import Entry
from services.command.application.ledger_store import LedgerStore
from services.command.application.usage_places import Kept, PlaceLost, Places, Reading
from services.database.connections import Pool, open_pool, service_conninfo
from tests.support.eventlog import create_store
from tests.support.usage import GATEWAY, NOON, call, member_of, rows

TOPIC, FIRST, AGAIN = "usage", UUID(int=1), UUID(int=2)
PARTITIONS = 2
NOW = NOON + timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Reader:
    """What a consumer process has of the database."""

    pool: Pool
    booking: Booking
    places: Places

    async def begin(
        self, topic_id: UUID = FIRST, end: int = 100, before: Mapping[int, Kept] | None = None
    ) -> dict[int, int]:
        bounds = range(PARTITIONS)
        return await self.places.begin(
            Extent(topic_id, dict.fromkeys(bounds, 0), dict.fromkeys(bounds, end)),
            await self.places.kept() if before is None else before,
        )

    async def book(
        self, calls: list[UsageRecorded], before: int, *, letters: int = 0, topic_id: UUID = FIRST
    ) -> None:
        """All of them are of partition 0, and follow one another."""
        after = {0: before + len(calls) + letters}
        entries = [Entry(GATEWAY, each, member_of("core", "ann")) for each in calls]
        prepared = await self.booking.prepare(entries)
        reading = Reading(TOPIC, topic_id, {0: before, 1: 0}, after, letters)
        await self.booking.book_read(prepared, reading)


@pytest.fixture
async def reader(database_url: str) -> AsyncIterator[Reader]:
    create_store(database_url)
    pool = await open_pool(service_conninfo(database_url), 1, 4, "places")
    booking = Booking(LedgerStore(pool), clock=lambda: NOW)
    yield Reader(pool, booking, Places(pool, TOPIC))
    await pool.close()


def calls(first: int, last: int) -> list[UsageRecorded]:
    return [call(number) for number in range(first, last)]


def booked(url: str) -> int:
    return int(rows(url, "SELECT count(*) FROM usage.records")[0][0])


async def test_a_place_moves_with_what_is_booked(reader: Reader, database_url: str) -> None:
    assert await reader.begin() == {0: 0, 1: 0}
    await reader.book(calls(0, 10), 0)
    assert await reader.begin() == {0: 10, 1: 0}
    assert booked(database_url) == 10


async def test_whoever_began_elsewhere_books_nothing(reader: Reader, database_url: str) -> None:
    """As a consumer that was frozen while its partitions were another's."""
    await reader.begin()
    await reader.book(calls(0, 10), 0)
    late = call(99, at=NOON - timedelta(days=40))
    with pytest.raises(PlaceLost):
        await reader.book([*calls(5, 15), late], 5)
    with pytest.raises(PlaceLost):
        await reader.book(calls(10, 15), 10, topic_id=AGAIN)
    assert await reader.begin() == {0: 10, 1: 0}
    assert booked(database_url) == 10
    assert rows(database_url, "SELECT count(*) FROM usage.quarantine") == [(0,)]


async def test_of_many_who_began_at_one_place_one_books(reader: Reader, database_url: str) -> None:
    await reader.begin()
    attempts = [reader.book(calls(10 * n, 10 * n + 10), 0) for n in range(5)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert [type(each) for each in outcomes if each is not None] == [PlaceLost] * 4
    assert await reader.begin() == {0: 10, 1: 0}
    assert booked(database_url) == 10


async def test_a_topic_made_again_is_begun_again(reader: Reader) -> None:
    await reader.begin()
    await reader.book(calls(0, 10), 0)
    assert await reader.begin(AGAIN) == {0: 0, 1: 0}
    await reader.book(calls(20, 23), 0, topic_id=AGAIN)
    assert await reader.begin(AGAIN) == {0: 3, 1: 0}
    assert await reader.begin(AGAIN, end=2) == {0: 0, 1: 0}


@pytest.mark.parametrize(("topic_id", "end"), [(FIRST, 5), (AGAIN, 100)], ids=["end", "topic"])
async def test_an_extent_that_is_out_of_date_moves_no_place_back(
    reader: Reader, topic_id: UUID, end: int
) -> None:
    """As that of a consumer that was frozen when he had it, while another one read on."""
    await reader.begin()
    before = await reader.places.kept()
    await reader.book(calls(0, 10), 0)
    with pytest.raises(PlaceLost):
        await reader.begin(topic_id, end, before)
    assert await reader.begin() == {0: 10, 1: 0}


async def test_dead_letters_count_for_an_hour(reader: Reader, database_url: str) -> None:
    await reader.begin()
    await reader.book([], 0, letters=3)
    await reader.book([], 3, letters=4)
    assert await reader.places.letters_before(NOW) == 7
    assert await reader.places.letters_before(NOW + timedelta(minutes=61)) == 0
    assert rows(database_url, "SELECT sum(letters) FROM usage.dead_letters") == [(7,)]


async def test_dead_letters_of_a_clock_that_was_ahead_blow_no_fuse(reader: Reader) -> None:
    await reader.begin()
    await reader.book([], 0, letters=3)
    assert await reader.places.letters_before(NOW - timedelta(minutes=1)) == 3
    assert await reader.places.letters_before(NOW - timedelta(minutes=10)) == 0
