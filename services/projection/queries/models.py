"""The lists that bound which models a key may use (auth.md 5.1)."""

import orjson
from psycopg.sql import SQL

from services.access.models import ModelLists
from services.access.principal import Principal
from services.database.connections import Pool
from services.projection.queries.reading import POSITION, fetch
from services.projection.queries.records import LAST_KEY, LAST_USER

_STATEMENT = (
    SQL(
        """
        SELECT {position}, (k.settings->'models')::text, (t.settings->'models')::text,
            (t.settings->'model_aliases')::text, (u.settings->'models')::text
        FROM (SELECT) one LEFT JOIN LATERAL {key} k ON true
        LEFT JOIN read.teams_1 t ON t.team_id = k.team_id AND t.incarnation = k.team_incarnation
        LEFT JOIN LATERAL {user} u ON k.team_id IS NULL AND u.deleted_at IS NULL
        """
    )
    .format(
        position=POSITION,
        key=LAST_KEY.format(token=SQL("%(token)s")),
        user=LAST_USER.format(user_id=SQL("k.user_id")),
    )
    .as_bytes()
)


async def model_lists(pool: Pool, principal: Principal) -> tuple[int, ModelLists]:
    """Position and lists of the caller's key; nothing bounds the master key."""
    [(position, *found)] = await fetch(pool, _STATEMENT, {"token": principal.token}, prepare=True)
    key, team, aliases, user = (None if text is None else orjson.loads(text) for text in found)
    return position, ModelLists(key or (), team or (), aliases or {}, user or ())
