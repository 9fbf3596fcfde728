"""What waits in quarantine, read from the ledger's own tables, the longest waiting first."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.database.connections import Pool
from services.edge.shapes.usage import QuarantinedView
from services.projection.queries.reading import fetch

_STATEMENT = b"""
SELECT encode(id, 'hex'), source, request_id, reason, received_at, payload
FROM usage.quarantine
WHERE (received_at, id) > (%(received_at)s, decode(%(id)s, 'hex'))
ORDER BY received_at, id LIMIT %(limit)s
"""
_PLACE = re.compile(r"([0-9]{1,17})-([0-9a-f]{32})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: the last record that it shows."""

    received_at: datetime = _EPOCH
    id: str = ""

    @classmethod
    def parse(cls, text: str) -> "Place":
        """The inverse of `str`; raises ValueError."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError("is not where a page ended")
        return cls(_EPOCH + int(found[1]) * _MICROSECOND, found[2])

    def __str__(self) -> str:
        return f"{(self.received_at - _EPOCH) // _MICROSECOND}-{self.id}"


async def quarantine_page(
    pool: Pool, after: Place, size: int
) -> tuple[list[QuarantinedView], Place | None]:
    """The next `size` records, and where to go on; None where there are no more."""
    given = {"received_at": after.received_at, "id": after.id, "limit": size + 1}
    found = [QuarantinedView(*row) for row in await fetch(pool, _STATEMENT, given)]
    page = found[:size]
    return page, Place(page[-1].received_at, page[-1].id) if len(found) > size else None
