"""The command loop: one writer per process, group commit, a cache that follows the log.

Whatever arrived while the previous batch was being written forms the next one. Answers leave only
after the commit, refusals and no-ops only after the head was confirmed: nobody is let in, or
refused, on stale state, however many processes there are (architecture, section 4).
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from events.envelope import Envelope
from events.streams import kind_and_id
from services import metrics, tracing
from services.access.credentials import master_principal
from services.access.principal import AccessRefused, Credential, Principal
from services.command.application import measured, traced
from services.command.application.cache import Cache
from services.command.application.callers import authenticate
from services.command.application.commit import Committer
from services.command.application.idempotency import Idempotency, KeyReused
from services.command.application.requests import (
    Command,
    Decision,
    Done,
    Origin,
    Render,
    Request,
    StoreReplaced,
    Terms,
    Unavailable,
)
from services.command.application.spent import SpendUnknown
from services.command.application.store import EventStore
from services.command.application.view import Missing, View

log = structlog.get_logger(__name__)
MAX_BATCH = 500
MOST_NAMED = 20
PAGE = 500
NO_TERMS = Terms()
TIMES_FOUND_OUT = 3
"""A budget may be set while it is found out what was spent; no more often than this."""

_SYSTEM = Credential(token="", tail="", master=True)
OURSELVES = master_principal(_SYSTEM)


@dataclass(frozen=True, slots=True)
class _Identify:
    """A command without effect: the batch judges the credential on confirmed state."""

    name: str = "Identify"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        return Decision((), lambda _: caller)


class CommandLoop:
    """A bounded queue and the task that drains it. No command takes more than `deadline` seconds.

    `failed` is the reason why no command is taken any more, for readiness to show: the store was
    replaced by another one, and what this process knows of it is wrong.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        queue_size: int,
        deadline: float,
        cache_bytes: int = 256 * 1024 * 1024,
        on_commit: Callable[[Sequence[Envelope]], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._cache = Cache(cache_bytes)
        self._committer = Committer(store, self._cache, on_commit)
        self._queue: deque[Request] = deque()
        self._queue_size, self.deadline = queue_size, deadline
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.failed: str | None = None

    async def start(self) -> None:
        """Take up the store's head and begin to drain the queue."""
        await self._committer.start()
        metrics.COMMANDS_QUEUED.set_function(lambda: len(self._queue))
        metrics.COMMANDS_TAKEN.set_function(lambda: float(self.stopped is None))
        self._task = asyncio.create_task(self._run(), name="command loop")

    async def stop(self) -> None:
        """Refuse new work, finish what is queued, close."""
        self._stopping = True
        self._work.set()
        if self._task is not None:
            await self._task
        await self._store.close()

    @property
    def stopped(self) -> str | None:
        """Why no commands are taken; None while they are."""
        if self._task is None or self._task.done():
            return "commands are not taken"
        return self.failed

    @property
    def forgotten_at(self) -> int:
        """Up to where persons may have been forgotten, as far as commands were judged."""
        return self._cache.forgotten_at

    @property
    def queued(self) -> int:
        return len(self._queue)

    async def handle(
        self,
        command: Command,
        origin: Origin,
        render: Render,
        terms: Terms = NO_TERMS,
    ) -> Done:
        """Carry out one command; returns after its commit.

        What was spent is looked up where that decides whether the caller may ask for anything.

        Raises the refusal (AccessRefused, DomainError, KeyReused, PreconditionFailed,
        NoOneSubject), or Unavailable when the queue is full, the deadline passes, or the event
        database is out of reach.
        """
        began = time.monotonic()
        try:
            done = await self._found_out(command, origin, render, terms)
        except Exception as error:
            measured.refused(error)
            raise
        measured.answered(done, terms, began)
        return done

    async def _found_out(
        self, command: Command, origin: Origin, render: Render, terms: Terms
    ) -> Done:
        due = time.monotonic() + self.deadline
        for _ in range(TIMES_FOUND_OUT):
            try:
                return await self._handle(command, origin, render, terms, due)
            except SpendUnknown as unknown:
                await _found_out_by(due, unknown)
        raise _spend_unknown()

    async def _handle(
        self, command: Command, origin: Origin, render: Render, terms: Terms, due: float
    ) -> Done:
        if self.failed is not None:
            raise Unavailable(self.failed, "not executed")
        if self._stopping or len(self._queue) >= self._queue_size:
            raise Unavailable("too many commands are waiting", "not executed")
        future: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        request = Request(command, origin, render, due, future, terms)
        self._queue.append(request)
        self._work.set()
        try:
            async with asyncio.timeout(due - time.monotonic()):
                return await asyncio.shield(future)
        except TimeoutError:
            raise _expired(request) from None
        finally:
            del future, request  # what they raise holds this frame

    async def identify(self, origin: Origin) -> Principal:
        """Who is calling: an acceptance is provisional, a refusal confirmed at the head."""
        with contextlib.suppress(Missing, AccessRefused, SpendUnknown):
            try:
                return authenticate(View(self._cache, datetime.now(UTC)), origin)
            except SpendUnknown as unknown:
                await _found_out_by(time.monotonic() + self.deadline, unknown)
            return authenticate(View(self._cache, datetime.now(UTC)), origin)
        done = await self.handle(_Identify(), origin, lambda answer: answer)
        principal: Principal = done.answer
        return principal

    async def look(self, command: Command) -> Any:  # noqa: ANN401
        """The answer to a command of our own that has no effect, from what is at hand.

        It may be as old as the last batch; what is not at hand is brought here.
        """
        view = View(self._cache, datetime.now(UTC))
        with contextlib.suppress(Missing):
            return command.decide(view, OURSELVES).answer(view)
        origin = Origin(_SYSTEM, "", "", command.name, command.name)
        return (await self.handle(command, origin, lambda answer: answer)).answer

    async def recall(self, origin: Origin, idempotency: Idempotency) -> Done | None:
        """The answer that is remembered for a request of several commands, if there is one.

        Raises AccessRefused, KeyReused or Unavailable, as `handle` does.
        """
        began = time.monotonic()
        await self.handle(_Identify(), origin, lambda answer: answer)
        for known in await self._store.answers([(idempotency.caller, idempotency.key)]):
            if known.body_hash != idempotency.body_hash:
                raise KeyReused(idempotency.key)
            done = Done(idempotency.open(known.answer), known.position, replayed=True)
            measured.answered(done, NO_TERMS, began)
            return done
        return None

    async def users(self, chunk: int) -> AsyncIterator[list[str]]:
        """The ids of all users there are now, the newest first, so many at a time."""
        position = await self._store.head() + 1
        while found := await self._store.users_before(position, chunk):
            yield [kind_and_id(name)[1] for name, _ in found]
            position = found[-1][1]

    async def facts(self, stream: str) -> AsyncIterator[Envelope]:
        """What is recorded of one thing, in order, read beside the loop: nobody waits for it."""
        version = 0
        while found := await self._store.facts(stream, version, PAGE):
            for envelope in found:
                yield envelope
            version = found[-1].originator_version

    async def _run(self) -> None:
        while True:
            if not self._queue:
                if self._stopping:
                    return
                self._work.clear()
                await self._work.wait()
                continue
            batch = self._take()
            if batch:
                with bound_contextvars(correlation_ids=_named(batch)):
                    await self._process(batch)

    def _take(self) -> list[Request]:
        batch: list[Request] = []
        now = time.monotonic()
        while self._queue and len(batch) < MAX_BATCH:
            request = self._queue.popleft()
            if request.future.done() or request.deadline <= now:
                continue
            request.state = "writing"
            batch.append(request)
        return batch

    async def _process(self, batch: list[Request]) -> None:
        began, at = time.monotonic(), tracing.now()
        try:
            plan = await self._committer.commit(batch)
        except Unavailable as error:
            _fail(batch, error)
        except StoreReplaced as replaced:
            log.error("commands are taken no more", reason=str(replaced))  # noqa: TRY400
            self.failed = str(replaced)
            _fail(batch, Unavailable(self.failed, "not executed"))
        except Exception:
            log.exception("a batch failed")
            _fail(batch, Unavailable("the command could not be carried out", "not executed"))
        else:
            measured.settled(batch, plan, began)
            traced.settled(batch, plan, at)
            for request in plan.decided:
                _resolve(request)
            for request in reversed(plan.later):
                request.state = "queued"
                self._queue.appendleft(request)


async def _found_out_by(due: float, unknown: SpendUnknown) -> None:
    """Raises Unavailable when it is too late."""
    try:
        async with asyncio.timeout(due - time.monotonic()):
            await unknown.find_out()
    except TimeoutError:
        raise _spend_unknown() from None


def _spend_unknown() -> Unavailable:
    return Unavailable("nobody knows what was spent", "not executed")


def _named(batch: Sequence[Request]) -> list[str]:
    """What lines about the batch are found by."""
    return [request.origin.correlation_id for request in batch[:MOST_NAMED]]


def _expired(request: Request) -> Unavailable:
    request.future.cancel()
    if request.state == "queued":
        return Unavailable("the command waited too long", "not executed")
    return Unavailable("the event database did not answer in time", "unknown")


def _resolve(request: Request) -> None:
    if request.future.done():
        return
    if request.refused is not None:
        request.future.set_exception(request.refused)
        request.future.exception()
    elif request.done is not None:
        request.future.set_result(request.done)


def _fail(batch: Sequence[Request], error: Exception) -> None:
    for request in batch:
        if not request.future.done():
            request.future.set_exception(error)
            request.future.exception()  # who waited may be gone before he is told
