"""One page of keys, or of deleted keys (supporting-api.md 2.6, S09, A06)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from events.values import JsonObject
from services.access.principal import Principal
from services.database.connections import Pool
from services.edge.shapes.key import KeyView
from services.projection.queries.key_statements import (
    CONDITIONS,
    Given,
    KeyFilter,
    KeyOrder,
    statement,
)
from services.projection.queries.reading import Paging, Row, Totals, fetch
from services.projection.queries.records import KEY_WIDTH, key_view


@dataclass(frozen=True, slots=True)
class DeletedKey:
    """How a key ended; `id` names the audit entry, `claim` is sealed."""

    at: datetime
    by: str | None
    id: str | None
    by_key: str | None
    by_role: str | None
    claim: JsonObject | None


@dataclass(frozen=True, slots=True)
class Person:
    """A user whom a key names."""

    user_id: str
    email: str | None
    alias: str | None


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key; its end if deleted ones were asked for; owner and maker if they were asked for."""

    view: KeyView
    deletion: DeletedKey | None
    owner: Person | None
    maker: Person | None


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Keys of the page; `total` counts all that match.

    `user_known` tells whether the caller has a user row, `in_team` whether he is in the team of
    the filter, true without one. Without a subject or a filter that leaves few keys, `total`
    includes void keys until their own end is recorded: to look at the team and the membership of
    every key takes 15 s for a million.
    """

    position: int
    total: int
    user_known: bool
    in_team: bool
    keys: list[ListedKey]


class KeyPages:
    """Pages of keys; the total is counted once while nothing moves."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._totals = Totals()

    async def page(
        self, principal: Principal, wanted: KeyFilter, order: KeyOrder, paging: Paging
    ) -> KeyPage:
        """One page, beyond the last one without keys."""
        known, total = self._totals.known(wanted)
        parameters = {
            **{name: getattr(wanted, name) for name in CONDITIONS},
            "subject": wanted.subject,
            "caller": principal.user_id,
            "known": known,
            "size": paging.size,
            "beyond": paging.offset,
        }
        rows = await fetch(self._pool, statement(Given.of(wanted), order), parameters)
        position, counted, user_known, in_team = rows[0][:4]
        if counted is not None:
            total = counted
            self._totals.keep(wanted, position, total)
        keys = [_listed(row[4:], wanted) for row in rows if row[4] is not None]
        return KeyPage(position, total, user_known, in_team, keys)


def _listed(columns: Row, wanted: KeyFilter) -> ListedKey:
    view, rest = key_view(columns[:KEY_WIDTH]), columns[KEY_WIDTH:]
    deletion = DeletedKey(*rest[:6]) if wanted.deleted else None
    owner, maker = map(_person, rest[-2:]) if wanted.with_people else (None, None)
    return ListedKey(view, deletion, owner, maker)


def _person(text: Any) -> Person | None:  # noqa: ANN401
    return None if text is None else Person(*orjson.loads(text))
