"""The log stream by stream: parts of whole streams, and of one stream where it is a long one."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncCursor
from psycopg.sql import SQL, Composed, Literal

from events.envelope import Envelope
from services.projection.feed.store import PAGE_BYTES, decode_row
from services.projection.filling.job import Job
from services.projection.filling.spans import Span

_LAST_VERSION = (1 << 63) - 1
_PAGE = """
SELECT originator_id, originator_version, notification_id, topic, state FROM (
    SELECT *, sum(octet_length(state)) OVER (
        ORDER BY originator_id, originator_version ROWS UNBOUNDED PRECEDING
    ) - octet_length(state) AS bytes_before
    FROM {log}
    WHERE (originator_id, originator_version) > (%s, %s) {upper}
        AND notification_id <= %s AND topic = ANY (%s)
    ORDER BY originator_id, originator_version LIMIT {limit}
) page WHERE bytes_before < {bytes} ORDER BY originator_id, originator_version
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Facts of whole streams, the last of which is `last`; or of that one alone, if it is long.

    Then `ends` is false but for its last part. The facts of a command to a stream are never parted.
    """

    facts: Sequence[Envelope]
    last: str
    ends: bool = True


async def parts(
    cursor: AsyncCursor[Any], job: Job, span: Span, topics: Sequence[str]
) -> AsyncGenerator[Part, None]:
    """What is left of a span, in order; facts of other topics are left out.

    Raises FactFailed for a fact that cannot be read.
    """
    cutter = Cutter(job.page)
    query = _query(job, span)
    upper = () if span.upper is None else (span.upper,)
    at = (span.after or "", _LAST_VERSION if span.after else 0)
    while True:
        await cursor.execute(query, (*at, *upper, job.upto, topics))
        rows = await cursor.fetchall()
        if not rows:
            break
        at = rows[-1][:2]
        facts = [decode_row(row) for row in rows]
        for part in cutter.cut(facts, sum(len(row[4]) for row in rows)):
            yield part
    for part in cutter.rest():
        yield part


class Cutter:
    """Cuts pages into parts. What may go on in the next page is held back, up to `page` facts."""

    def __init__(self, page: int) -> None:
        self._page = page
        self._kept: list[Envelope] = []
        self._bytes = 0
        self._long: str | None = None

    def cut(self, facts: Sequence[Envelope], size: int) -> Iterator[Part]:
        """The parts that are complete with this page, of so many bytes."""
        self._kept += facts
        self._bytes += size
        if self._long is not None and self._kept[-1].originator_id != self._long:
            yield Part(self._taken(self._long), self._long)
            self._long, self._bytes = None, size
        last = self._kept[-1].originator_id
        if self._kept[0].originator_id != last:
            whole = self._taken_before(last)
            yield Part(whole, whole[-1].originator_id)
            self._bytes = size
        if len(self._kept) >= self._page or self._bytes >= PAGE_BYTES:
            yield from self._some_of(last)

    def rest(self) -> Iterator[Part]:
        """What was held back, now that nothing follows."""
        if self._long is not None or self._kept:
            yield Part(self._kept, self._long or self._kept[-1].originator_id)

    def _some_of(self, stream: str) -> Iterator[Part]:
        """All but the facts of the last command: there may be more of it."""
        command = self._kept[-1].meta.command_id
        end = len(self._kept)
        while end and self._kept[end - 1].meta.command_id == command:
            end -= 1
        if end:
            yield Part(self._kept[:end], stream, ends=False)
            self._kept = self._kept[end:]
            self._long, self._bytes = stream, 0

    def _taken(self, stream: str) -> list[Envelope]:
        end = next(n for n, at in enumerate(self._kept) if at.originator_id != stream)
        taken, self._kept = self._kept[:end], self._kept[end:]
        return taken

    def _taken_before(self, stream: str) -> list[Envelope]:
        end = next(n for n, at in enumerate(self._kept) if at.originator_id == stream)
        taken, self._kept = self._kept[:end], self._kept[end:]
        return taken


def _query(job: Job, span: Span) -> Composed:
    return SQL(_PAGE).format(
        log=job.log.name,
        upper=SQL("" if span.upper is None else "AND originator_id <= %s"),
        limit=Literal(job.page),
        bytes=Literal(PAGE_BYTES),
    )
