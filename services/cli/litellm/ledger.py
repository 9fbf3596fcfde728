"""Recording things once: marks in the log tell what an import has brought before.

The facts of a thing, its links and the keys of its people are one append, so an import that is
killed has recorded a thing or it has not, and the next one goes on where it stopped.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import uuid_utils
from pydantic import ValidationError

from events.envelope import Envelope, Meta
from events.imported import ThingImported
from services.cli.litellm.report import Outcome, Report
from services.cli.litellm.things import SOURCE, Plan, Thing
from services.cli.litellm.values import Finding, Refused
from services.command.application.appending import Batch
from services.command.application.cache import Cache
from services.command.application.folds import AnyState, evolve, fold_of
from services.command.application.requests import MAX_EVENTS
from services.command.application.store import EventStore
from services.command.application.view import Loads, Missing, View
from services.command.domain.errors import DomainError
from services.command.domain.reservation import Reservation

ACTOR = "litellm-import"
COMMAND = "ImportLiteLLM"
CACHE_BYTES = 64 * 1024 * 1024
REFUSALS = (Refused, DomainError, ValidationError)
_EXISTS = Finding("refused", "id", "exists here already and did not come from an import")
_ELSEWHERE = Finding(
    "changed", "record", "is here already, as another record or somebody here brought it: kept"
)
_OPEN = Finding("changed", "deleted", "was deleted there since; it is live here and stays so")
_DIFFERS = Finding("changed", "source", "is another there than when it was imported: kept as here")
_EDITED = Finding("changed", "target", "was changed here since it was imported: kept")


@dataclass(slots=True)
class _Known:
    """What the log says of one stream: records that came into it, and whether others wrote."""

    digests: dict[tuple[str, str], str] = field(default_factory=dict)
    edited: bool = False

    def take(self, envelope: Envelope) -> None:
        event = envelope.event
        if isinstance(event, ThingImported):
            if event.source == SOURCE:
                self.digests[event.table, event.id] = event.digest
        elif envelope.meta.actor != ACTOR:
            self.edited = True


@dataclass(slots=True)
class _Decided:
    """Things that fit into one append, and what is to be said of each when it is made."""

    view: View
    people: list[tuple[str, bytes]]
    settled: list[tuple[Thing, bool, list[Finding]]]


class Ledger:
    """Takes things in order. A rehearsal does everything but append."""

    def __init__(self, store: EventStore, report: Report, *, rehearsal: bool) -> None:
        self.run = uuid.uuid4().hex
        self._store, self._report = store, report
        self._rehearsal = rehearsal
        self._cache = Cache(CACHE_BYTES)
        self._rehearsed: dict[str, _Outline] = {}

    async def take(self, things: Sequence[Thing]) -> None:
        """Record those of the things that are new, in as few appends as they fit in."""
        rest = list(things)
        while rest:
            decided = await self._recorded(rest)
            for thing, new, findings in decided.settled:
                outcome: Outcome = "imported" if new else "unchanged"
                if any(finding.sort == "refused" for finding in findings):
                    outcome = "refused"
                self._report.settle(thing.kind, thing.table, thing.id, outcome, findings)
            rest = rest[len(decided.settled) :]

    async def _recorded(self, things: Sequence[Thing]) -> _Decided:
        decided = await self._decided(things)
        if not decided.view.rows:
            return decided
        if self._rehearsal:
            self._rehearsed |= {n: _outline(state) for n, state in decided.view.changed.items()}
            return decided
        if not await self._appended(decided):
            async with self._store.locked():
                decided = await self._decided(things)
                if not await self._appended(decided):
                    raise RuntimeError("the log moved although its lock is held")
        self._cache.stand_at(decided.view.rows[-1].envelope)
        for name, state in decided.view.changed.items():
            self._cache.keep(name, state)
        self._cache.trim()
        return decided

    async def _appended(self, decided: _Decided) -> bool:
        view = decided.view
        batch = Batch(self._cache.head, view.rows, view.link_changes, decided.people)
        outcome, _ = await self._store.append(batch)
        return outcome == "appended"

    async def _decided(self, things: Sequence[Thing]) -> _Decided:
        newest = await self._store.newest()
        if self._cache.head != (newest.position if newest else 0):
            self._cache.restart(newest)
        loads = Loads()
        known = await self._load(loads, {thing.stream for thing in things})
        wanted = {name for thing in things for name in thing.streams} - known.keys()
        await self._load(loads, {name for name in wanted if self._cache.state(name) is None})
        while True:
            try:
                return self._decide(things, known, View(self._cache, datetime.now(UTC), loads))
            except Missing as missing:
                await self._load(loads, missing.streams)

    async def _load(self, loads: Loads, streams: set[str]) -> dict[str, _Known]:
        """Bring streams to hand; what the log says of imports into them."""
        states = {name: _state(name, self._rehearsed.get(name)) for name in streams}
        known = {name: _Known() for name in streams}
        for envelope in await self._store.load(sorted(streams)):
            name = envelope.originator_id
            states[name] = evolve(states[name], envelope)
            known[name].take(envelope)
        loads.states.update(states)
        return known

    def _decide(self, things: Sequence[Thing], known: Mapping[str, _Known], view: View) -> _Decided:
        decided = _Decided(view, [], [])
        for thing in things:
            if len(view.rows) >= MAX_EVENTS:
                break
            before = _before(thing, known[thing.stream], view.state(thing.stream))
            if before is not None:
                decided.settled.append((thing, False, before))
                continue
            try:
                plan = thing.decide(view)
                decided.people += plan.people
                self._record(view, plan)
            except REFUSALS as refusal:
                decided.settled.append((thing, False, [finding_of(refusal)]))
                continue
            decided.settled.append((thing, True, [*thing.findings, *plan.findings]))
        return decided

    def _record(self, view: View, plan: Plan) -> None:
        """Every thing under a command id of its own; a large one is several commands at once."""
        for facts in (*plan.before, plan.facts):
            for start in range(0, len(facts), MAX_EVENTS):
                view.record(facts[start : start + MAX_EVENTS], self._meta())

    def _meta(self) -> Meta:
        command_id = str(uuid_utils.uuid7())
        return Meta(command_id, COMMAND, actor=ACTOR, correlation_id=self.run)


def _before(thing: Thing, known: _Known, state: AnyState) -> list[Finding] | None:
    """What is to be said of a thing that is not to be recorded; None if it is."""
    digest = known.digests.get((thing.table, thing.id))
    if digest is not None:
        differs = [_DIFFERS] if digest != thing.digest else []
        return [*differs, *([_EDITED] if known.edited else [])]
    if getattr(state, "open", False):
        if not known.digests:
            return [_EXISTS]
        return [_OPEN if thing.over else _ELSEWHERE]
    return None


def finding_of(refusal: Refused | DomainError | ValidationError) -> Finding:
    """Why a thing is not kept, without what was in it."""
    if isinstance(refusal, Refused):
        return refusal.finding
    if isinstance(refusal, ValidationError):
        error = refusal.errors(include_input=False, include_url=False)[0]
        return Finding("refused", ".".join(map(str, error["loc"])), error["msg"])
    return Finding("refused", "record", str(refusal))


def _outline(state: AnyState) -> "_Outline":
    """What a rehearsal remembers of what it would have recorded: that it is there, and whose."""
    there = getattr(state, "open", None)
    return state.version, state.incarnation, there, getattr(state, "holder", None)


def _state(name: str, outline: "_Outline | None") -> AnyState:
    initial = fold_of(name).initial
    if outline is None:
        return initial
    version, incarnation, there, holder = outline
    more: dict[str, Any] = {} if there is None else {"open": there}
    if isinstance(initial, Reservation):
        more["holder"] = holder
    return replace(initial, version=version, incarnation=incarnation, **more)


_Outline = tuple[int, int, bool | None, str | None]
