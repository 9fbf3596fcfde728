"""One attempt at booking entries, without the database: what is asked of it, what became of each.

An id that comes twice counts once, and the first payload is the one that counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from operator import attrgetter
from typing import Literal
from uuid import UUID

import orjson

from events.usage import Usage, UsageCorrected, UsageRecorded
from events.values import plain
from services.command.application.ledger_store import Line, Original, Withheld
from services.command.domain.usage import Attribution, Series, untimely

SUCCEEDED, FAILED, CORRECTED = 1, 0, -1
CORRECTS_NOTHING = "corrects a record that was not booked from this source"
Status = Literal["recorded", "duplicate", "quarantined", "refused"]


_NOBODY = Attribution()
_call_fields = attrgetter(*UsageRecorded.model_fields)
_correction_fields = attrgetter(*UsageCorrected.model_fields)


def entry_id(source: str, request_id: str) -> bytes:
    """128 bits of source and id: what a record is known by."""
    return blake2b(f"{source}\0{request_id}".encode(), digest_size=16).digest()


def payload_digest(usage: Usage) -> bytes:
    """64 bits of everything reported: what tells an altered repeat from a plain one."""
    fields = _call_fields if isinstance(usage, UsageRecorded) else _correction_fields
    return blake2b(orjson.dumps(fields(usage), default=plain), digest_size=8).digest()


@dataclass(slots=True, eq=False)
class Entry:
    """Something to book. `attribution` is that of a call; a correction has its original's.

    `released` from quarantine: somebody decided to book it whenever the call began. What else the
    ledger wants to know is found out here, where entries are made, and not by its one writer: what
    each is known by, what was reported, and the series of a call, by its digest.
    """

    source: str
    usage: Usage
    attribution: Attribution = _NOBODY
    released: bool = False
    id: bytes = field(init=False)
    payload: bytes = field(init=False)
    series: tuple[bytes, Series] | None = field(init=False)

    def __post_init__(self) -> None:
        usage = self.usage
        self.id = entry_id(self.source, usage.id)
        self.payload = payload_digest(usage)
        self.series = None
        if isinstance(usage, UsageRecorded):
            series = Series.of(self.source, usage, self.attribution)
            self.series = series.digest, series


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry. A duplicate is `altered` if the payload that counts is another."""

    status: Status
    reason: str | None = None
    altered: bool = False


RECORDED = Outcome("recorded")


class Page:
    """Entries by their place, judged as of `now`."""

    def __init__(self, entries: Sequence[Entry], now: datetime) -> None:
        self._entries = entries
        self._first: dict[bytes, int] = {}
        self._late: dict[int, str] = {}
        self._calls: dict[int, tuple[Entry, UsageRecorded, tuple[bytes, Series]]] = {}
        self._corrections: dict[int, bytes] = {}
        for place, entry in enumerate(entries):
            if self._first.setdefault(entry.id, place) == place:
                self._judge(place, entry, now)

    def _judge(self, place: int, entry: Entry, now: datetime) -> None:
        usage = entry.usage
        if isinstance(usage, UsageCorrected):
            self._corrections[place] = entry_id(entry.source, usage.corrects)
        elif not entry.released and (why := untimely(usage.started_at, now)):
            self._late[place] = why
        elif entry.series is not None:
            self._calls[place] = entry, usage, entry.series

    @cached_property
    def late(self) -> list[bytes]:
        """Ids of calls that are not booked unseen."""
        return [self._entries[place].id for place in self._late]

    @cached_property
    def corrected(self) -> list[bytes]:
        """Ids of the records that corrections are about."""
        return list(self._corrections.values())

    @cached_property
    def series(self) -> Mapping[bytes, Series]:
        """The series of all calls that are to be booked, by digest."""
        return dict(series for *_, series in self._calls.values())

    @cached_property
    def released(self) -> list[UUID]:
        """Reservations that end because their calls are reported."""
        usages = (entry.usage for entry in self._entries)
        return [u.reservation for u in usages if isinstance(u, UsageRecorded) and u.reservation]

    def lines(
        self, numbers: Mapping[bytes, int], originals: Mapping[bytes, Original]
    ) -> Mapping[int, Line]:
        """What to append, by place: calls, and corrections of what is booked or on this page.

        `numbers` are those of `series`.
        """
        lines = {
            place: _line(entry, usage, numbers[digest])
            for place, (entry, usage, (digest, _)) in self._calls.items()
        }
        if not self._corrections:
            return lines
        booked = {line.id: Original(line.series, line.started_at) for line in lines.values()}
        for place, original in self._corrections.items():
            found = originals.get(original) or booked.get(original)
            if found is not None:
                lines[place] = _correction(self._entries[place], found)
        return dict(sorted(lines.items()))

    def withheld(self, seen: Mapping[bytes, bytes]) -> list[Withheld]:
        """What goes to quarantine: late calls that were not booked before."""
        late = ((self._entries[place], why) for place, why in self._late.items())
        return [
            Withheld(e.id, e.source, e.usage.id, why, e.usage.model_dump_json())
            for e, why in late
            if e.id not in seen
        ]

    def refused(self, lines: Mapping[int, Line]) -> list[int]:
        """The places of corrections of what is neither booked nor on this page."""
        lost = {place for place in self._corrections if place not in lines}
        if not lost:
            return []
        return [at for at, entry in enumerate(self._entries) if self._first[entry.id] in lost]

    def outcomes(
        self, lines: Mapping[int, Line], repeated: Mapping[int, bytes], seen: Mapping[bytes, bytes]
    ) -> list[Outcome]:
        """Of every entry, in order. `repeated` counts the lines; payloads are those that count."""
        counts = {place: repeated.get(row) for row, place in enumerate(lines)}
        late = {place: seen.get(self._entries[place].id) for place in self._late}
        return [self._outcome(place, counts, late) for place in range(len(self._entries))]

    def _outcome(
        self, place: int, counts: Mapping[int, bytes | None], late: Mapping[int, bytes | None]
    ) -> Outcome:
        entry = self._entries[place]
        first = self._first[entry.id]
        if first not in counts and late.get(first) is None:
            why = self._late.get(first)
            return Outcome("quarantined", why) if why else Outcome("refused", CORRECTS_NOTHING)
        known = counts.get(first) or late.get(first)
        if known is None and first == place:
            return RECORDED
        payload = known or self._entries[first].payload
        return Outcome("duplicate", altered=payload != entry.payload)


def _line(entry: Entry, usage: UsageRecorded, series: int) -> Line:
    return Line(
        entry.id,
        entry.payload,
        series,
        usage.started_at,
        usage.ended_at,
        usage.cost,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cache_read_tokens,
        usage.cache_creation_tokens,
        SUCCEEDED if usage.status == "success" else FAILED,
        usage.id,
        None,
    )


def _correction(entry: Entry, original: Original) -> Line:
    usage = entry.usage
    return Line(
        entry.id,
        entry.payload,
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
