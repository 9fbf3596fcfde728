"""An event store in memory: what `EventStore` promises, for tests that decide whole batches.

What it gives back was stored as bytes. Links are worked out from all facts each time they are
asked for, so they owe nothing to the code that follows them.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from events.envelope import Envelope, decode
from events.user import UserForgotten
from services.command.application.appending import Batch, StoredAnswer
from services.command.application.cache import LinkKey, Mark
from services.command.application.store import EventStore, LogHead, Outcome
from services.command.application.view import Row
from services.command.domain.dependents import Link, links


class MemoryLog(EventStore):
    """Positions are gapless; an append at another head than the expected one writes nothing."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.people: dict[str, bytes] = {}
        self._answers: dict[tuple[bytes, str], StoredAnswer] = {}

    async def head(self) -> int:
        return len(self.envelopes)

    async def epoch(self) -> UUID:
        return UUID(int=0)

    async def newest(self) -> Envelope | None:
        return self.envelopes[-1] if self.envelopes else None

    async def forgotten_at(self) -> int:
        forgotten = (at.position for at in self.envelopes if isinstance(at.event, UserForgotten))
        return max(forgotten, default=0)

    async def stands_at(self, mark: Mark) -> bool:
        return mark == self._mark()

    def _mark(self) -> Mark:
        event_id = self.envelopes[-1].event_id if self.envelopes else None
        return Mark(UUID(int=0), len(self.envelopes), event_id)

    async def news(self, after: int, limit: int) -> list[Envelope]:
        return self.envelopes[after : after + limit]

    async def load(self, streams: Sequence[str]) -> list[Envelope]:
        wanted = set(streams)
        return [at for at in self.envelopes if at.originator_id in wanted]

    async def facts(self, stream: str, after: int, limit: int) -> list[Envelope]:
        found = [at for at in self.envelopes if at.originator_id == stream]
        return found[after : after + limit]

    async def load_links(self, keys: Sequence[LinkKey]) -> list[tuple[str, str, str, int]]:
        found = linked(self.envelopes)
        return [
            (parent, kind, child, since)
            for (parent, kind, child), since in found.items()
            if (parent, kind) in set(keys)
        ]

    async def answers(self, keys: Sequence[tuple[bytes, str]]) -> list[StoredAnswer]:
        return [self._answers[key] for key in keys if key in self._answers]

    async def append(self, batch: Batch) -> tuple[Outcome, int]:
        if len(self.envelopes) != batch.expected_head or batch.after not in (None, self._mark()):
            return "moved", len(self.envelopes)
        if any((a.caller, a.key) in self._answers for a in batch.answers):
            return "repeated", len(self.envelopes)
        self.envelopes += map(_stored, batch.rows)
        self._answers.update({(a.caller, a.key): a for a in batch.answers})
        self.people.update(batch.people)
        return "appended", len(self.envelopes)

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[LogHead]:
        yield LogHead(len(self.envelopes), UUID(int=0))


def _stored(row: Row) -> Envelope:
    at = row.envelope
    return decode(at.originator_id, at.originator_version, at.position, row.topic, row.state)


def linked(envelopes: Iterable[Envelope]) -> dict[tuple[str, str, str], int]:
    """All links that a history leaves: (parent, kind, child) with the position that made it."""
    return apply_links({}, [link for at in envelopes for link in links(at)])


def apply_links(
    before: dict[tuple[str, str, str], int], changes: Iterable[Link]
) -> dict[tuple[str, str, str], int]:
    """One change after the other."""
    result = dict(before)
    for link in changes:
        place = (link.parent, link.kind, link.child)
        if link.action == "add":
            result[place] = link.since
        elif link.action == "remove":
            result.pop(place, None)
        else:
            result = {at: since for at, since in result.items() if at[2] != link.child}
    return result
