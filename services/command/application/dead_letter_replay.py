"""Booking dead letters after all, by the very way on which they failed (decision 021).

What is to be booked is recorded first, so that nothing is booked that no audit knows of. Whoever is
killed in between does it again: the ledger books an id once, and only what is new is recorded.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import uuid_utils

from events.dead_letters import DeadLettersReplayed
from events.streams import DEAD_LETTERS, stream
from services.access.principal import Credential, Principal
from services.command.application.booking import Report
from services.command.application.dead_letters import DeadLetter
from services.command.application.ledger_page import Entry, Outcome
from services.command.application.loop import CommandLoop
from services.command.application.requests import Decision
from services.command.application.requests import Origin as CommandOrigin
from services.command.application.usage_batch import Read
from services.command.application.usage_consumer import ReadMessage, UsageBooker
from services.command.application.view import View

AT_ONCE = 500
State = Literal["booked", "quarantined", "replayable", "refused"]
_CUT = "the message was too large, and only its beginning is kept"
_SYSTEM = Credential(token="", tail="", master=True)


@dataclass(frozen=True, slots=True)
class Judged:
    """A dead letter as it stands now: where `refused`, why; `altered` if another payload counts."""

    letter: DeadLetter
    state: State
    reason: str | None = None
    altered: bool = False


@dataclass(frozen=True, slots=True)
class RecordReplay:
    """Records what is about to be booked of a topic."""

    topic: str
    fact: DeadLettersReplayed
    name: str = "ReplayDeadLetters"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        name = stream(DEAD_LETTERS, self.topic)
        view.need([name])
        return Decision([(name, self.fact)], lambda _: None, subject=name)


class Replay:
    """Judges dead letters and books those that now pass, AT_ONCE of them at most."""

    def __init__(
        self, loop: CommandLoop, booker: UsageBooker, read: ReadMessage, source: str
    ) -> None:
        self._loop, self._booker, self._read, self._source = loop, booker, read, source

    async def judge(self, letters: Sequence[DeadLetter]) -> list[Judged]:
        """What each of them is, or would become by a replay; nothing is changed."""
        return (await self._rehearsed(letters))[1]

    async def replay(self, letters: Sequence[DeadLetter]) -> list[Judged]:
        """Book those that are `replayable`; afterwards they are `booked`, or `quarantined`.

        Raises Unavailable, and what the database raises: then it may be done again.
        """
        entries, judged = await self._rehearsed(letters)
        new = [each.letter for each in judged if each.state == "replayable"]
        if not new:
            return judged
        await self._record(new)
        report = await self._booker.book_entries(entries)
        return _judged(letters, self._reads(letters), report, new=())

    async def _rehearsed(
        self, letters: Sequence[DeadLetter]
    ) -> tuple[Sequence[Entry], list[Judged]]:
        reads = self._reads(letters)
        entries, prepared = await self._booker.prepared(reads)
        report, new = await self._booker.rehearsed(entries, prepared)
        return entries, _judged(letters, reads, report, new)

    def _reads(self, letters: Sequence[DeadLetter]) -> list[Read]:
        return [
            Read(each.message, None, _CUT) if each.cut else self._read(each.message)
            for each in letters
        ]

    async def _record(self, letters: Sequence[DeadLetter]) -> None:
        """One fact for each topic: there may have been several of a name."""
        topics: dict[tuple[str, UUID], list[str]] = {}
        for each in letters:
            place = f"{each.message.partition}:{each.message.offset}"
            topics.setdefault((each.topic, each.topic_id), []).append(place)
        for (topic, topic_id), places in topics.items():
            fact = DeadLettersReplayed(topic_id=str(topic_id), source=self._source, letters=places)
            command, identity = RecordReplay(topic, fact), str(uuid_utils.uuid7())
            origin = CommandOrigin(_SYSTEM, command.name, command.name, identity, identity)
            await self._loop.handle(command, origin, lambda answer: answer)


def _judged(
    letters: Sequence[DeadLetter],
    reads: Sequence[Read],
    report: Report,
    new: Collection[int],
) -> list[Judged]:
    """`new` are the places in the report of what is not in the ledger yet."""
    outcomes = enumerate(report.outcomes)
    return [
        Judged(each, "refused", read.reason)
        if read.usage is None
        else _standing(each, *next(outcomes), new)
        for each, read in zip(letters, reads, strict=True)
    ]


def _standing(letter: DeadLetter, place: int, outcome: Outcome, new: Collection[int]) -> Judged:
    if place in new:
        return Judged(letter, "replayable", outcome.reason)
    if outcome.status in {"recorded", "duplicate"}:
        return Judged(letter, "booked", None, outcome.altered)
    if outcome.status == "quarantined":
        return Judged(letter, "quarantined", outcome.reason)
    return Judged(letter, "refused", outcome.reason)
