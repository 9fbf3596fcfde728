"""The lines of an export, read from the database: everything sealed, or up to a checkpoint."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import psycopg

from services.cli.output import Told
from services.proof import export as exported
from services.proof.log import (
    BATCHES,
    EVENT_ROWS,
    EVENTS,
    EVENTS_AT_ONCE,
    LINES,
    RECORDS_AT_ONCE,
    batches,
)
from services.proof.tiles import HASH

_KEPT = "SELECT log::text, verifier, size FROM ops.seal"
_SPANS = """
SELECT first_leaf, kind, first_position, last_position, leaves FROM ops.seal_spans ORDER BY 1
"""
_NOTES = "SELECT note FROM ops.checkpoints WHERE size <= %s ORDER BY size"
_TILES = """
SELECT number, hashes FROM ops.seal_tiles WHERE level = 0 AND number >= %s ORDER BY number LIMIT %s
"""
TILES_AT_ONCE = 64


Span = tuple[int, str, int, int, int]
"""First leaf, kind, first and last position, leaves."""


def export_lines(
    conn: psycopg.Connection[Any], told: Told, most: int | None = None
) -> Iterator[exported.Line]:
    """The export in its order: header, checkpoints, hashes, the log by leaves.

    With `most` it ends where the tree had so many leaves, as if no more had been sealed since.
    """
    log, verifier, sealed = conn.execute(_KEPT).fetchone() or ("", None, 0)
    size = sealed if most is None else min(most, sealed)
    spans = list(_cut(conn.execute(_SPANS).fetchall(), size))
    yield exported.header(log, verifier or "", size, spans)
    for (note,) in conn.execute(_NOTES, (size,)).fetchall():
        yield {"checkpoint": note}
    yield from _tiles(conn, size)
    done = 0
    for first_leaf, kind, first, last, leaves in spans:
        of_span = _events if kind == EVENTS else _usage
        for line in islice(of_span(conn, first, last), leaves):
            done += 1
            told(done, size)
            yield line
        done = first_leaf + leaves


def _cut(spans: list[Span], size: int) -> Iterator[Span]:
    """The spans as they were when the tree had so many leaves; of usage the end is not known."""
    for first_leaf, kind, first, last, leaves in spans:
        kept = min(leaves, size - first_leaf)
        if kept > 0:
            end = first + kept - 1 if kind == EVENTS else last
            yield first_leaf, kind, first, end, kept


def _tiles(conn: psycopg.Connection[Any], size: int) -> Iterator[exported.Line]:
    number, left = 0, size * HASH
    while left and (tiles := conn.execute(_TILES, (number, TILES_AT_ONCE), binary=True).fetchall()):
        for _, hashes in tiles:
            if left:
                yield {"tile": exported.text(bytes(hashes[:left]))}
                left -= min(left, len(hashes))
        number = tiles[-1][0] + 1


def _events(conn: psycopg.Connection[Any], first: int, last: int) -> Iterator[exported.Line]:
    after = first - 1
    while rows := conn.execute(EVENT_ROWS, (after, last, EVENTS_AT_ONCE), binary=True).fetchall():
        yield from map(exported.event_line, rows)
        after = rows[-1][2]


def _usage(conn: psycopg.Connection[Any], first: int, last: int) -> Iterator[exported.Line]:
    before = "SELECT coalesce(max(position), 0) FROM usage.batches WHERE position < %s"
    [(after,)] = conn.execute(before, (first,)).fetchall()
    while rows := conn.execute(BATCHES, (after, last, RECORDS_AT_ONCE)).fetchall():
        ends = [at for (at,) in rows]
        lines = conn.execute(LINES, (after, ends[-1])).fetchall()
        for batch in batches(ends, lines):
            yield {"usage": batch.position, "lines": batch.lines}
        after = ends[-1]
