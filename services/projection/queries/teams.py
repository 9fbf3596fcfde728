"""One team with its members and keys, as far as the caller may see them (team-api.md 3.4)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import orjson
from psycopg.sql import SQL, Literal

from events.values import JsonObject
from services.access.principal import Principal, Towards
from services.access.visibility import reads_without_membership
from services.database.connections import Pool
from services.database.together import Together
from services.edge.shapes.team import Member
from services.projection.queries.reading import (
    POSITION,
    Connection,
    Parameters,
    Row,
    chunks,
    fetch,
    run,
)
from services.projection.queries.records import (
    KEY,
    KEY_ORDER,
    KEY_ROW,
    LARGE,
    LAST_TEAM,
    MEMBER,
    MEMBER_OF_TEAM,
    TEAM_WITH_ROSTER,
    KeyRecord,
    StoredTeam,
    TeamRecord,
    key_of_team,
    key_record,
    key_records,
)

_CHUNK = 500
_PARTS = {
    "position": POSITION,
    "team": TEAM_WITH_ROSTER,
    "member": MEMBER,
    "member_of_team": MEMBER_OF_TEAM,
    "key": KEY,
    "key_row": KEY_ROW,
    "key_of_team": key_of_team(SQL("q.caller"), SQL("(q.every_key OR t.administered)")),
    "key_order": KEY_ORDER,
    "large": Literal(LARGE),
    "beyond": Literal(LARGE + 1),
    "asked": SQL(
        "unnest(%(team_ids)s::text[], %(callers)s::text[], %(everybody)s::bool[], "
        "%(every_key)s::bool[], %(administers)s::text[]) "
        "WITH ORDINALITY q (team_id, caller, everybody, every_key, administers, place)"
    ),
    "visible": SQL(
        "(SELECT t.*, c.role, {administered} AS administered FROM {last_team} t "
        "LEFT JOIN read.memberships_1 c "
        "ON c.team_id = t.team_id AND c.incarnation = t.incarnation AND c.user_id = q.caller "
        "WHERE t.deleted_at IS NULL AND (q.everybody OR c.role IS NOT NULL OR {administered})) t"
    ).format(
        last_team=LAST_TEAM.format(team_id=SQL("q.team_id")),
        administered=SQL("coalesce(q.administers::jsonb ? t.organization_id, false)"),
    ),
    "one": SQL(
        "(SELECT %(team_id)s::text AS team_id, %(incarnation)s::bigint AS incarnation, "
        "%(role)s::text AS role, false AS administered, "
        "(SELECT gone_at FROM read.teams_1 WHERE team_id = %(team_id)s "
        "AND incarnation = %(incarnation)s) AS gone_at) t"
    ),
    "reader": SQL("(SELECT %(caller)s::text AS caller, %(every_key)s::bool AS every_key) q"),
}
_BARE = (
    SQL(
        "SELECT {position}, t.role, t.incarnation, {team} "
        "FROM {asked} LEFT JOIN LATERAL {visible} ON true"
    )
    .format(**_PARTS)
    .as_bytes()
)
_WHOLE = (
    SQL(
        """
        SELECT {position}, t.role, t.incarnation, {team},
            (SELECT json_agg(json_build_array({member}) ORDER BY m.joined) FROM read.memberships_1 m
             WHERE {member_of_team} AND t.members_total <= {large})::text,
            (SELECT json_agg(json_build_array({key}) ORDER BY {key_order})
             FROM (SELECT * FROM read.keys_1 k WHERE {key_of_team} LIMIT {beyond}) k)::text
        FROM {asked} LEFT JOIN LATERAL {visible} ON true ORDER BY q.place
        """
    )
    .format(**_PARTS)
    .as_bytes()
)
_IS_MEMBER = (
    b"SELECT FROM read.memberships_1 WHERE team_id = %(team_id)s "
    b"AND incarnation = %(incarnation)s AND user_id = %(user_id)s"
)
_MEMBERS = (
    SQL(
        "SELECT {member} FROM read.memberships_1 m JOIN {one} ON {member_of_team} ORDER BY m.joined"
    )
    .format(**_PARTS)
    .as_bytes()
)
_KEYS = (
    SQL(
        "SELECT {key_row} FROM {one} CROSS JOIN {reader} "
        "JOIN read.keys_1 k ON {key_of_team} ORDER BY {key_order}"
    )
    .format(**_PARTS)
    .as_bytes()
)


@dataclass(frozen=True, slots=True)
class Question:
    """A team, and what of it may be shown to a caller who is not in its roster.

    `administers` are the organizations whose teams he sees as a team's own admin does.
    """

    team_id: str
    caller: str | None
    everybody: bool
    every_key: bool
    administers: tuple[str, ...]

    @classmethod
    def of(cls, principal: Principal, team_id: str) -> "Question":
        return cls(
            team_id=team_id,
            caller=principal.user_id,
            everybody=reads_without_membership(principal, team_id),
            every_key=principal.reads_everything,
            administers=tuple(sorted(principal.administers)),
        )


@dataclass(frozen=True)
class FoundTeam:
    """A team that the caller may see; `role` is his in its roster.

    `keys_shown` are the KEY columns of the keys that he may see, as JSON.
    """

    stored: StoredTeam
    role: str | None
    keys_shown: str | None

    @cached_property
    def record(self) -> TeamRecord:
        """The team, parsed."""
        return self.stored.record()

    @cached_property
    def keys(self) -> Sequence[KeyRecord]:
        """The keys that the caller may see, the oldest first."""
        return key_records(self.keys_shown)

    @property
    def is_large(self) -> bool:
        """Whether members or keys are missing here: they are to be read in chunks."""
        return self.stored.members_total > LARGE or len(self.keys) > LARGE

    @property
    def towards(self) -> Towards:
        """The team as rules about the caller see it."""
        return Towards(self.stored.team_id, self.role, self.stored.organization_id)


Answer = tuple[int, FoundTeam | None]
"""Position and team; None for a team that is unknown or not the caller's to see."""


