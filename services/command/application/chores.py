"""The process manager that works off what one append could not hold.

Deleting a team of many keys makes the keys void at once, by rule, and so does deleting a user with
his keys and memberships; their own facts follow here in chunks. What is left to do stands in
`ops.chores`, written with the fact that caused it, so a restart goes on where the last process
stopped, and two processes do no harm to each other.
"""

import asyncio
import contextlib
import time
import uuid
from dataclasses import dataclass
from typing import Any

import psycopg
import psycopg_pool
import structlog
import uuid_utils
from psycopg_pool import AsyncConnectionPool

from events.key import Cause
from events.streams import USER, kind_and_id
from services.access.principal import Credential, Principal
from services.command.application.departures import TEAMS_AT_ONCE, Leave
from services.command.application.keys import deletions
from services.command.application.loop import CommandLoop
from services.command.application.requests import Command, Decision, Origin, Unavailable
from services.command.application.view import View
from services.command.domain.dependents import KEYS, ORGANIZATIONS, TEAMS

log = structlog.get_logger(__name__)

CHUNK = 100
"""Keys in one append: 40 ms, in which others wait."""

LOOK_SECONDS = 1.0
FORGET_SECONDS = 3_600
_SYSTEM = Credential(token="", tail="", master=True)


@dataclass(frozen=True, slots=True)
class DeleteDependentKeys:
    """The facts of keys that are void already; the actor is the service itself."""

    tokens: tuple[str, ...]
    cause: Cause
    name: str = "DeleteDependentKeys"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        return Decision(deletions(view, self.tokens, self.cause), lambda _: {})


class Chores:
    """Looks for chores once a second and works them off; forgets old answers once an hour."""

    def __init__(self, loop: CommandLoop, pool: AsyncConnectionPool[Any]) -> None:
        self._loop, self._pool = loop, pool
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="chores")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        forget_at = 0.0
        while True:
            try:
                await self.work_off()
                if time.monotonic() >= forget_at:
                    await self.forget_answers()
                    forget_at = time.monotonic() + FORGET_SECONDS
            except (psycopg.Error, psycopg_pool.PoolTimeout, Unavailable) as error:
                log.warning("chores wait", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def work_off(self) -> None:
        """Carry out everything that stands in `ops.chores`."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute("SELECT parent, kind, until FROM ops.chores")
            chores = await cursor.fetchall()
        for parent, kind, until in chores:
            while children := await self._next(parent, kind, until):
                command = _command(parent, kind, tuple(children))
                await self._loop.handle(command, _origin(), lambda done: done)
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

    async def _next(self, parent: str, kind: str, until: int) -> list[str]:
        async with self._pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT child FROM ops.dependents "
                "WHERE parent = %s AND kind = %s AND since <= %s LIMIT %s",
                (parent, kind, until, TEAMS_AT_ONCE if kind == TEAMS else CHUNK),
            )
            return [kind_and_id(child)[1] for (child,) in await cursor.fetchall()]


def _command(parent: str, kind: str, children: tuple[str, ...]) -> Command:
    """What ends these children of a parent that is gone."""
    of, identity = kind_and_id(parent)
    if of == USER and kind in (TEAMS, ORGANIZATIONS):
        return Leave(identity, kind, children)
    cause: Cause = "user" if of == USER else "team" if kind == KEYS else "member"
    return DeleteDependentKeys(children, cause)


def _origin() -> Origin:
    return Origin(_SYSTEM, "", "", uuid.uuid4().hex, str(uuid_utils.uuid7()))
