"""Lists of teams: what /team/list shows, without paging (team-api.md 3.5)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from psycopg.sql import SQL, Composable, Literal

from services.access.principal import Principal
from services.access.visibility import sees_every_key
from services.database.connections import Pool
from services.edge.shapes.key import KeyView
from services.projection.queries.reading import POSITION, Connection, Row, chunks, fetch
from services.projection.queries.records import (
    KEY,
    KEY_OF_TEAM,
    KEY_ORDER,
    MEMBER,
    MEMBER_OF_TEAM,
    MEMBERS,
    TEAM,
    TeamRecord,
    key_views,
    team_record,
)

SHOWN = 1_000
"""Members, and keys, that a list shows of one team; beyond, it says how many there are."""

FEW = 100
"""Teams up to which an answer is read at once."""

NO_ORGANIZATION = "default_organization"

SOME_MEMBERS = SQL(
    "(SELECT json_agg(json_build_array({member}) ORDER BY m.joined) FROM "
    "(SELECT * FROM read.memberships_1 m WHERE {of_team} ORDER BY m.joined LIMIT {shown}) m "
    "LEFT JOIN read.users_1 u ON u.user_id = m.user_id AND u.deleted_at IS NULL)::text"
).format(member=MEMBER, of_team=MEMBER_OF_TEAM, shown=Literal(SHOWN))
"""The first members of team `t` to join, as `team_record` takes them."""
