"""What budgets a thing has been under, and who reset its spend: for windows that are over too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from psycopg.sql import SQL

from events.terms import DEFAULTS, LINK
from services.database.connections import Pool
from services.projection.projectors.spend_marks import RESET
from services.projection.queries.reading import fetch
from services.spend.budgets import Account
from services.spend.spenders import Spender
from services.spend.windows import Window

_PERIOD = SQL(
    "json_build_array(p.since, p.first, p.held, p.max_budget::text, p.soft_budget::text, "
    "p.budget_id)"
)
_HISTORY = (
    SQL(
        """
        WITH asked AS MATERIALIZED (
            SELECT * FROM unnest(%(ids)s::text[], %(incarnations)s::bigint[]) q (id, incarnation)
        ), held AS MATERIALIZED (
            SELECT p.* FROM asked q JOIN read.budget_periods_1 p USING (id, incarnation)
            WHERE p.kind = ANY (%(kinds)s::text[]) AND p.member IN ('', %(member)s::text)
        )
        SELECT
            (SELECT json_agg(json_build_array(p.kind, {period}) ORDER BY p.since, p.position)
             FROM held p)::text,
            (SELECT json_agg(json_build_array(p.id, p.incarnation, {period})
                ORDER BY p.incarnation, p.position)
             FROM read.budget_periods_1 p WHERE p.kind = 'budget'
                AND p.id IN (SELECT budget_id FROM held))::text,
            (SELECT json_agg(json_build_array(s.at, s.amount::text, s.by) ORDER BY s.at, s.position)
             FROM (
                SELECT s.* FROM asked q JOIN read.spend_marks_1 s USING (id, incarnation)
                WHERE s.kind = %(kind)s AND s.member = %(member)s
                UNION ALL
                SELECT s.* FROM read.spend_marks_1 s
                WHERE s.id = '' AND s.incarnation = 0 AND s.kind = %(kind)s
             ) s WHERE s.sort = {reset})::text
        """
    )
    .format(period=_PERIOD, reset=RESET)
    .as_bytes()
)
_HOLDERS: Mapping[str, Sequence[str]] = {
    "team": ["team"],
    "member": ["member", DEFAULTS],
    "key": ["key", LINK],
    "user": ["user"],
    "organization": ["organization"],
}


class Limits(NamedTuple):
    """USD that may be spent in a window, and from where on to warn; None is no limit."""

    max_budget: Decimal | None = None
    soft_budget: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ToldReset:
    """Who had spend go on from `amount` USD, and when."""

    at: datetime
    amount: Decimal
    by: str | None


@dataclass(frozen=True, slots=True)
class _Period:
    since: datetime
    first: bool
    held: bool
    limits: Limits
    budget_id: str | None


@dataclass(frozen=True, slots=True)
class SpendHistory:
    """Of one thing that spends; `resets` are the oldest first."""

    kind: str
    periods: Mapping[str, Sequence[_Period]]
    rows: Mapping[str, Sequence[_Period]]
    resets: Sequence[ToldReset]

    def limits(self, moment: datetime) -> Limits:
        """The budget that was in force at a moment."""
        own = _at(self.periods.get(self.kind, ()), moment)
        if self.kind == "member":
            own = own if own is not None and own.held else self._at(DEFAULTS, moment)
        row = own if self.kind == "organization" else self._at(LINK, moment)
        shared = self._row(row, moment)
        if own is None:
            return shared
        return Limits(*(a if a is not None else b for a, b in zip(own.limits, shared, strict=True)))

    def reset_in(self, window: Window) -> ToldReset | None:
        """The last one in a window."""
        within = [reset for reset in self.resets if window.holds(reset.at)]
        return within[-1] if within else None

    def _at(self, kind: str, moment: datetime) -> _Period | None:
        return _at(self.periods.get(kind, ()), moment)

    def _row(self, linked: _Period | None, moment: datetime) -> Limits:
        if linked is None or linked.budget_id is None:
            return Limits()
        found = _at(self.rows.get(linked.budget_id, ()), moment)
        return Limits() if found is None else found.limits


async def spend_history(pool: Pool, spender: Spender) -> SpendHistory:
    """All of it; what a key was before it was rotated counts as its own."""
    account: Account = spender.accounts[-1]
    parameters = {
        "ids": [one.id for one in spender.accounts],
        "incarnations": [one.incarnation for one in spender.accounts],
        "kind": account.kind,
        "kinds": list(_HOLDERS[account.kind]),
        "member": account.member,
    }
    [(periods, rows, resets)] = await fetch(pool, _HISTORY, parameters, prepare=True)
    held: dict[str, list[_Period]] = {}
    for kind, period in _parsed(periods):
        held.setdefault(kind, []).append(_period(period))
    lives: dict[tuple[str, int], list[_Period]] = {}
    for budget_id, incarnation, period in _parsed(rows):
        lives.setdefault((budget_id, incarnation), []).append(_period(period))
    return SpendHistory(
        kind=account.kind,
        periods=held,
        rows={budget_id: life for (budget_id, _), life in lives.items()},
        resets=[
            ToldReset(datetime.fromisoformat(at), Decimal(amount), by)
            for at, amount, by in _parsed(resets)
        ],
    )


def _at(periods: Sequence[_Period], moment: datetime) -> _Period | None:
    """The one in force; the first one also before that, if the thing began with it."""
    before = [period for period in periods if period.since <= moment]
    if before:
        return before[-1]
    return periods[0] if periods and periods[0].first else None


def _period(columns: Sequence[Any]) -> _Period:
    since, first, held, maximum, soft, budget_id = columns
    limits = Limits(*(None if usd is None else Decimal(usd) for usd in (maximum, soft)))
    return _Period(datetime.fromisoformat(since), first, held, limits, budget_id)


def _parsed(text: str | None) -> list[Any]:
    found: list[Any] = [] if text is None else orjson.loads(text)
    return found
