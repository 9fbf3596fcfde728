"""What most integration tests begin with: a database with the schemas of log and ledger."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from tests.support.eventlog import create_read, create_store, owner
from tests.support.usage import Books, opened_books


@pytest.fixture
def url(database_url: str) -> str:
    """Its address; the schemas are empty."""
    create_store(database_url)
    return database_url


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """As the owner, on empty schemas `events` and `read`."""
    create_store(database_url)
    create_read(database_url)
    with owner(database_url) as conn:
        yield conn


@pytest.fixture
async def books(url: str) -> AsyncIterator[Books]:
    """Its ledger, to book calls in."""
    async with opened_books(url) as opened:
        yield opened
