"""Spans of streams: what is filled apart from each other, and how far each of them is.

Positions have no gaps, so a sample of positions is a sample of all events: spans between sampled
streams hold about as many events each. How far a span is stands in the database of the rows and
is saved with them, so that a filling can be killed at any moment and goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection, AsyncCursor
from psycopg.sql import SQL, Composed

from services.projection.feed import FeedBroken
from services.projection.filling.job import Job, Place

SPAN_EVENTS = 20_000
MOST_SPANS = 512
SAMPLES_PER_SPAN = 16


class Superseded(Exception):
    """Another process has moved this span on: what was folded here must not be written."""


@dataclass(frozen=True, slots=True)
class Span:
    """Streams after `lower` up to and with `upper`, in the order of the log's index.

    None has no bound. Everything up to `reached` is in the tables.
    """

    number: int
    lower: str | None
    upper: str | None
    reached: str | None = None

    @property
    def after(self) -> str | None:
        return self.reached or self.lower


@dataclass(frozen=True, slots=True)
class State:
    """How far all spans are together; `failure` is why one of them cannot be filled."""

    events: int
    total: int
    open: int
    failure: str | None

    @property
    def done(self) -> bool:
        return self.open == 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The spans of a log, and how many events in all of them bear on the tables."""

    spans: Sequence[Span]
    total: int


async def plan(job: Job, topics: Sequence[str]) -> Plan:
    """Cut the streams of a log into spans. Raises FeedBroken where positions are missing."""
    async with await AsyncConnection.connect(job.log.conninfo, autocommit=True) as connection:
        cursor = connection.cursor()
        count = "SELECT count(*), count(*) FILTER (WHERE topic = ANY (%s)) FROM {log}"
        query = SQL(count + " WHERE notification_id <= %s").format(log=job.log.name)
        await cursor.execute(query, (topics, job.upto))
        [(held, total)] = await cursor.fetchall()
        if held != job.upto:
            raise FeedBroken(f"the log holds {held} events up to position {job.upto}")
        bounds = await _bounds(cursor, job)
    pairs = pairwise([None, *bounds, None]) if job.upto else ()
    return Plan([Span(number, *pair) for number, pair in enumerate(pairs)], total)


async def _bounds(cursor: AsyncCursor[Any], job: Job) -> list[str]:
    wanted = min(max(job.upto // SPAN_EVENTS, 1), MOST_SPANS)
    samples = wanted * SAMPLES_PER_SPAN
    sampled = [1 + job.upto * n // samples for n in range(samples)]
    query = "SELECT originator_id FROM {log} WHERE notification_id = ANY (%s) ORDER BY 1"
    await cursor.execute(SQL(query).format(log=job.log.name), (sampled,))
    names = [str(name) for (name,) in await cursor.fetchall()]
    return list(dict.fromkeys(names[SAMPLES_PER_SPAN - 1 :: SAMPLES_PER_SPAN][: wanted - 1]))


async def begin(cursor: AsyncCursor[Any], job: Job, planned: Plan, shape: str = "") -> None:
    """Write down what is to be done, to rows of a shape, in the place of what was there."""
    await drop(cursor, job.place)
    create = """
        CREATE TABLE {spans} (number int PRIMARY KEY, run uuid NOT NULL, lower text, upper text,
            reached text, done boolean NOT NULL DEFAULT false, events bigint NOT NULL DEFAULT 0,
            total bigint NOT NULL, failure text, shape text NOT NULL)
    """
    await cursor.execute(_for(create, job.place))
    insert = """
        INSERT INTO {spans} (number, run, lower, upper, total, shape)
        VALUES (%s, %s, %s, %s, %s, %s)
    """
    told = (planned.total, shape)
    rows = [(one.number, job.run, one.lower, one.upper, *told) for one in planned.spans]
    await cursor.executemany(_for(insert, job.place), rows)


async def drop(cursor: AsyncCursor[Any], place: Place) -> None:
    """Forget the spans, there or not."""
    await cursor.execute(_for("DROP TABLE IF EXISTS {spans}", place))


async def run_of(cursor: AsyncCursor[Any], place: Place, shape: str) -> UUID | None:
    """The run whose spans these are; None without any, and for rows of another shape."""
    await cursor.execute(_for("SELECT run FROM {spans} WHERE shape = %s LIMIT 1", place), (shape,))
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def state(cursor: AsyncCursor[Any], place: Place) -> State:
    """How far all are."""
    query = """
        SELECT coalesce(sum(events), 0)::bigint, coalesce(max(total), 0),
            count(*) FILTER (WHERE NOT done), min(failure)
        FROM {spans}
    """
    await cursor.execute(_for(query, place))
    [row] = await cursor.fetchall()
    return State(*row)


async def take(cursor: AsyncCursor[Any], job: Job) -> Span | None:
    """A span that is not done and that nobody is at, from now on this session's; None if none."""
    query = "SELECT number FROM {spans} WHERE NOT done AND run = %s ORDER BY number"
    await cursor.execute(_for(query, job.place), (job.run,))
    for (number,) in await cursor.fetchall():
        lock = "SELECT pg_try_advisory_lock(hashtext(%s), %s)"
        await cursor.execute(lock, (str(job.run), number))
        if await cursor.fetchall() != [(True,)]:
            continue
        query = "SELECT number, lower, upper, reached FROM {spans} WHERE number = %s AND NOT done"
        await cursor.execute(_for(query, job.place), (number,))
        if (row := await cursor.fetchone()) is not None:
            return Span(*row)
    return None


async def reach(
    cursor: AsyncCursor[Any], job: Job, span: Span, reached: str | None, events: int
) -> Span:
    """Save, with the rows, that `events` more are in; None is the end of the span.

    Raises Superseded unless the span still stands where it was found.
    """
    update = """
        UPDATE {spans} SET reached = coalesce(%s, reached), done = %s, events = events + %s
        WHERE number = %s AND run = %s AND reached IS NOT DISTINCT FROM %s AND NOT done
    """
    end = reached is None
    values = (reached, end, events, span.number, job.run, span.reached)
    await cursor.execute(_for(update, job.place), values)
    if cursor.rowcount != 1:
        raise Superseded(f"span {span.number} was moved on by another process")
    return Span(span.number, span.lower, span.upper, reached or span.reached)


async def fail(cursor: AsyncCursor[Any], job: Job, failure: str) -> None:
    """Note why what is left cannot be filled."""
    update = "UPDATE {spans} SET failure = %s WHERE NOT done AND run = %s"
    await cursor.execute(_for(update, job.place), (failure, job.run))


def _for(query: LiteralString, place: Place) -> Composed:
    return SQL(query).format(spans=place.spans)
