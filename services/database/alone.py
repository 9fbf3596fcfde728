"""To be the only one at something, whatever process the others are in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg


@asynccontextmanager
async def alone(connection: psycopg.AsyncConnection[Any], number: int) -> AsyncIterator[bool]:
    """Whether the session of this connection has the lock of that number until the end.

    The connection is in autocommit; one that is lost holds no lock.
    """
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (number,))
    if await cursor.fetchone() != (True,):
        yield False
        return
    try:
        yield True
    finally:
        with suppress(psycopg.Error):
            await connection.execute("SELECT pg_advisory_unlock(%s)", (number,))