class Teams:
    """Teams as a whole, those that are asked for at the same time by one statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._together: Together[None, Question, Answer] = Together(self._ask, most=16)

    async def whole(self, question: Question) -> Answer:
        """The team with members and keys, unless there are too many of them."""
        return await self._together.get(None, question)

    async def _ask(self, _: None, questions: Sequence[Question]) -> Mapping[Question, Answer]:
        rows = await fetch(self._pool, _WHOLE, _parameters(questions), prepare=True)
        return {
            question: (row[0], _found(row[:-2], row[-2], row[-1]))
            for question, row in zip(questions, rows, strict=True)
        }


async def bare_team(connection: Connection, question: Question) -> Answer:
    """The team alone, for `members` and `keys` on the same connection."""
    row = (await run(connection, _BARE, _parameters([question])))[0]
    return row[0], _found(row, None, None)


async def is_member(pool: Pool, found: FoundTeam, user_id: str) -> bool:
    """Whether a user is in the roster of a team."""
    parameters = {**_life(found), "user_id": user_id}
    return bool(await fetch(pool, _IS_MEMBER, parameters, prepare=True))


async def members(
    connection: Connection, found: FoundTeam
) -> AsyncIterator[list[tuple[Member, JsonObject | None]]]:
    """All members with their own limits, in the order in which they joined."""
    async for rows in chunks(connection, _MEMBERS, _life(found), _CHUNK):
        yield [(Member(user_id, email, role), limits) for user_id, email, role, limits in rows]


async def keys(
    connection: Connection, found: FoundTeam, question: Question
) -> AsyncIterator[list[KeyRecord]]:
    """All keys that the caller may see, the oldest first."""
    administered = found.towards.organization_id in question.administers
    reader = {"caller": question.caller, "every_key": question.every_key or administered}
    async for rows in chunks(connection, _KEYS, {**_life(found), **reader}, _CHUNK):
        yield [key_record(row) for row in rows]


def _parameters(questions: Sequence[Question]) -> Parameters:
    return {
        "team_ids": [question.team_id for question in questions],
        "callers": [question.caller for question in questions],
        "everybody": [question.everybody for question in questions],
        "every_key": [question.every_key for question in questions],
        "administers": [orjson.dumps(question.administers).decode() for question in questions],
    }


def _life(found: FoundTeam) -> Parameters:
    return {
        "team_id": found.stored.team_id,
        "incarnation": found.stored.incarnation,
        "role": found.role,
    }


def _found(row: Row, roster: str | None, keys_text: str | None) -> FoundTeam | None:
    _, role, incarnation, *columns = row
    if incarnation is None:
        return None
    return FoundTeam(StoredTeam(tuple(columns), roster), role, keys_text)
