"""Keys by their hashes, with what it takes to judge who may read it (supporting-api.md 2.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from psycopg.sql import SQL

from services.access.principal import Principal
from services.database.connections import Pool
from services.database.together import Together
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
        FROM unnest(%(tokens)s::text[], %(callers)s::text[])
            WITH ORDINALITY q (token, caller, place)
        LEFT JOIN (
            LATERAL {last_key} k
            LEFT JOIN read.teams_1 t ON t.team_id = k.team_id AND t.incarnation = k.team_incarnation
            LEFT JOIN read.memberships_1 o ON o.team_id = t.team_id
                AND o.incarnation = t.incarnation AND o.user_id = k.user_id
        ) ON k.deleted_at IS NULL AND (k.team_id IS NULL OR (
            t.team_id IS NOT NULL AND t.deleted_at IS NULL AND {not_left_behind}
            AND (k.settings->>'member_since' IS NULL
                OR o.joined = (k.settings->>'member_since')::bigint)))
            AND {owner_there}
        LEFT JOIN read.memberships_1 c ON c.team_id = t.team_id
            AND c.incarnation = t.incarnation AND c.user_id = q.caller
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


class Question(NamedTuple):
    """A key by its sha256, and the user who asks, if a user does."""

    token: str
    caller: str | None


Answer = tuple[int, FoundKey | None]
"""Position and key; None for a key that is unknown, deleted or void."""


class Keys:
    """Keys by their hashes, those that are asked for at the same time by one statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._together: Together[None, Question, Answer] = Together(self._ask, most=16)

    async def one(self, principal: Principal, token: str) -> Answer:
        """The key, and what of its team is to be known of the caller."""
        return await self._together.get(None, Question(token, principal.user_id))

    async def several(
        self, principal: Principal, tokens: Sequence[str]
    ) -> tuple[int, list[FoundKey | None]]:
        """As `one` of the same moment, at least one, in the order they are named."""
        questions = [Question(token, principal.user_id) for token in tokens]
        answers = await self._answers(questions)
        return answers[0][0], [found for _, found in answers]

    async def _ask(self, _: None, questions: Sequence[Question]) -> Mapping[Question, Answer]:
        return dict(zip(questions, await self._answers(questions), strict=True))

    async def _answers(self, questions: Sequence[Question]) -> list[Answer]:
        tokens, callers = zip(*questions, strict=True)
        parameters = {"tokens": list(tokens), "callers": list(callers)}
        rows = await fetch(self._pool, _STATEMENT, parameters, prepare=True)
        return [(position, _found(columns)) for position, *columns in rows]


def _found(columns: Sequence[Any]) -> FoundKey | None:
    *key, version, owner, role, permissions = columns
    if key[0] is None:
        return None
    allowed = orjson.loads(permissions) if permissions else []
    return FoundKey(key_record(key), version, owner, role, allowed)
