"""One page of keys, or of deleted keys (supporting-api.md 2.6, S09, A06)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from events.values import JsonObject
from services.access.principal import Principal
from services.database.connections import Pool
from services.edge.shapes.key import KeyView
from services.projection.queries.by_spend import arranged, ranked
from services.projection.queries.key_statements import (
    CONDITIONS,
    Given,
    KeyFilter,
    KeyOrder,
    statement,
)
from services.projection.queries.reading import Paging, Row, Totals, fetch
from services.projection.queries.records import KEY_WIDTH, KeyRecord, key_life, key_record
from services.projection.queries.spending import Spending


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

    record: KeyRecord
    deletion: DeletedKey | None
    owner: Person | None
    maker: Person | None

    @property
    def view(self) -> KeyView:
        """The key as answers need it."""
        return self.record.view


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

    def __init__(self, pool: Pool, spending: Spending) -> None:
        self._pool, self._spending = pool, spending
        self._totals = Totals()

    async def page(
        self,
        principal: Principal,
        wanted: KeyFilter,
        order: KeyOrder,
        paging: Paging,
        now: datetime,
    ) -> KeyPage:
        """One page, beyond the last one without keys; what was spent counts as of `now`."""
        if order.column == "spend":
            return await self._by_spend(principal, wanted, order, paging, now)
        return await self._page(principal, wanted, order, paging)

    async def _by_spend(
        self,
        principal: Principal,
        wanted: KeyFilter,
        order: KeyOrder,
        paging: Paging,
        now: datetime,
    ) -> KeyPage:
        statement_ = statement(Given.of(wanted), KeyOrder(descending=order.descending), bare=True)
        every = _parameters(principal, wanted, known=-1, size=None, beyond=0)
        rows = await fetch(self._pool, statement_, every)
        found = [row[4:] for row in rows if row[4] is not None]
        lives = [key_life(columns) for *columns, _ in found]
        spenders = await self._spending.of_keys(lives)
        moments = [now if ended is None else ended for *_, ended in found]
        spent = await self._spending.at(spenders, moments, now)
        tokens = [life.token for life in lives]
        names = ranked(tokens, spent, paging, descending=order.descending)
        shown, one_page = replace(wanted, tokens=tuple(names)), Paging(1, max(len(names), 1))
        page = await self._page(principal, shown, KeyOrder("token"), one_page)
        keys = arranged({key.view.token: key for key in page.keys}, names)
        return replace(page, total=len(tokens), keys=keys)

    async def _page(
        self, principal: Principal, wanted: KeyFilter, order: KeyOrder, paging: Paging
    ) -> KeyPage:
        known, total = self._totals.known(wanted)
        parameters = _parameters(
            principal, wanted, known=known, size=paging.size, beyond=paging.offset
        )
        rows = await fetch(self._pool, statement(Given.of(wanted), order), parameters)
        position, counted, user_known, in_team = rows[0][:4]
        if counted is not None:
            total = counted
            self._totals.keep(wanted, position, total)
        keys = [_listed(row[4:], wanted) for row in rows if row[4] is not None]
        return KeyPage(position, total, user_known, in_team, keys)


def _parameters(
    principal: Principal, wanted: KeyFilter, *, known: int, size: int | None, beyond: int
) -> dict[str, Any]:
    given = {name: getattr(wanted, name) for name in CONDITIONS}
    return {
        **given,
        "tokens": None if wanted.tokens is None else list(wanted.tokens),
        "subject": wanted.subject,
        "caller": principal.user_id,
        "known": known,
        "size": size,
        "beyond": beyond,
    }


def _listed(columns: Row, wanted: KeyFilter) -> ListedKey:
    record, rest = key_record(columns[:KEY_WIDTH]), columns[KEY_WIDTH:]
    deletion = DeletedKey(*rest[:6]) if wanted.deleted else None
    owner, maker = map(_person, rest[-2:]) if wanted.with_people else (None, None)
    return ListedKey(record, deletion, owner, maker)


def _person(text: Any) -> Person | None:  # noqa: ANN401
    return None if text is None else Person(*orjson.loads(text))
