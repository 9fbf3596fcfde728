"""Working off what the restoration of a large team left to do (see `chores` and `restoration`)."""

from typing import Any

from psycopg_pool import AsyncConnectionPool

from events.streams import kind_and_id
from services.command.application.loop import CommandLoop
from services.command.application.requests import Origin
from services.command.application.restoration import (
    KEYS_TO_RESTORE,
    MEMBERS_TO_CHECK,
    CheckMembers,
    RestoreKeys,
)
from services.command.domain.dependents import KEYS, revoked_keys

CHUNK = 25
"""Keys in one append: ten milliseconds, in which others wait."""

_KEYS = """
SELECT child FROM ops.dependents
WHERE parent = %s AND kind = %s AND child > %s ORDER BY child LIMIT %s
"""


class Returns:
    """What was left to do is found by the position of the restoration, `until`."""

    def __init__(self, loop: CommandLoop, pool: AsyncConnectionPool[Any]) -> None:
        self._loop, self._pool = loop, pool

    @staticmethod
    def concerns(kind: str) -> bool:
        """Whether a chore of that kind is one of these."""
        return kind.partition("/")[0] in (MEMBERS_TO_CHECK, KEYS_TO_RESTORE)

    async def work_off(self, parent: str, kind: str, until: int, origin: Origin) -> None:
        """Carry it out, or as much of it as a later deletion of the team leaves."""
        team_id = kind_and_id(parent)[1]
        what, _, incarnation = kind.partition("/")
        if what == MEMBERS_TO_CHECK:
            command = CheckMembers(team_id, until)
            while (await self._loop.handle(command, origin, lambda number: number)).answer:
                pass
            return
        # Keys whose end is still to be recorded come first: behind them there are no others.
        for links in (KEYS, revoked_keys(int(incarnation))):
            await self._keys(team_id, (parent, links), until, origin)

    async def _keys(self, team_id: str, links: tuple[str, str], until: int, origin: Origin) -> None:
        last = ""
        while children := await self._children(*links, last):
            last = children[-1]
            tokens = tuple(kind_and_id(child)[1] for child in children)
            command = RestoreKeys(team_id, tokens, until)
            await self._loop.handle(command, origin, lambda done: done)

    async def _children(self, parent: str, kind: str, after: str) -> list[str]:
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_KEYS, (parent, kind, after, CHUNK))
            return [child for (child,) in await cursor.fetchall()]
