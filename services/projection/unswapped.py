"""What a rebuild has left that was not swapped in: nobody who is forgotten stays there."""

import logging
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncCursor, ProgrammingError
from psycopg.errors import LockNotAvailable
from psycopg.sql import SQL, Identifier

from services.projection.projectors.users import TABLE
from services.projection.shadow import SHADOWS

_PLACE = Identifier(*SHADOWS.named(TABLE.name))
_THERE = "SELECT to_regclass(%s) IS NOT NULL"
_PATIENCE = "SET LOCAL lock_timeout = '200ms'"
_ERASE = SQL(
    "UPDATE {} SET email = NULL, email_lower = NULL, user_alias = NULL WHERE user_id = ANY (%s)"
).format(_PLACE)

log = logging.getLogger(__name__)


async def erase(cursor: AsyncCursor[Any], user_ids: Sequence[str]) -> None:
    """Erase what is told in the clear of these users, as the last step of a transaction.

    A rebuild that keeps the table to itself just now is not waited for: it comes to the facts that
    forget them by itself. Nor does a table of another release, or one that is swapped in meanwhile,
    stop anything.
    """
    await cursor.execute(_THERE, (_PLACE.as_string(),))
    if await cursor.fetchone() != (True,):
        return
    try:
        async with cursor.connection.transaction():
            await cursor.execute(_PATIENCE)
            await cursor.execute(_ERASE, (list(user_ids),))
    except (LockNotAvailable, ProgrammingError) as error:
        log.warning("a rebuild is left to forget %d users: %s", len(user_ids), type(error).__name__)
