"""Which budgets a thing that spends is under, and how they cut time into windows (D37, D38).

A cadence is in force from a moment on. An update never resets spend (team-api.md 6.9): the window
that holds the moment goes on with the start it had, and ends when the new cadence says. So windows
follow one another without gap or overlap, whatever was changed and when.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import NamedTuple

from events.duration import BudgetDuration
from services.spend.windows import FOR_EVER, Window, window_at


class Account(NamedTuple):
    """One life of something that spends; `member` is the user where `kind` is a membership.

    Kinds are those of events.spend.SpendKind; of a membership `id` is the team or organization.
    """

    kind: str
    id: str
    incarnation: int
    member: str = ""


class Holder(NamedTuple):
    """What a budget was set on: an account, `member_defaults` of a team, or a `budget` row.

    These are the keys of read.budget_periods_1, which says who set it, and when.
    """

    kind: str
    id: str
    incarnation: int
    member: str = ""


@dataclass(frozen=True, slots=True)
class Cadence:
    """From `since` on windows last `duration`; None: they have no end.

    `anchor` is when the duration was set: it places windows that the calendar does not. A moment
    set by hand, `reset_at`, ends the window of `since`; what follows goes by the duration. `first`
    tells that the thing began with it: before, there was nothing that could go on.
    """

    since: datetime
    duration: BudgetDuration | None
    anchor: datetime
    reset_at: datetime | None = None
    first: bool = False

    def window(self, moment: datetime, zone: tzinfo) -> Window:
        """As if this cadence had always been in force."""
        if self.reset_at is not None and moment < self.reset_at:
            return Window(None, self.reset_at)
        window = window_at(moment, self.duration, self.anchor, zone)
        if self.reset_at is None or (window.start is not None and window.start >= self.reset_at):
            return window
        return Window(self.reset_at, window.end)


@dataclass(frozen=True, slots=True)
class Cadences:
    """Those of one thing, the oldest first; none of them: one window for ever."""

    entries: Sequence[Cadence] = ()

    @property
    def present(self) -> Cadence | None:
        """The one in force now."""
        return self.entries[-1] if self.entries else None

    def at(self, moment: datetime) -> Cadence | None:
        """The one in force at a moment; the first one also before that, if all began with it."""
        place = self._place(moment)
        return None if place is None else self.entries[place]

    def window(self, moment: datetime, zone: tzinfo) -> Window:
        """The window that holds a moment."""
        place = self._place(moment)
        if place is None:
            return Window(None, self._end(None, FOR_EVER, zone))
        natural = self.entries[place].window(moment, zone)
        return Window(self._start(place, natural, zone), self._end(place, natural, zone))

    def windows_back(self, moment: datetime, zone: tzinfo, oldest: datetime) -> Iterator[Window]:
        """The window that holds a moment, and those before it down to the one that holds `oldest`.

        There is none before a window without a start.
        """
        window = self.window(moment, zone)
        yield window
        while window.start is not None and window.start > oldest:
            window = self.window(_just_before(window.start), zone)
            yield window

    def over(self, lower: "Cadences") -> "Cadences":
        """These where they have a duration, or a moment set by hand, and `lower` elsewhere."""
        if not self.entries or not lower.entries:
            return lower if not self.entries else self
        moments = sorted({entry.since for entry in (*self.entries, *lower.entries)})
        chosen: list[Cadence] = []
        for moment in moments:
            own = self.at(moment)
            paced = own is not None and (own.duration or own.reset_at) is not None
            entry = own if paced else lower.at(moment)
            entry = entry or Cadence(moment, None, moment)
            if not chosen or _differ(chosen[-1], entry):
                chosen.append(replace(entry, since=moment))
        return Cadences(tuple(chosen))

    def _start(self, place: int, natural: Window, zone: tzinfo) -> datetime | None:
        """The window that the cadence found, `natural`, keeps the start it had."""
        entry = self.entries[place]
        begun_here = natural.start is not None and natural.start > entry.since
        if begun_here or (place == 0 and entry.first):
            return natural.start
        if place == 0:
            return None
        before = self.entries[place - 1].window(_just_before(entry.since), zone)
        if before.end == entry.since:
            return entry.since
        return self._start(place - 1, before, zone)

    def _end(self, place: int | None, natural: Window, zone: tzinfo) -> datetime | None:
        """A window that goes on under the next cadence ends when that one says."""
        following = 0 if place is None else place + 1
        if following == len(self.entries):
            return natural.end
        entry = self.entries[following]
        if natural.end is not None and natural.end <= entry.since:
            return natural.end
        return self._end(following, entry.window(entry.since, zone), zone)

    def _place(self, moment: datetime) -> int | None:
        for place in range(len(self.entries) - 1, -1, -1):
            if self.entries[place].since <= moment:
                return place
        return 0 if self.entries and self.entries[0].first else None


UNPACED = Cadences()
"""Of a thing that never had a duration: one window for ever."""


def succeeding(parts: Sequence[tuple[datetime, Cadences]]) -> Cadences:
    """Of things that took over from one another: each from a moment on, the first from ever."""
    chosen: list[Cadence] = []
    for place, (since, part) in enumerate(parts):
        until = parts[place + 1][0] if place + 1 < len(parts) else None
        if place:
            entry = part.at(since) or Cadence(since, None, since)
            chosen.append(replace(entry, since=since, first=False))
        chosen += [
            entry
            for entry in part.entries
            if (not place or entry.since > since) and (until is None or entry.since < until)
        ]
    return Cadences(tuple(chosen))


class Change(NamedTuple):
    """Since when a duration is set, the next reset by hand, and whether the thing began with it."""

    since: datetime
    duration: str | None
    reset_at: datetime | None = None
    first: bool = False


def cadences(changes: Sequence[Change]) -> Cadences:
    """From what was set, the oldest first."""
    entries: list[Cadence] = []
    for since, text, reset_at, first in changes:
        duration = None if text is None else BudgetDuration.parse(text)
        last = entries[-1] if entries else None
        kept = last is not None and last.duration == duration
        anchor = last.anchor if last is not None and kept else since
        entries.append(Cadence(since, duration, anchor, reset_at, first))
    return Cadences(tuple(entries))


def since_ever(duration: str | None, since: datetime) -> Cadences:
    """Those of a thing that has had this duration from the beginning, `since`."""
    if duration is None:
        return UNPACED
    return cadences([Change(since, duration, first=True)])


@dataclass(frozen=True, slots=True)
class Budget:
    """USD that may be spent in a window; None: as much as one likes. `holder` is where it stands.

    A thing without any budget has windows all the same.
    """

    max_budget: Decimal | None = None
    soft_budget: Decimal | None = None
    cadences: Cadences = UNPACED
    holder: Holder | None = None

    @property
    def duration(self) -> BudgetDuration | None:
        present = self.cadences.present
        return None if present is None else present.duration

    @property
    def anchor(self) -> datetime | None:
        """Since when the duration is what it is."""
        present = self.cadences.present
        return None if present is None else present.anchor

    def window(self, moment: datetime, zone: tzinfo) -> Window:
        """The window that holds a moment."""
        return self.cadences.window(moment, zone)

    def over(self, shared: "Budget | None") -> "Budget":
        """A key's own budget in front of the row it is linked to: each field where it is set."""
        if shared is None:
            return self
        own = self.max_budget is not None
        return Budget(
            max_budget=self.max_budget if own else shared.max_budget,
            soft_budget=shared.soft_budget if self.soft_budget is None else self.soft_budget,
            cadences=self.cadences.over(shared.cadences),
            holder=self.holder if own else shared.holder,
        )


