"""Entries into the ledger, a page of them in one attempt: looked up first, then appended.

An attempt may be repeated after a lost connection: what it booked is known in the next one.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services import metrics
from services.command.application.ledger_page import Entry, Outcome, Page
from services.command.application.ledger_store import Appended, LedgerStore, Line
from services.command.application.usage_places import Reading
from services.command.domain.usage import Series

SERIES_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Report:
    """The outcomes in the order of the entries; the ledger ends at `position` or later."""

    outcomes: Sequence[Outcome]
    position: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A page with all that it takes to book it: `lines` by place, `seen` the late ones known."""

    page: Page
    now: datetime
    lines: Mapping[int, Line]
    seen: Mapping[bytes, bytes]

    @property
    def refused(self) -> Sequence[int]:
        """The places of those that will not be booked."""
        return self.page.refused(self.lines)

    def report(self, appended: Appended) -> Report:
        """What became of all of them, once the lines are appended."""
        outcomes = self.page.outcomes(self.lines, appended.repeated, self.seen)
        return Report(outcomes, appended.head)


class Booking:
    """Attempts of one process, which remembers the numbers of series."""

    def __init__(
        self,
        store: LedgerStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._clock = store, clock
        self._known_series: OrderedDict[bytes, int] = OrderedDict()

    async def book(self, entries: Sequence[Entry]) -> Report:
        """Book what is new. Raises what the database raises, maybe after the commit."""
        began = time.monotonic()
        prepared = await self.prepare(entries)
        page, now = prepared.page, prepared.now
        appended = await self._store.append(prepared.lines.values(), page.released, now)
        if withheld := page.withheld(prepared.seen):
            await self._store.withhold(withheld, now)
        return _counted(prepared.report(appended), began)

    async def book_read(self, prepared: Prepared, reading: Reading) -> Report:
        """Book what was read of a topic, and that it was, together. Raises PlaceLost likewise."""
        began = time.monotonic()
        page, now, lines = prepared.page, prepared.now, prepared.lines.values()
        withheld = page.withheld(prepared.seen)
        appended = await self._store.append_read(lines, page.released, withheld, reading, now)
        return _counted(prepared.report(appended), began)

    async def rehearse(
        self, entries: Sequence[Entry], prepared: Prepared
    ) -> tuple[Report, Collection[int]]:
        """What would become of the entries now, and the places of those that would be new.

        A call that waits in quarantine already is not new, nor is the repeat of one that is.
        """
        lines = list(prepared.lines.values())
        known = await self._store.seen([line.id for line in lines])
        repeated = {row: known[line.id] for row, line in enumerate(lines) if line.id in known}
        report = prepared.report(Appended(0, repeated))
        late = [entries[at].id for at, o in enumerate(report.outcomes) if o.status == "quarantined"]
        waiting = await self._store.waiting(late) if late else frozenset()
        new = [
            at
            for at, outcome in enumerate(report.outcomes)
            if outcome.status == "recorded"
            or (outcome.status == "quarantined" and entries[at].id not in waiting)
        ]
        return report, new

    async def prepare(self, entries: Sequence[Entry]) -> Prepared:
        """Look up what the entries are about; series that are not there yet come to be."""
        now = self._clock()
        page = Page(entries, now)
        seen = await self._store.seen(page.late) if page.late else {}
        originals = await self._store.originals(page.corrected) if page.corrected else {}
        numbers = await self._numbers(page.series)
        return Prepared(page, now, page.lines(numbers, originals), seen)

    async def _numbers(self, wanted: Mapping[bytes, Series]) -> Mapping[bytes, int]:
        known = self._known_series
        missing = {digest: series for digest, series in wanted.items() if digest not in known}
        if not missing:
            return known
        known.update(await self._store.series(missing))
        numbers = {digest: known[digest] for digest in wanted}
        while len(known) > SERIES_KEPT:
            known.popitem(last=False)
        return numbers


def _counted(report: Report, began: float) -> Report:
    metrics.USAGE_BATCH.observe(len(report.outcomes))
    metrics.USAGE_COMMIT_SECONDS.observe(time.monotonic() - began)
    statuses = Counter("altered" if each.altered else each.status for each in report.outcomes)
    for status, times in statuses.items():
        metrics.USAGE_RECORDS.labels(status).inc(times)
    return report
