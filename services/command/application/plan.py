"""Deciding a batch: every command in order, on cached state plus what the batch did before it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from operator import or_

import structlog
from rpds import HashTrieMap

from events.envelope import Meta
from services.access.principal import AccessRefused, Principal
from services.command.application.appending import Batch, StoredAnswer
from services.command.application.cache import Cache, Children, LinkKey
from services.command.application.callers import authenticate
from services.command.application.dry_run import would_be
from services.command.application.folds import AnyState, evolve, fold_of
from services.command.application.idempotency import KeyReused
from services.command.application.requests import (
    ANY_VERSION,
    MAX_EVENTS,
    Decision,
    Done,
    NoOneSubject,
    PreconditionFailed,
    Request,
)
from services.command.application.spent import SpendUnknown
from services.command.application.store import LINKS_SHOWN, EventStore
from services.command.application.view import Loads, Missing, View
from services.command.domain.errors import DomainError, TooLarge

log = structlog.get_logger(__name__)
MAX_ROUNDS = 12
REFUSALS = (
    AccessRefused,
    DomainError,
    KeyReused,
    PreconditionFailed,
    NoOneSubject,
    SpendUnknown,
)


@dataclass(slots=True)
class Plan:
    """A decided batch. `later` are requests that wait for the next one.

    `appended` is when the append that succeeded began and ended, in nanoseconds.
    """

    view: View
    batch: Batch
    decided: list[Request]
    later: list[Request] = field(default_factory=list)
    appended: tuple[int, int] | None = None


@dataclass(slots=True)
class _Sides:
    people: list[tuple[str, bytes]] = field(default_factory=list)
    chores: list[tuple[str, str, int]] = field(default_factory=list)
    answers: list[StoredAnswer] = field(default_factory=list)


class Planner:
    """Decides batches, loading what is missing in one query per round."""

    def __init__(self, store: EventStore, cache: Cache) -> None:
        self._store = store
        self._cache = cache

    async def plan(self, requests: Sequence[Request]) -> Plan:
        """Decide all requests; nothing is written yet. Database errors propagate."""
        now_part, later = _one_per_idempotency_key(requests)
        remembered = await self._remembered(now_part)
        loads, broken = Loads(), list[Request]()
        for _ in range(MAX_ROUNDS + len(requests)):
            view = View(self._cache, datetime.now(UTC), loads)
            plan = self._decide(now_part, remembered, view)
            if isinstance(plan, Missing):
                await self._load(loads, plan)
            elif isinstance(plan, Request):
                broken.append(plan)
                now_part.remove(plan)
            else:
                plan.decided += broken
                plan.later += later
                return plan
        raise RuntimeError("a command asks for ever more state")

    async def _load(self, loads: Loads, missing: Missing) -> None:
        """Bring streams and link sets to hand, and into the cache."""
        states: dict[str, AnyState] = {}
        if missing.streams:
            states = {name: fold_of(name).initial for name in missing.streams}
            for envelope in await self._store.load(sorted(missing.streams)):
                name = envelope.originator_id
                states[name] = evolve(states[name], envelope)
        children: dict[LinkKey, Children] = dict.fromkeys(missing.links, HashTrieMap())
        if missing.links:
            for parent, kind, child, since in await self._store.load_links(sorted(missing.links)):
                key = (parent, kind)
                children[key] = children[key].insert(child, since)
        loads.states.update(states)
        loads.children.update(children)
        loads.partial |= {key for key, found in children.items() if len(found) > LINKS_SHOWN}
        for name, state in states.items():
            self._cache.keep(name, state)

    async def _remembered(
        self, requests: Iterable[Request]
    ) -> dict[tuple[bytes, str], StoredAnswer]:
        known = (r.terms.idempotency for r in requests if not r.terms.dry_run)
        keys = [(k.caller, k.key) for k in known if k is not None]
        if not keys:
            return {}
        return {(a.caller, a.key): a for a in await self._store.answers(keys)}

    def _decide(
        self,
        requests: Sequence[Request],
        remembered: dict[tuple[bytes, str], StoredAnswer],
        view: View,
    ) -> Plan | Missing | Request:
        """A plan, or what is missing for it, or the request that a defect of ours broke."""
        sides, missing = _Sides(), list[Missing]()
        reached = 0
        for request in requests:
            if len(view.rows) >= MAX_EVENTS:
                break
            reached += 1
            request.done = request.refused = None
            try:
                request.done = self._decide_one(request, remembered, view, sides)
            except Missing as need:
                # A traceback would keep this frame, and all that was loaded, until a collection.
                missing.append(need.with_traceback(None))
            except REFUSALS as refusal:
                request.refused = refusal.with_traceback(None)
            except Exception as defect:
                at = {"correlation_id": request.origin.correlation_id}
                log.exception("a decision failed", command=request.command.name, **at)
                request.refused = defect
                return request
        if missing:
            return reduce(or_, missing)
        return self._planned(view, sides, requests[:reached], requests[reached:])

    def _planned(
        self, view: View, sides: _Sides, decided: Sequence[Request], later: Sequence[Request]
    ) -> Plan:
        batch = Batch(
            expected_head=self._cache.head,
            rows=view.rows,
            links=view.link_changes,
            people=sides.people,
            chores=sides.chores,
            answers=sides.answers,
            after=self._cache.mark,
        )
        return Plan(view, batch, list(decided), list(later))

    def _decide_one(
        self,
        request: Request,
        remembered: dict[tuple[bytes, str], StoredAnswer],
        view: View,
        sides: _Sides,
    ) -> Done:
        caller = authenticate(view, request.origin)
        terms = request.terms
        known = None if terms.dry_run else terms.idempotency
        if known is not None and (answer := remembered.get((known.caller, known.key))):
            if answer.body_hash != known.body_hash:
                raise KeyReused(known.key)
            return Done(known.open(answer.answer), answer.position, replayed=True)
        decision = request.command.decide(view, caller)
        _check_bounds(request.command.name, decision)
        _check_expected(terms.expected, decision, view)
        if terms.dry_run:
            return self._rehearsed(request, decision, view, _meta(request, caller))
        envelopes = view.record(decision.facts, _meta(request, caller))
        answer_body = request.render(decision.answer(view))
        position = self._cache.head + len(view.rows)
        sides.people += decision.people
        sides.chores += [(parent, kind, position) for parent, kind in decision.chores]
        if known is not None:
            sides.answers.append(
                StoredAnswer(
                    known.caller, known.key, known.body_hash, 200, known.seal(answer_body), position
                )
            )
        return Done(answer_body, position, envelopes, _version(decision.subject, view))

    def _rehearsed(self, request: Request, decision: Decision, view: View, meta: Meta) -> Done:
        """What would be done, on a view that nobody keeps."""
        scratch = view.fork()
        envelopes = scratch.record(decision.facts, meta)
        answer = request.render(decision.answer(scratch))
        position = self._cache.head + len(view.rows)
        return Done(would_be(view, scratch, envelopes, answer), position)


def _check_bounds(name: str, decision: Decision) -> None:
    if len(decision.facts) > MAX_EVENTS:
        raise TooLarge(
            f"{name} would record {len(decision.facts)} events, "
            f"one command may record {MAX_EVENTS}; send it in parts"
        )


def _check_expected(expected: frozenset[int] | None, decision: Decision, view: View) -> None:
    """After everything else was found right, as RFC 9110 has it for If-Match."""
    if expected is None:
        return
    if decision.subject is None:
        raise NoOneSubject
    version = decision.version or _version(decision.subject, view)
    if version is None or (expected != ANY_VERSION and version not in expected):
        raise PreconditionFailed(version or 0)


def _version(subject: str | None, view: View) -> int | None:
    """The version of what is there; None for what is not, or is no more."""
    if subject is None:
        return None
    state = view.state(subject)
    return state.version if getattr(state, "open", True) and state.version else None


def _meta(request: Request, caller: Principal) -> Meta:
    origin = request.origin
    return Meta(
        command_id=origin.command_id,
        command=request.command.name,
        actor=caller.user_id,
        actor_key=caller.token,
        actor_role=caller.role,
        on_behalf_of=origin.on_behalf_of,
        client=origin.client,
        correlation_id=origin.correlation_id,
        causation_id=origin.causation_id,
    )


def _one_per_idempotency_key(
    requests: Sequence[Request],
) -> tuple[list[Request], list[Request]]:
    """Concurrent repeats wait for the first one's answer."""
    seen: set[tuple[bytes, str]] = set()
    now_part, later = list[Request](), list[Request]()
    for request in requests:
        known = request.terms.idempotency
        key = None if known is None else (known.caller, known.key)
        if key in seen:
            later.append(request)
            continue
        if key is not None:
            seen.add(key)
        now_part.append(request)
    return now_part, later
