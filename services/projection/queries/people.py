"""Addresses of users as they are now, by id, with when each of them came to exist."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from services.database.connections import Pool
from services.projection.queries.reading import fetch

_STATEMENT = b"""
SELECT user_id, email, created_at FROM read.users_1
WHERE user_id = ANY (%(ids)s) AND deleted_at IS NULL AND email IS NOT NULL
"""


class Address(NamedTuple):
    """An address, and since when there is the user who has it."""

    email: str
    since: datetime


async def addresses(pool: Pool, ids: Collection[str]) -> Mapping[str, Address]:
    """Of those who are users now and have an address."""
    if not ids:
        return {}
    rows = await fetch(pool, _STATEMENT, {"ids": list(ids)})
    return {user_id: Address(email, since) for user_id, email, since in rows}
