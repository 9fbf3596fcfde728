"""Keys by their hashes, with what it takes to judge who may read it (supporting-api.md 2.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from psycopg.sql import SQL

from services.access.principal import Principal
from services.database.connections import Pool
from services.edge.shapes.key import KeyView
from services.projection.queries.reading import POSITION, fetch
from services.projection.queries.records import (
    KEY_ROW,
    LAST_KEY,
    NOT_LEFT_BEHIND,
    OWNER_THERE,
    KeyRecord,
    key_record,
)

_STATEMENT = (
    SQL(
        """
        SELECT {position}, {key}, k.version, k.user_id, c.role,
            (t.settings->'member_permissions')::text
        FROM unnest(%(tokens)s::text[]) WITH ORDINALITY q (token, place)
        LEFT JOIN (
            LATERAL {last_key} k
            LEFT JOIN read.teams_1 t ON t.team_id = k.team_id AND t.incarnation = k.team_incarnation
            LEFT JOIN read.memberships_1 o ON o.team_id = t.team_id
                AND o.incarnation = t.incarnation AND o.user_id = k.user_id
            LEFT JOIN read.memberships_1 c ON c.team_id = t.team_id
                AND c.incarnation = t.incarnation AND c.user_id = %(caller)s
        ) ON k.deleted_at IS NULL AND (k.team_id IS NULL OR (
            t.team_id IS NOT NULL AND t.deleted_at IS NULL AND {not_left_behind}
            AND (k.settings->>'member_since' IS NULL
                OR o.joined = (k.settings->>'member_since')::bigint)))
            AND {owner_there}
        ORDER BY q.place
        """
    )
    .format(
        position=POSITION,
        key=KEY_ROW,
        last_key=LAST_KEY.format(token=SQL("q.token")),
        owner_there=OWNER_THERE,
        not_left_behind=NOT_LEFT_BEHIND,
    )
    .as_bytes()
)


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key that is in force; `team_role` is the caller's in the team of the key, if any.

    `permissions` is that team's list for its members as it stands, empty for the default.
    `version` is that of the key's stream.
    """

    record: KeyRecord
    version: int
    owner: str | None
    team_role: str | None
    permissions: Sequence[str]

    @property
    def view(self) -> KeyView:
        """The key as answers need it."""
        return self.record.view


async def find_key(pool: Pool, principal: Principal, token: str) -> tuple[int, FoundKey | None]:
    """Position and key by its sha256, None for a key that is unknown, deleted or void."""
    position, found = await find_keys(pool, principal, [token])
    return position, found[0]


async def find_keys(
    pool: Pool, principal: Principal, tokens: Sequence[str]
) -> tuple[int, list[FoundKey | None]]:
    """As `find_key` for several, at least one, in the order they are named."""
    parameters = {"tokens": tokens, "caller": principal.user_id}
    rows = await fetch(pool, _STATEMENT, parameters, prepare=True)
    return rows[0][0], [_found(columns) for _, *columns in rows]


def _found(columns: Sequence[Any]) -> FoundKey | None:
    *key, version, owner, role, permissions = columns
    if key[0] is None:
        return None
    allowed = orjson.loads(permissions) if permissions else []
    return FoundKey(key_record(key), version, owner, role, allowed)
