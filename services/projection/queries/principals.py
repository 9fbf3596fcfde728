"""Who stands behind a key, as of a position of the read models."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

import orjson
from psycopg.sql import SQL

from services.access.principal import KeyFacts
from services.database.connections import Pool
from services.projection.queries.reading import POSITION, Row, fetch

_STATEMENT = (
    SQL(
        """
        SELECT {position}, k.token IS NOT NULL, k.user_id, k.team_id, k.blocked, k.expires,
            (k.settings->'allowed_routes')::text, (k.settings->'models')::text,
            k.team_id IS NOT NULL
                AND (t.team_id IS NULL OR (k.settings->>'member_since' IS NOT NULL
                    AND m.joined IS DISTINCT FROM (k.settings->>'member_since')::bigint)),
            u.user_role, t.blocked
        FROM (SELECT) AS one
        LEFT JOIN read.keys_1 k ON k.token = %(token)s AND k.deleted_at IS NULL
        LEFT JOIN read.teams_1 t ON t.team_id = k.team_id
            AND t.incarnation = k.team_incarnation AND t.deleted_at IS NULL
        LEFT JOIN read.memberships_1 m ON m.team_id = t.team_id
            AND m.incarnation = t.incarnation AND m.user_id = k.user_id
        LEFT JOIN read.users_1 u ON u.user_id = k.user_id AND u.deleted_at IS NULL
        """
    )
    .format(position=POSITION)
    .as_bytes()
)


@dataclass(frozen=True, slots=True)
class Holder:
    """What judging a credential needs, as of `position`; `key` is None for an unknown one.

    A key is void when its team's life or its owner's membership is over.
    """

    position: int
    key: KeyFacts | None
    role: str | None
    team_blocked: bool


class Principals:
    """Reads holders, and keeps those it read as long as nothing new was committed.

    A holder answers requests whose head is not beyond the position it was read at, so nothing
    need ever be invalidated. Requests for one key at one head share one query. Unknown keys are
    not kept: inventing keys pushes nobody out.
    """

    def __init__(self, pool: Pool, capacity: int = 10_000) -> None:
        self._pool = pool
        self._capacity = capacity
        self._kept: OrderedDict[str, Holder] = OrderedDict()
        self._asking: dict[tuple[str, int], asyncio.Task[Holder]] = {}

    async def holder(self, token: str, head: int) -> Holder:
        """The holder of the key with this sha256 as of `head` or later.

        The read models must have reached `head`.
        """
        kept = self._kept.get(token)
        if kept is not None and kept.position >= head:
            self._kept.move_to_end(token)
            return kept
        asking = self._asking.get((token, head))
        if asking is None:
            asking = self._asking[token, head] = asyncio.create_task(self._ask(token))
            asking.add_done_callback(lambda done: self._asked(token, head, done))
        return await asyncio.shield(asking)

    async def _ask(self, token: str) -> Holder:
        return _holder((await fetch(self._pool, _STATEMENT, {"token": token}))[0])

    def _asked(self, token: str, head: int, done: asyncio.Task[Holder]) -> None:
        del self._asking[token, head]
        if done.cancelled() or done.exception() is not None or done.result().key is None:
            return
        self._kept[token] = done.result()
        self._kept.move_to_end(token)
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)


def _holder(row: Row) -> Holder:
    position, known, user_id, team_id, blocked, expires, routes, models, void, role, stopped = row
    facts = KeyFacts(
        user_id=user_id,
        team_id=team_id,
        blocked=bool(blocked),
        expires=expires,
        allowed_routes=tuple(orjson.loads(routes)) if routes else (),
        models=tuple(orjson.loads(models)) if models else (),
        void=void,
    )
    return Holder(position, facts if known else None, role, bool(stopped))
