"""Who could do what: everything that gives somebody a right, kind by kind, by cursor."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import orjson
from psycopg.sql import SQL

from services.edge.shapes.review import Right, What
from services.projection.queries.budgets import LAST_BUDGET
from services.projection.queries.reading import Connection, chunks
from services.projection.queries.records import KEY_IN_FORCE, KEYS, LAST_USER

_CHUNK = 500
_WITHIN = "(%(within)s::text[] IS NULL OR {0} = ANY (%(within)s::text[]))"
_ORGANIZATIONS = SQL(
    """
    SELECT NULL, NULL, NULL, o.organization_id, NULL, NULL, NULL, NULL,
        (o.settings->'models')::text, b.settings->>'max_budget', b.settings->>'budget_duration',
        false, NULL::timestamptz, o.created_at
    FROM read.organizations_1 o LEFT JOIN LATERAL {budget} b ON b.deleted_at IS NULL
    WHERE o.deleted_at IS NULL AND {within} ORDER BY o.organization_id
    """
).format(
    budget=LAST_BUDGET.format(budget_id=SQL("o.budget_id")),
    within=SQL(_WITHIN.format("o.organization_id")),
)
_TEAMS = SQL(
    """
    SELECT NULL, NULL, NULL, t.organization_id, t.team_id, t.team_alias, NULL, NULL,
        (t.settings->'models')::text, t.settings->'budget'->>'max_budget',
        t.settings->'budget'->>'budget_duration', t.blocked, NULL::timestamptz, t.created_at
    FROM read.teams_1 t WHERE t.deleted_at IS NULL AND {within} ORDER BY t.team_id
    """
).format(within=SQL(_WITHIN.format("t.organization_id")))
_USERS = SQL(
    """
    SELECT u.user_id, u.email, u.user_role, NULL, NULL, NULL, NULL, NULL,
        (u.settings->'models')::text, u.settings->>'max_budget', u.settings->>'budget_duration',
        false, NULL::timestamptz, u.created_at
    FROM read.users_1 u
    WHERE u.deleted_at IS NULL AND %(within)s::text[] IS NULL ORDER BY u.user_id
    """
)
_ORGANIZATION_MEMBERS = SQL(
    """
    SELECT m.user_id, u.email, m.role, o.organization_id, NULL, NULL, NULL, NULL,
        (o.settings->'models')::text, m.limits->>'max_budget', m.limits->>'budget_duration',
        false, NULL::timestamptz, m.joined_at
    FROM read.organization_members_1 m JOIN read.organizations_1 o
        ON o.organization_id = m.organization_id AND o.incarnation = m.incarnation
    LEFT JOIN LATERAL {user} u ON u.deleted_at IS NULL
    WHERE o.deleted_at IS NULL AND {within} ORDER BY o.organization_id, m.user_id
    """
).format(
    user=LAST_USER.format(user_id=SQL("m.user_id")),
    within=SQL(_WITHIN.format("o.organization_id")),
)
_TEAM_MEMBERS = SQL(
    """
    SELECT m.user_id, u.email, m.role, t.organization_id, t.team_id, t.team_alias, NULL, NULL,
        (t.settings->'models')::text, l.limits->>'max_budget',
        coalesce(l.limits->>'budget_duration', t.settings->'budget'->>'budget_duration'),
        t.blocked, NULL::timestamptz, m.joined_at
    FROM read.memberships_1 m JOIN read.teams_1 t
        ON t.team_id = m.team_id AND t.incarnation = m.incarnation
    CROSS JOIN LATERAL (SELECT coalesce(m.limits, t.settings->'member_defaults') AS limits) l
    LEFT JOIN LATERAL {user} u ON u.deleted_at IS NULL
    WHERE t.deleted_at IS NULL AND {within} ORDER BY t.team_id, m.user_id
    """
).format(
    user=LAST_USER.format(user_id=SQL("m.user_id")),
    within=SQL(_WITHIN.format("t.organization_id")),
)
_KEYS_IN_FORCE = SQL(
    """
    SELECT k.user_id, u.email, NULL, coalesce(k.organization_id, g.organization_id), k.team_id,
        g.team_alias, k.token, k.key_alias, (k.settings->'models')::text,
        k.settings->>'max_budget', k.settings->>'budget_duration',
        coalesce(k.blocked, false) OR coalesce(g.blocked, false), k.expires, k.created_at
    FROM {keys} k
    LEFT JOIN read.teams_1 g ON g.team_id = k.team_id AND g.incarnation = k.team_incarnation
    LEFT JOIN LATERAL {user} u ON u.deleted_at IS NULL
    WHERE k.deleted_at IS NULL AND {in_force} AND {within} ORDER BY k.user_id, k.token
    """
).format(
    keys=KEYS,
    user=LAST_USER.format(user_id=SQL("k.user_id")),
    in_force=KEY_IN_FORCE,
    within=SQL(_WITHIN.format("coalesce(k.organization_id, g.organization_id)")),
)
_COLUMNS = (
    *("user_id", "user_email", "role", "organization_id", "team_id", "team_alias", "key_hash"),
    *("key_alias", "models", "max_budget", "budget_duration", "blocked", "expires", "since"),
)
_STATEMENTS: Sequence[tuple[What, bytes]] = (
    ("organization", _ORGANIZATIONS.as_bytes()),
    ("team", _TEAMS.as_bytes()),
    ("user", _USERS.as_bytes()),
    ("organization_member", _ORGANIZATION_MEMBERS.as_bytes()),
    ("team_member", _TEAM_MEMBERS.as_bytes()),
    ("key", _KEYS_IN_FORCE.as_bytes()),
)


async def rights(
    connection: Connection, within: Sequence[str] | None, at: datetime
) -> AsyncIterator[list[Right]]:
    """All rights, or those in these organizations; keys that had expired at a moment are none."""
    parameters = {"within": None if within is None else list(within)}
    for what, statement in _STATEMENTS:
        async for rows in chunks(connection, statement, parameters, _CHUNK):
            found = (_right(what, row) for row in rows)
            yield [one for one in found if one.expires is None or one.expires > at]


def _right(what: What, row: Sequence[Any]) -> Right:
    values = dict(zip(_COLUMNS, row, strict=True))
    models = values["models"]
    values["models"] = orjson.loads(models) if models else []
    return Right(what, **values)
