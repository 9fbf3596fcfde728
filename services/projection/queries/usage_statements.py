"""The statement that sums what calls cost and used: put together by what it is divided by.

Its parts are sums by UTC day, records that are not in them yet, and quarters. Series that are alike
in what is asked for are numbered first, so that only numbers are grouped and sorted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from psycopg.sql import SQL, Composable, Composed, Identifier

from services.projection.queries.usage_scope import UsageScope

Each = Literal["range", "day", "hour"]
TEAM_ID = SQL("CASE WHEN s.team IS NOT NULL THEN s.team_id END")
USER_ID = SQL('CASE WHEN s."user" IS NOT NULL THEN s.user_id END')
ORGANIZATION_ID = SQL("CASE WHEN s.organization IS NOT NULL THEN s.organization_id END")
"""Who paid: what is only claimed, and what nobody could confirm, is told of nobody."""

_SUMS = SQL(
    """
    WITH scope AS MATERIALIZED (
        SELECT s.series, {line} AS line {terms} FROM usage.series s {tags} WHERE {condition}
    ), parts AS ({parts}
    ), sums AS (
        SELECT {each} line, max(series) AS newest, sum(cost) AS cost,
            sum(prompt_tokens)::bigint AS prompt_tokens,
            sum(completion_tokens)::bigint AS completion_tokens,
            sum(cache_read_tokens)::bigint AS cache_read_tokens,
            sum(cache_creation_tokens)::bigint AS cache_creation_tokens,
            sum(succeeded)::bigint AS succeeded, sum(failed)::bigint AS failed
        FROM parts GROUP BY {each} line HAVING sum(succeeded + failed) > 0
    )
    SELECT {each} {names} newest, cost, prompt_tokens, completion_tokens, cache_read_tokens,
        cache_creation_tokens, succeeded, failed
    FROM sums {lines} ORDER BY {order} line
    """
)
_DAYS = SQL(
    """
        SELECT d.day, NULL::timestamptz AS hour, NULL::int AS ahead, {line} AS line, d.series,
            d.cost, d.prompt_tokens, d.completion_tokens, d.cache_read_tokens,
            d.cache_creation_tokens, d.succeeded, d.failed
        FROM {days}
        UNION ALL
        SELECT (r.started_at AT TIME ZONE 'UTC')::date, NULL, NULL, {line}, r.series,
            r.cost, r.prompt_tokens, r.completion_tokens, r.cache_read_tokens,
            r.cache_creation_tokens, (r.outcome = 1)::int, (r.outcome = 0)::int
        FROM usage.records r {scope} WHERE r.position > %(summed)s
            AND (r.started_at AT TIME ZONE 'UTC')::date BETWEEN %(first)s AND %(last)s"""
)
_EDGES = SQL(
    """
        UNION ALL
        SELECT e.day, NULL, NULL, {line}, q.series, e.sign * q.cost, e.sign * q.prompt_tokens,
            e.sign * q.completion_tokens, e.sign * q.cache_read_tokens,
            e.sign * q.cache_creation_tokens, e.sign * q.succeeded, e.sign * q.failed
        FROM {quarters}"""
)
_HOURS = SQL(
    """
        SELECT e.day, date_bin('1 hour', q.quarter, timestamptz '2000-01-01T00:00:00Z'
                - e.ahead * interval '1 second') AS hour, e.ahead, {line} AS line, q.series,
            q.cost, q.prompt_tokens, q.completion_tokens, q.cache_read_tokens,
            q.cache_creation_tokens, q.succeeded, q.failed
        FROM {quarters}"""
)
_SPANS = SQL(
    "unnest(%(span_days)s::date[], %(begins)s::timestamptz[], %(ends)s::timestamptz[], "
    "%(signs)s::int[], %(ahead)s::int[]) AS e (day, begins, ends, sign, ahead)"
)
_IN_RANGE = SQL("d.day BETWEEN %(first)s AND %(last)s")
# OFFSET 0: each span is looked up on its own. The planner, which knows nothing of spans, would not.
_WITHIN = SQL("q.quarter >= e.begins AND q.quarter < e.ends OFFSET 0")
_QUARTERS_OF_FEW = SQL(
    "scope s CROSS JOIN {spans} CROSS JOIN LATERAL "
    "(SELECT * FROM usage.quarters q WHERE q.series = s.series AND {within}) q"
).format(spans=_SPANS, within=_WITHIN)
_QUARTERS_OF_MANY = SQL(
    "{spans} CROSS JOIN LATERAL (SELECT * FROM usage.quarters q WHERE {within}) q {scope}"
)
_DAYS_OF_FEW = SQL(
    "scope s CROSS JOIN LATERAL "
    "(SELECT * FROM usage.series_days d WHERE d.series = s.series AND {in_range} OFFSET 0) d"
).format(in_range=_IN_RANGE)
_DAYS_OF_MANY = SQL("usage.series_days d {scope} WHERE {in_range}")
_IN_SCOPE = SQL("JOIN scope s USING (series)")
_LINES = SQL("JOIN (SELECT DISTINCT ON (line) line, {names} FROM scope) l USING (line)")
_TAGS = SQL("LEFT JOIN LATERAL (SELECT DISTINCT unnest(s.tags) AS tag) t ON true")
_EACH: Mapping[Each, SQL] = {
    "range": SQL(""),
    "day": SQL("day,"),
    "hour": SQL("day, hour, ahead,"),
}
_ORDER: Mapping[Each, SQL] = {**_EACH, "hour": SQL("hour,")}


@dataclass(frozen=True, slots=True)
class Group:
    """By what sums are divided: by each day, by each hour, and by terms of the series `s`.

    With `tags` there is a row for each tag `t.tag` of a series, and one without for none. Rows have
    the day; the hour, when it began and by how many seconds the clock was ahead of UTC; the terms
    in their order; the last series; the sums. They come in the order of time, or with
    `newest_first` the days in the other one.
    """

    each: Each = "range"
    terms: Mapping[str, Composable] = field(default_factory=dict)
    tags: bool = False
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """How the parts are read: `days` and `quarters` series by series, where there are few series.

    `corrected` tells that sums by day are corrected by quarters at all.
    """

    days: bool
    quarters: bool
    corrected: bool


def statement(scope: UsageScope, group: Group, reading: Reading) -> bytes:
    """The sums of a scope."""
    return _SUMS.format(
        line=_numbered(group),
        terms=Composed(
            [SQL(", {} AS {}").format(t, Identifier(n)) for n, t in group.terms.items()]
        ),
        tags=_TAGS if group.tags else SQL(""),
        condition=scope.condition(),
        parts=_parts(scope, group, reading),
        each=_EACH[group.each],
        names=Composed([SQL("{}, ").format(name) for name in _names(group)]),
        lines=_LINES.format(names=SQL(", ").join(_names(group))) if group.terms else SQL(""),
        order=SQL("day DESC,") if group.newest_first else _ORDER[group.each],
    ).as_bytes()


def _parts(scope: UsageScope, group: Group, reading: Reading) -> Composed:
    joined = bool(group.terms) or scope.narrows
    line, of_scope = (SQL("s.line"), _IN_SCOPE) if joined else (SQL("1"), SQL(""))
    quarters = _QUARTERS_OF_FEW
    if not reading.quarters:
        quarters = _QUARTERS_OF_MANY.format(spans=_SPANS, within=_WITHIN, scope=of_scope)
    if group.each == "hour":
        return _HOURS.format(line=line, quarters=quarters)
    days = _DAYS_OF_FEW
    if not reading.days:
        days = _DAYS_OF_MANY.format(scope=of_scope, in_range=_IN_RANGE)
    parts = _DAYS.format(line=line, days=days, scope=of_scope)
    return parts + _EDGES.format(line=line, quarters=quarters) if reading.corrected else parts


def _numbered(group: Group) -> Composable:
    if not group.terms:
        return SQL("1")
    return SQL("dense_rank() OVER (ORDER BY {})").format(SQL(", ").join(group.terms.values()))


def _names(group: Group) -> Iterator[Identifier]:
    return map(Identifier, group.terms)
