"""What the read models hold of a thing that spends, beside what it may: read along with its row.

One JSON value for each row: how windows were cut, opening balances, resets. Nearly always there is
nothing in it. See decision 010 and the read models budget_periods_1 and spend_marks_1.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

import orjson
from psycopg.sql import SQL, Composable, Literal

from events.terms import DEFAULTS, LINK
from services.projection.projectors.spend_marks import RESET
from services.spend.books import EMPTY, Holder, Paced, SpendBook
from services.spend.budgets import Cadences, Change, cadences
from services.spend.windows import Opening, Reset

_PACED = SQL(
    "(SELECT json_agg(json_build_array(p.kind, p.member, p.since, p.duration, p.reset_at, p.first, "
    "p.budget_id, p.held) ORDER BY p.position) FROM read.budget_periods_1 p WHERE p.id = {id} "
    "AND p.incarnation = {incarnation} AND p.kind = ANY ({kinds}) AND p.paced{members})"
)
_MARKS = SQL(
    "(SELECT json_agg(json_build_array(s.kind, s.member, s.sort, s.at, s.amount::text) "
    "ORDER BY s.position) FROM read.spend_marks_1 s WHERE s.id = {id} "
    "AND s.incarnation = {incarnation} AND s.kind = ANY ({kinds}){members})"
)
_EVERYWHERE = SQL(
    "(SELECT max(e.at) FROM read.spend_marks_1 e "
    "WHERE e.id = '' AND e.incarnation = 0 AND e.kind = {kind})"
)
_ROWS = SQL(
    "(SELECT json_agg(json_build_array(p.id, p.incarnation, p.since, p.duration, p.reset_at, "
    "p.first) ORDER BY p.incarnation, p.position) FROM read.budget_periods_1 p "
    "WHERE p.id IN ({ids}) AND p.kind = 'budget' AND p.paced)"
)
_LINKS = SQL(
    "SELECT l.budget_id FROM read.budget_periods_1 l WHERE l.id = {id} "
    "AND l.incarnation = {incarnation} AND l.kind = ANY ({kinds})"
)
_BOOK = SQL("json_build_array({paced}, {marks}, {everywhere}, {rows})")
_NOTHING = SQL("NULL")


def _book(  # noqa: PLR0913 - what may differ between kinds of things
    id: LiteralString,  # noqa: A002
    incarnation: LiteralString,
    kinds: Sequence[str],
    *,
    everywhere: str | None = None,
    links: Sequence[str] = (),
    linked: LiteralString | None = None,
    member: LiteralString | None = None,
) -> Composable:
    """`links` are kinds of periods that name shared rows; `linked` tells whether there are any.

    With a `member` no other one is read.
    """
    place = {"id": SQL(id), "incarnation": SQL(incarnation)}
    members = SQL("") if member is None else SQL(" AND member IN ('', {})").format(SQL(member))
    rows: Composable = _NOTHING
    if links:
        rows = _ROWS.format(ids=_LINKS.format(**place, kinds=_array(links)))
    if linked is not None:
        rows = SQL("CASE WHEN {} THEN {} END").format(SQL(linked), rows)
    return _BOOK.format(
        paced=_PACED.format(**place, kinds=_array([*kinds, *links]), members=members),
        marks=_MARKS.format(**place, kinds=_array(kinds), members=members),
        everywhere=_NOTHING if everywhere is None else _EVERYWHERE.format(kind=Literal(everywhere)),
        rows=rows,
    )


def _array(kinds: Sequence[str]) -> Composable:
    return SQL("ARRAY[{}]").format(SQL(", ").join(Literal(kind) for kind in dict.fromkeys(kinds)))


TEAM_BOOK = _book("t.team_id", "t.incarnation", ["team"], everywhere="team")
"""Of a team alone."""
ROSTER_BOOK = _book("t.team_id", "t.incarnation", ["team", "member", DEFAULTS], everywhere="team")
"""Of a team and all its members."""
MEMBER_BOOK = _book(
    "t.team_id",
    "t.incarnation",
    ["team", "member", DEFAULTS],
    everywhere="team",
    member="coalesce(k.user_id, '')",
)
"""Of the team of a key, and its owner as a member."""
KEY_BOOK = _book(
    "k.token",
    "k.incarnation",
    ["key"],
    everywhere="key",
    links=[LINK],
    linked="k.settings->'extra' ? 'budget_id'",
)
USER_BOOK = _book("u.user_id", "u.incarnation", ["user"])
ORGANIZATION_BOOK = _book(
    "o.organization_id",
    "o.incarnation",
    ["organization", "organization_member"],
    links=["organization"],
)
"""Of an organization and all its members; its windows are those of the budgets it has had."""
ORGANIZATION_ALONE = _book(
    "o.organization_id", "o.incarnation", ["organization"], links=["organization"]
)
"""The same without its members."""


def spend_book(value: str | Sequence[Any] | None) -> SpendBook:
    """From one of the JSON values above, as text or parsed."""
    if value is None:
        return EMPTY
    parsed: Sequence[Any] = orjson.loads(value) if isinstance(value, str) else value
    paced, marks, everywhere, rows = parsed
    if paced is None and marks is None and everywhere is None:
        return EMPTY
    resets, openings = _marks(marks or ())
    return SpendBook(
        paced=_changes(paced or ()),
        resets=resets,
        openings=openings,
        everywhere=_moment(everywhere),
        rows=_rows(rows or ()),
    )


def _changes(paced: Sequence[Sequence[Any]]) -> dict[Holder, list[Paced]]:
    found: dict[Holder, list[Paced]] = {}
    for kind, member, since, duration, reset_at, first, budget_id, held in paced:
        change = Change(datetime.fromisoformat(since), duration, _moment(reset_at), first)
        found.setdefault((kind, member), []).append(Paced(change, budget_id, held))
    return found


def _marks(
    marks: Sequence[Sequence[Any]],
) -> tuple[dict[Holder, list[Reset]], dict[Holder, list[Opening]]]:
    resets: dict[Holder, list[Reset]] = {}
    openings: dict[Holder, list[Opening]] = {}
    for kind, member, sort, at, amount in marks:
        moment, usd = datetime.fromisoformat(at), Decimal(amount)
        if sort == RESET:
            resets.setdefault((kind, member), []).append(Reset(moment, usd))
        else:
            openings.setdefault((kind, member), []).append(Opening(moment, usd))
    return resets, openings


def _rows(rows: Sequence[Sequence[Any]]) -> dict[str, Cadences]:
    """Of an id that was used again the last life counts."""
    lives: dict[tuple[str, int], list[Change]] = {}
    for budget_id, incarnation, since, duration, reset_at, first in rows:
        change = Change(datetime.fromisoformat(since), duration, _moment(reset_at), first)
        lives.setdefault((budget_id, incarnation), []).append(change)
    return {budget_id: cadences(changes) for (budget_id, _), changes in lives.items()}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
