"""One attempt at booking entries, without the database: what is asked of it, what became of each.

An id that comes twice counts once, and the first payload is the one that counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Literal
from uuid import UUID

from events.usage import Usage, UsageCorrected, UsageRecorded
from services.command.application.ledger_store import Line, Original, Withheld
from services.command.domain.usage import Attribution, Series, untimely

SUCCEEDED, FAILED, CORRECTED = 1, 0, -1
CORRECTS_NOTHING = "corrects a record that was not booked from this source"
Status = Literal["recorded", "duplicate", "quarantined", "refused"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to book. `attribution` is that of a call; a correction has its original's.

    `released` from quarantine: somebody decided to book it whenever the call began.
    """

    source: str
    usage: Usage
    attribution: Attribution = field(default_factory=Attribution)
    released: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry. A duplicate is `altered` if the payload that counts is another."""

    status: Status
    reason: str | None = None
    altered: bool = False


def entry_id(source: str, request_id: str) -> bytes:
    """128 bits of source and id: what a record is known by."""
    return blake2b(f"{source}\0{request_id}".encode(), digest_size=16).digest()


def payload_digest(usage: Usage) -> bytes:
    """64 bits of everything reported: what tells an altered repeat from a plain one."""
    return blake2b(usage.model_dump_json().encode(), digest_size=8).digest()


class Page:
    """Entries by their place, judged as of `now`."""

    def __init__(self, entries: Sequence[Entry], now: datetime) -> None:
        self._entries = entries
        self._ids = [entry_id(entry.source, entry.usage.id) for entry in entries]
        self._payloads = [payload_digest(entry.usage) for entry in entries]
        self._first: dict[bytes, int] = {}
        for place, known_by in enumerate(self._ids):
            self._first.setdefault(known_by, place)
        self._late = {
            place: why for place in self._first.values() if (why := self._why(place, now))
        }
        self._series = {
            place: Series.of(entry.source, usage, entry.attribution)
            for place, entry, usage in self._calls()
        }
        self._digests = {place: series.digest for place, series in self._series.items()}

    @cached_property
    def late(self) -> list[bytes]:
        """Ids of calls that are not booked unseen."""
        return [self._ids[place] for place in self._late]

    @cached_property
    def corrected(self) -> list[bytes]:
        """Ids of the records that corrections are about."""
        return [original for _, original in self._corrections()]

    @cached_property
    def series(self) -> Mapping[bytes, Series]:
        """The series of all calls that are to be booked, by digest."""
        return {self._digests[place]: series for place, series in self._series.items()}

    @cached_property
    def released(self) -> list[UUID]:
        """Reservations that end because their calls are reported."""
        usages = (entry.usage for entry in self._entries)
        return [u.reservation for u in usages if isinstance(u, UsageRecorded) and u.reservation]

    def lines(
        self, numbers: Mapping[bytes, int], originals: Mapping[bytes, Original]
    ) -> Mapping[int, Line]:
        """What to append, by place: calls, and corrections of what is booked or on this page."""
        lines = {
            place: self._line(place, usage, numbers[self._digests[place]])
            for place, _, usage in self._calls()
        }
        booked = {line.id: Original(line.series, line.started_at) for line in lines.values()}
        for place, original in self._corrections():
            found = originals.get(original) or booked.get(original)
            if found is not None:
                lines[place] = self._correction(place, found)
        return dict(sorted(lines.items()))

    def withheld(self, seen: Mapping[bytes, bytes]) -> list[Withheld]:
        """What goes to quarantine: late calls that were not booked before."""
        return [
            Withheld(
                self._ids[place],
                self._entries[place].source,
                self._entries[place].usage.id,
                why,
                self._entries[place].usage.model_dump_json(),
            )
            for place, why in self._late.items()
            if self._ids[place] not in seen
        ]

    def outcomes(
        self, lines: Mapping[int, Line], repeated: Mapping[int, bytes], seen: Mapping[bytes, bytes]
    ) -> list[Outcome]:
        """Of every entry, in order. `repeated` counts the lines; payloads are those that count."""
        counts = {place: repeated.get(row) for row, place in enumerate(lines)}
        late = {place: seen.get(self._ids[place]) for place in self._late}
        return [self._outcome(place, counts, late) for place in range(len(self._entries))]

    def _outcome(
        self, place: int, counts: Mapping[int, bytes | None], late: Mapping[int, bytes | None]
    ) -> Outcome:
        first = self._first[self._ids[place]]
        if first not in counts and late.get(first) is None:
            why = self._late.get(first)
            return Outcome("quarantined", why) if why else Outcome("refused", CORRECTS_NOTHING)
        known = counts.get(first) or late.get(first)
        if known is None and first == place:
            return Outcome("recorded")
        payload = known or self._payloads[first]
        return Outcome("duplicate", altered=payload != self._payloads[place])

    def _why(self, place: int, now: datetime) -> str | None:
        entry = self._entries[place]
        if entry.released or not isinstance(entry.usage, UsageRecorded):
            return None
        return untimely(entry.usage.started_at, now)

    def _calls(self) -> Iterator[tuple[int, Entry, UsageRecorded]]:
        for place in self._first.values():
            entry = self._entries[place]
            if isinstance(entry.usage, UsageRecorded) and place not in self._late:
                yield place, entry, entry.usage

    def _corrections(self) -> Iterator[tuple[int, bytes]]:
        for place in self._first.values():
            entry = self._entries[place]
            if isinstance(entry.usage, UsageCorrected):
                yield place, entry_id(entry.source, entry.usage.corrects)

    def _line(self, place: int, usage: UsageRecorded, series: int) -> Line:
        outcome = SUCCEEDED if usage.status == "success" else FAILED
        return Line(
            self._ids[place],
            self._payloads[place],
            series,
            usage.started_at,
            usage.ended_at,
            usage.cost,
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.cache_read_tokens,
            usage.cache_creation_tokens,
            outcome,
            usage.id,
            None,
        )

    def _correction(self, place: int, original: Original) -> Line:
        usage = self._entries[place].usage
        return Line(
            self._ids[place],
            self._payloads[place],
            original.series,
            original.started_at,
            None,
            usage.cost,
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.cache_read_tokens,
            usage.cache_creation_tokens,
            CORRECTED,
            usage.id,
            usage.corrects if isinstance(usage, UsageCorrected) else None,
        )
