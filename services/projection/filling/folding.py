"""Folding streams apart: what a part of the log comes to, facts of other streams included."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from psycopg import AsyncCursor
from psycopg.sql import SQL

from events.envelope import Envelope
from services.projection.feed.store import decode_row
from services.projection.filling.job import Log
from services.projection.filling.parts import Part
from services.projection.projector import Projector
from services.projection.rows import Settled

Reaching = Mapping[str, Mapping[str, Sequence[Envelope]]]
"""For each table the facts that change rows of other streams, by their own stream."""


def topics_of(projectors: Sequence[Projector]) -> list[str]:
    """The topics that do anything to the tables."""
    return sorted({fact.type_name for projector in projectors for fact in projector.facts})


async def reaching(
    cursor: AsyncCursor[Any], log: Log, upto: int, projectors: Sequence[Projector]
) -> Reaching:
    """Read them, by a binary cursor; raises FactFailed for one that cannot be read."""
    kinds = {reach.fact for projector in projectors for reach in projector.reach}
    query = """
        SELECT originator_id, originator_version, notification_id, topic, state FROM {log}
        WHERE topic = ANY (%s) AND notification_id <= %s
    """
    topics = [kind.type_name for kind in kinds]
    await cursor.execute(SQL(query).format(log=log.name), (topics, upto))
    facts = [decode_row(row) for row in await cursor.fetchall()]
    return reaching_of(facts, projectors)


def reaching_of(facts: Sequence[Envelope], projectors: Sequence[Projector]) -> Reaching:
    """The same of facts that are at hand."""
    return {each.table.name: _by_stream(each, facts) for each in projectors}


def _by_stream(projector: Projector, facts: Sequence[Envelope]) -> Mapping[str, Sequence[Envelope]]:
    found: dict[str, list[Envelope]] = defaultdict(list)
    kinds = tuple(reach.fact for reach in projector.reach)
    for at in facts:
        if isinstance(at.event, kinds):
            found[at.originator_id].append(at)
    return found


class Folder:
    """Folds parts one after the other; `rows` are what they have come to, by table.

    Whoever has saved rows takes them out. After a part that ends, the next one is about others.
    """

    def __init__(self, projectors: Sequence[Projector], reaching: Reaching) -> None:
        self.rows: dict[str, Settled] = {}
        self._projectors = projectors
        self._reaching = reaching
        self._mentioned: dict[str, set[str]] = defaultdict(set)
        self._after = 0

    async def fold(self, part: Part) -> None:
        """Add a part; raises FactFailed."""
        facts = sorted(part.facts, key=_position)
        until = None if part.ends else facts[-1].position
        for projector in self._projectors:
            name = projector.table.name
            beyond = self._beyond(projector, facts, until)
            mixed = sorted([*facts, *beyond], key=_position) if beyond else facts
            self.rows[name] = (await projector.fold(mixed)).settled(self.rows.get(name))
        self._after = until or 0
        if part.ends:
            self._mentioned.clear()

    def _beyond(
        self, projector: Projector, facts: Sequence[Envelope], until: int | None
    ) -> list[Envelope]:
        """Facts of other streams that change rows of these, up to where the next part begins."""
        if not projector.reach:
            return []
        name = projector.table.name
        mentioned, known = self._mentioned[name], self._reaching[name]
        mentioned.update(_mentions(projector, facts))
        own = {at.originator_id for at in facts}
        return [
            at
            for stream in mentioned - own
            for at in known.get(stream, ())
            if self._after < at.position and (until is None or at.position <= until)
        ]


def _mentions(projector: Projector, facts: Sequence[Envelope]) -> Iterator[str]:
    for reach in projector.reach:
        for at in facts:
            mentions = reach.mentions.get(type(at.event))
            if mentions is not None and (stream := mentions(at.event)) is not None:
                yield stream


def _position(at: Envelope) -> int:
    return at.position
