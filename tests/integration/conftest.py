"""What most integration tests begin with: a database with the schemas of log and ledger."""

from collections.abc import AsyncIterator

import pytest

from tests.support.eventlog import create_store
from tests.support.usage import Books, opened_books


@pytest.fixture
def url(database_url: str) -> str:
    """Its address; the schemas are empty."""
    create_store(database_url)
    return database_url


@pytest.fixture
async def books(url: str) -> AsyncIterator[Books]:
    """Its ledger, to book calls in."""
    async with opened_books(url) as opened:
        yield opened
