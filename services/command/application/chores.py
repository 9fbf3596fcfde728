"""The process manager that works off what one append could not hold.

Deleting a team of many keys, an organization of many teams or a user with his keys and memberships
makes these void at once, by rule; their own facts follow here in chunks. What is left to do stands
in `ops.chores`, as (parent, kind, until), written with the fact that caused it: so a restart goes
on where the last process stopped, and two processes do no harm to each other.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Any, LiteralString

import structlog
import uuid_utils
from psycopg_pool import AsyncConnectionPool

from events.envelope import decode
from events.key import Cause
from events.streams import KEY, ORGANIZATION, TEAM, USER, kind_and_id, stream
from services.access.principal import Credential, Principal
from services.command.application.callers import is_void
from services.command.application.commit import LOST
from services.command.application.departures import Leave
from services.command.application.keys import deletions
from services.command.application.loop import CommandLoop
from services.command.application.organization_deletion import DeleteDependentTeams
from services.command.application.requests import Command, Decision, Origin, Unavailable
from services.command.application.returns import Returns
from services.command.application.view import View
from services.command.domain.dependents import KEYS, ORGANIZATIONS, TEAMS
from services.command.domain.key import ApiKey
from services.database.background import Background

log = structlog.get_logger(__name__)

CHUNK = 50
"""Keys in one append: 7 ms of processor time, in which others wait."""

TEAMS_CHUNK, FACTS = 10, 150
"""Teams or organizations in one command, and facts that these may have: as long as that."""

_KEYS = """
SELECT child, 0 FROM ops.dependents WHERE parent = %s AND kind = %s AND since <= %s LIMIT %s
"""
_WEIGHED = """
SELECT child, (SELECT max(originator_version) FROM events.stored_events WHERE originator_id = child)
FROM ops.dependents WHERE parent = %s AND kind = %s AND since <= %s LIMIT %s
"""
_CAUSE = """
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events WHERE notification_id = %s
"""
_CAUSES: dict[str, Cause] = {ORGANIZATION: "organization", TEAM: "team", USER: "user"}
LOOK_SECONDS = 1.0
AGAIN_SECONDS = 60.0
"""Until a chore is tried again that could not be carried out."""

FORGET_SECONDS = 3_600
Chore = tuple[str, str, int]
CarryOut = Callable[[str, Origin], Awaitable[None]]
_SYSTEM = Credential(token="", tail="", master=True)


@dataclass(frozen=True, slots=True)
class DeleteDependentKeys:
    """The facts of keys that are void already; the actor is the service itself.

    Those of a team that came back meanwhile, and they with it, are left alone.
    """

    tokens: tuple[str, ...]
    cause: Cause
    name: str = "DeleteDependentKeys"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        view.need(stream(KEY, token) for token in self.tokens)
        ended = [token for token in self.tokens if not self._came_back(view, view.key(token))]
        return Decision(deletions(view, ended, self.cause), lambda _: {})

    def _came_back(self, view: View, held: ApiKey) -> bool:
        team_id = held.settings.team_id
        return (
            self.cause == "team" and team_id is not None and not is_void(held, view.team(team_id))
        )


class Chores(Background):
    """Looks for chores once a second and works them off; forgets old answers once an hour.

    After each chunk it rests for as long as that took: whoever waited meanwhile is served before
    the next one, and half of the time is everybody else's.

    `others` carry out chores that are about one thing, by their kind: what is given is its id.
    """

    task_name = "chores"

    def __init__(
        self,
        loop: CommandLoop,
        pool: AsyncConnectionPool[Any],
        others: Mapping[str, CarryOut] = MappingProxyType({}),
    ) -> None:
        self._loop, self._pool, self._others = loop, pool, others
        self._returns = Returns(loop, pool)
        self._again_at: dict[Chore, float] = {}

    async def _run(self) -> None:
        forget_at = 0.0
        while True:
            try:
                await self.work_off()
                if time.monotonic() >= forget_at:
                    await self.forget_answers()
                    forget_at = time.monotonic() + FORGET_SECONDS
            except LOST as error:
                log.warning("chores wait", error=type(error).__name__)
            except Exception:
                log.exception("chores wait")
            await asyncio.sleep(LOOK_SECONDS)

    async def work_off(self) -> None:
        """Carry out everything that stands in `ops.chores`.

        What cannot be carried out is left there, tried again later, and keeps no other waiting.
        """
        for chore in await self._due():
            try:
                await self._carry_out(*chore)
            except LOST:
                raise
            except Unavailable as error:
                log.warning("a chore waits", kind=chore[1], error=str(error))
            except Exception:
                log.exception("a chore cannot be carried out", kind=chore[1], position=chore[2])
                self._again_at[chore] = time.monotonic() + AGAIN_SECONDS

    async def _due(self) -> Sequence[Chore]:
        async with self._pool.connection() as conn:
            cursor = await conn.execute("SELECT parent, kind, until FROM ops.chores")
            chores = [(parent, kind, until) for parent, kind, until in await cursor.fetchall()]
        self._again_at = {c: at for c in chores if (at := self._again_at.get(c)) is not None}
        return [c for c in chores if self._again_at.get(c, 0.0) <= time.monotonic()]

    async def _carry_out(self, parent: str, kind: str, until: int) -> None:
        origin = await self._origin(until)
        if (carry_out := self._others.get(kind)) is not None:
            await carry_out(kind_and_id(parent)[1], origin)
        elif Returns.concerns(kind):
            await self._returns.work_off(parent, kind, until, origin)
        else:
            await self._in_chunks(parent, kind, until, origin)
        async with self._pool.connection() as conn:
            await conn.execute(
                "DELETE FROM ops.chores WHERE parent = %s AND kind = %s AND until = %s",
                (parent, kind, until),
            )

    async def forget_answers(self) -> None:
        """Answers to idempotency keys are kept for 24 hours (architecture, section 4)."""
        async with self._pool.connection() as conn:
            await conn.execute(
                "DELETE FROM ops.idempotency WHERE created_at < now() - interval '24 hours'"
            )

    async def _in_chunks(self, parent: str, kind: str, until: int, origin: Origin) -> None:
        while command := await self._next(parent, kind, until):
            began = time.monotonic()
            await self._loop.handle(command, origin, lambda done: done)
            await asyncio.sleep(time.monotonic() - began)

    async def _next(self, parent: str, kind: str, until: int) -> Command | None:
        """The next chunk of a deletion; None when it is done."""
        of, identity = kind_and_id(parent)
        whole = kind in (TEAMS, ORGANIZATIONS)
        query, limit = (_WEIGHED, TEAMS_CHUNK) if whole else (_KEYS, CHUNK)
        children = await self._children(query, parent, kind, until, limit)
        if not children:
            return None
        if whole:
            light = _light(children)
            return Leave(identity, kind, light) if of == USER else DeleteDependentTeams(light)
        ids = tuple(child for child, _ in children)
        return DeleteDependentKeys(ids, _CAUSES[of] if kind == KEYS else "member")

    async def _children(
        self, query: LiteralString, parent: str, kind: str, until: int, limit: int
    ) -> list[tuple[str, int]]:
        """Ids of dependents, and how many facts each has."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(query, (parent, kind, until, limit))
            return [(kind_and_id(child)[1], facts) for child, facts in await cursor.fetchall()]

    async def _origin(self, until: int) -> Origin:
        """The service itself, because of the fact that left the chore."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_CAUSE, (until,), binary=True)
            cause = decode(*(await cursor.fetchone() or ()))
        return Origin(
            _SYSTEM,
            "",
            "",
            cause.meta.correlation_id or cause.event_id,
            str(uuid_utils.uuid7()),
            causation_id=cause.event_id,
        )


def _light(children: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    """As many of them as have few facts together, at least one: all of these are loaded."""
    facts = accumulate(count for _, count in children)
    few = [child for (child, _), total in zip(children, facts, strict=True) if total <= FACTS]
    return tuple(few or [children[0][0]])
