"""One user with his keys, or all keys there are (supporting-api.md 3.2).

Each of these reads within a snapshot that all of an answer is read in.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import orjson
from psycopg.sql import SQL, Composable

from services.edge.shapes.user import UserView
from services.projection.queries.reading import POSITION, Connection, Row, chunks, run
from services.projection.queries.records import (
    KEY_IN_FORCE,
    KEY_ROW,
    KEYS,
    LAST_USER,
    KeyRecord,
    key_record,
)
from services.projection.queries.spend_books import USER_BOOK, spend_book
from services.spend.budgets import Account
from services.spend.spenders import Spender

_CHUNK = 500
USER = SQL(
    "u.user_id, u.settings::text, u.email, u.user_alias, u.created_at, u.updated_at, "
    "u.budget_since, u.version, u.incarnation, {}::text"
).format(USER_BOOK)
_TEAMS_OF_USER = SQL(
    "(SELECT json_agg(t.team_id ORDER BY m.joined_at, t.team_id) "
    "FROM read.memberships_1 m JOIN read.teams_1 t "
    "ON t.team_id = m.team_id AND t.incarnation = m.incarnation "
    "WHERE m.user_id = u.user_id AND t.deleted_at IS NULL {seen})::text"
)


def teams_of_user(seen: SQL) -> Composable:
    """The ids of the teams that user `u` is in, as JSON; `user_record` takes them after USER.

    `seen` is empty, or begins with AND and says which teams `t` are meant.
    """
    return _TEAMS_OF_USER.format(seen=seen)


_USER = (
    SQL("SELECT {position}, {columns}, {teams} FROM (SELECT) one LEFT JOIN {user} u ON {there}")
    .format(
        position=POSITION,
        columns=USER,
        teams=teams_of_user(SQL("")),
        user=LAST_USER.format(user_id=SQL("%(user_id)s")),
        there=SQL("u.deleted_at IS NULL"),
    )
    .as_bytes()
)
_KEYS = SQL(
    "SELECT {key}, t.team_alias FROM {keys} k LEFT JOIN read.teams_1 t "
    "ON t.team_id = k.team_id AND t.incarnation = k.team_incarnation "
    "WHERE k.deleted_at IS NULL {owner} AND {in_force} ORDER BY k.created_at DESC, k.token DESC"
)


def _keys(owner: SQL) -> bytes:
    return _KEYS.format(key=KEY_ROW, keys=KEYS, owner=owner, in_force=KEY_IN_FORCE).as_bytes()


_EVERY_KEY = _keys(SQL(""))
_KEYS_OF_USER = _keys(SQL("AND k.user_id = %(user_id)s"))
_FIRST_KEYS_OF_USER = b"%b LIMIT %d" % (_KEYS_OF_USER, _CHUNK + 1)


@dataclass(frozen=True, slots=True)
class KeyOfUser:
    """A key in force; `team_alias` is that of its team, if it has one."""

    record: KeyRecord
    team_alias: str | None


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A user as he was read, and as he spends."""

    view: UserView
    spender: Spender


async def find_user(connection: Connection, user_id: str | None) -> tuple[int, UserRecord | None]:
    """Position and user with the teams he is in, in the order of joining; None for nobody."""
    row = (await run(connection, _USER, {"user_id": user_id}, prepare=True))[0]
    return row[0], None if row[1] is None else user_record(row[1:])


async def keys_of_user(
    connection: Connection, user_id: str | None
) -> AsyncIterator[list[KeyOfUser]]:
    """All keys that a user owns, or with None all there are: the newest first, none void."""
    parameters = {"user_id": user_id}
    if user_id is not None:
        rows = await run(connection, _FIRST_KEYS_OF_USER, parameters, prepare=True)
        if len(rows) <= _CHUNK:
            yield _of_user(rows)
            return
    statement = _EVERY_KEY if user_id is None else _KEYS_OF_USER
    async for rows in chunks(connection, statement, parameters, _CHUNK):
        yield _of_user(rows)


def _of_user(rows: Sequence[Row]) -> list[KeyOfUser]:
    return [KeyOfUser(key_record(columns), alias) for *columns, alias in rows]


def user_record(row: Row) -> UserRecord:
    """From the columns USER and the ids of his teams as JSON."""
    user_id, settings, email, alias, created_at, updated_at, since, version, *rest = row
    incarnation, book, teams = rest
    view = UserView(
        user_id=user_id,
        settings=orjson.loads(settings),
        email=email,
        alias=alias,
        teams=orjson.loads(teams) if teams else [],
        created_at=created_at,
        updated_at=updated_at,
        budget_since=since,
        version=version,
    )
    return UserRecord(view, user_spender(user_id, incarnation, book))


def user_spender(user_id: str, incarnation: int, found: str | None) -> Spender:
    """From the last two columns of USER: a life of a user as he spends."""
    book = spend_book(found)
    return book.spender(Account("user", user_id, incarnation), book.cadences("user"))