def member_cadences(
    own: Sequence[tuple[Change, bool]], of_members: Cadences, of_team: Cadences
) -> Cadences:
    """Those of a member of a team, whatever limits he had.

    `own` are changes of his own limits, the oldest first, and whether he has any since. They take
    the place of what the team gives its members, `of_members`, as a whole: without a duration they
    last as the team's own budget, `of_team` (D37).
    """
    if not own:
        return of_members
    parts = [] if own[0][0].first else [(own[0][0].since, of_members)]
    for change, held in own:
        paced = cadences([change]) if change.duration is not None else UNPACED
        parts.append((change.since, paced.over(of_team) if held else of_members))
    return succeeding(parts)


def member_budget(own: Budget | None, defaults: Budget | None, team: Budget) -> Budget:
    """What a member may spend: his own limits, or else the team's defaults as a whole.

    Without a duration they last as the team's budget, and so does having none (D37).
    """
    limits = own or defaults or Budget()
    return Budget(limits.max_budget, None, limits.cadences.over(team.cadences), limits.holder)


@dataclass(frozen=True, slots=True)
class Held:
    """One budget that calls have to fit: what counts is what `account` spends."""

    account: Account
    budget: Budget


def _differ(one: Cadence, other: Cadence) -> bool:
    return (one.duration, one.anchor, one.reset_at) != (
        other.duration,
        other.anchor,
        other.reset_at,
    )


def _just_before(moment: datetime) -> datetime:
    return moment - datetime.resolution
