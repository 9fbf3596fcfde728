"""Who stands behind a key, as of a position of the read models."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from psycopg.sql import SQL

from services.access.credentials import MAX_ROTATIONS
from services.access.principal import KeyFacts
from services.database.connections import Pool
from services.database.together import Together
from services.projection.queries.reading import POSITION, Row, fetch, text_size
from services.projection.queries.records import (
    LAST_KEY,
    LAST_ORGANIZATION,
    LAST_USER,
    NOT_LEFT_BEHIND,
    OWNER_THERE,
)

_ORG_ROLES = SQL(
    "(SELECT json_agg(json_build_array(i.organization_id, i.role) ORDER BY i.organization_id) "
    "FROM read.organization_members_1 i JOIN LATERAL {last} o "
    "ON o.incarnation = i.incarnation AND o.deleted_at IS NULL "
    "WHERE i.user_id = u.user_id)::text"
).format(last=LAST_ORGANIZATION.format(organization_id=SQL("i.organization_id")))
_MAYBE_BUDGETED = SQL(
    "t.settings->'budget'->>'max_budget' IS NOT NULL "
    "OR m.limits->>'max_budget' IS NOT NULL "
    "OR m.user_id IS NOT NULL AND t.settings->'member_defaults'->>'max_budget' IS NOT NULL "
    "OR k.team_id IS NULL AND u.settings->>'max_budget' IS NOT NULL "
    "OR coalesce(k.organization_id, t.organization_id) IS NOT NULL"
)
_STATEMENT = (
    SQL(
        """
        SELECT {position}, k.token IS NOT NULL, k.user_id, k.team_id, k.blocked, k.expires,
            (k.settings->'allowed_routes')::text, (k.settings->'models')::text,
            k.team_id IS NOT NULL AND (t.team_id IS NULL OR t.deleted_at IS NOT NULL
                OR NOT {not_left_behind} OR (k.settings->>'member_since' IS NOT NULL
                    AND m.joined IS DISTINCT FROM (k.settings->>'member_since')::bigint))
                OR NOT {owner_there},
            k.user_id IS NULL OR u.user_id IS NOT NULL, u.user_role, {org_roles}, t.blocked,
            o.successor, o.accepted_until, k.key_alias, {maybe_budgeted}
        FROM unnest(%(tokens)s::text[]) WITH ORDINALITY q (token, place)
        LEFT JOIN LATERAL {key} o ON true
        LEFT JOIN LATERAL (SELECT o.*) k ON k.deleted_at IS NULL
        LEFT JOIN read.teams_1 t ON t.team_id = k.team_id AND t.incarnation = k.team_incarnation
        LEFT JOIN read.memberships_1 m ON m.team_id = t.team_id
            AND m.incarnation = t.incarnation AND m.user_id = k.user_id
        LEFT JOIN LATERAL {user} u ON u.deleted_at IS NULL
        ORDER BY q.place
        """
    )
    .format(
        position=POSITION,
        key=LAST_KEY.format(token=SQL("q.token")),
        user=LAST_USER.format(user_id=SQL("k.user_id")),
        owner_there=OWNER_THERE,
        not_left_behind=NOT_LEFT_BEHIND,
        org_roles=_ORG_ROLES,
        maybe_budgeted=_MAYBE_BUDGETED,
    )
    .as_bytes()
)


@dataclass(frozen=True, slots=True)
class Holder:
    """What judging a credential needs, as of `position`; `key` is None for an unknown one.

    A key is void when its team's life, its owner's membership or its owner's life is over. `token`
    is the key's hash: that of the `successor` for one that was rotated, `until` its grace period
    ends (A08). `org_roles` are the live organizations that the owner is in, with his role in each.
    Unless it is `maybe_budgeted`, no budget stands in its way to anything but calls of models.
    `size` is that of the texts it was read from.
    """

    token: str
    position: int
    key: KeyFacts | None
    role: str | None
    org_roles: tuple[tuple[str, str], ...]
    team_blocked: bool
    successor: str | None = None
    until: datetime | None = None
    maybe_budgeted: bool = False
    size: int = 0


class Principals:
    """Reads holders, and keeps those it read as long as nothing new was committed.

    A holder answers requests whose head is not beyond the position it was read at, so nothing
    need ever be invalidated. Unknown keys are not kept: inventing keys pushes nobody out. At most
    `capacity` are, of at most `capacity_size` together.
    """

    def __init__(
        self, pool: Pool, capacity: int = 10_000, capacity_size: int = 16 * 1024 * 1024
    ) -> None:
        self._pool = pool
        self._capacity, self._capacity_size, self._size = capacity, capacity_size, 0
        self._kept: OrderedDict[str, Holder] = OrderedDict()
        self._together: Together[None, str, Holder] = Together(self._ask)

    async def holder(self, token: str, head: int, now: datetime) -> Holder:
        """The holder of the key that the secret with this sha256 stands for, as of `head` or later.

        The read models must have reached `head`.
        """
        found = await self._holder(token, head)
        for _ in range(MAX_ROTATIONS):
            if found.successor is None or found.until is None or found.until <= now:
                break
            found = await self._holder(found.successor, head)
        return found

    async def _holder(self, token: str, head: int) -> Holder:
        kept = self._kept.get(token)
        if kept is not None and kept.position >= head:
            self._kept.move_to_end(token)
            return kept
        return await self._together.get(None, token)

    async def _ask(self, _: None, tokens: Sequence[str]) -> Mapping[str, Holder]:
        rows = await fetch(self._pool, _STATEMENT, {"tokens": tokens}, prepare=True)
        holders = dict(zip(tokens, map(_holder, tokens, rows), strict=True))
        for token, holder in holders.items():
            if holder.key is not None or holder.successor is not None:
                self._keep(token, holder)
        return holders

    def _keep(self, token: str, holder: Holder) -> None:
        kept = self._kept.get(token)
        if kept is None or kept.position <= holder.position:
            self._size += holder.size - (0 if kept is None else kept.size)
            self._kept[token] = holder
            self._kept.move_to_end(token)
        while len(self._kept) > self._capacity or self._size > self._capacity_size:
            self._size -= self._kept.popitem(last=False)[1].size


def _holder(token: str, row: Row) -> Holder:
    position, known, user_id, team_id, blocked, expires, routes, models, void, *owner = row
    user_known, role, org_roles, stopped, successor, until, alias, maybe_budgeted = owner
    facts = KeyFacts(
        user_id=user_id,
        team_id=team_id,
        blocked=bool(blocked),
        expires=expires,
        allowed_routes=tuple(orjson.loads(routes)) if routes else (),
        models=tuple(orjson.loads(models)) if models else (),
        void=void,
        user_known=user_known,
        alias=alias,
    )
    return Holder(
        token=token,
        position=position,
        key=facts if known else None,
        role=role,
        org_roles=tuple((of, held) for of, held in orjson.loads(org_roles or "[]")),
        team_blocked=bool(stopped),
        successor=successor,
        until=until,
        maybe_budgeted=bool(maybe_budgeted),
        size=text_size(row),
    )
