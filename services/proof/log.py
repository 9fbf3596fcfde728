"""The log as the tree has it: rows and lines read from the store, page by page, in leaf order."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, LiteralString, NamedTuple

from services.proof.leaf import StoredRow, event_leaf, usage_leaf
from services.proof.tree import leaf_hash

EVENTS, USAGE = "events", "usage"
EVENTS_AT_ONCE, RECORDS_AT_ONCE = 5_000, 20_000

EVENT_ROWS: LiteralString = """
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events WHERE notification_id > %s AND notification_id <= %s
ORDER BY notification_id LIMIT %s
"""
BATCHES: LiteralString = """
SELECT position FROM (
    SELECT position, sum(records) OVER (ORDER BY position) - records AS before
    FROM usage.batches WHERE position > %s AND position <= %s ORDER BY position LIMIT 1000
) b WHERE before < %s ORDER BY position
"""
LINES: LiteralString = """
SELECT r.position, ROW(r.position, r.request_id, r.corrects, r.outcome,
    (extract(epoch FROM r.started_at) * 1000000)::bigint,
    (extract(epoch FROM r.ended_at) * 1000000)::bigint,
    (extract(epoch FROM r.received_at) * 1000000)::bigint,
    r.cost, r.prompt_tokens, r.completion_tokens, r.cache_read_tokens, r.cache_creation_tokens,
    s.source, s.organization_id, o.incarnation, s.organization_alias, s.team_id, t.incarnation,
    s.team_alias, s.user_id, u.incarnation, m.member, s.key_hash, k.id, k.incarnation,
    s.key_alias, s.model_name, s.model_group, s.provider, s.endpoint, s.mcp_tool, s.tags,
    s.unattributed)::text
FROM usage.records r LEFT JOIN usage.series s USING (series)
LEFT JOIN usage.accounts o ON o.account = s.organization
LEFT JOIN usage.accounts t ON t.account = s.team
LEFT JOIN usage.accounts m ON m.account = s.member
LEFT JOIN usage.accounts u ON u.account = s."user"
LEFT JOIN usage.accounts k ON k.account = s.key
WHERE r.position > %s AND r.position <= %s ORDER BY r.position
"""
"""What a record says, names and accounts of its series included, as one text."""


class Batch(NamedTuple):
    """A commit of usage: where it ends, and its records as text."""

    position: int
    lines: list[str]


def event_hash(row: Any) -> bytes:  # noqa: ANN401
    """The leaf of a row of EVENT_ROWS."""
    stream, version, position, topic, state = row
    return leaf_hash(event_leaf(StoredRow(stream, version, position, topic, bytes(state))))


def usage_hash(batch: Batch) -> bytes:
    """The leaf of a batch."""
    return leaf_hash(usage_leaf(batch.position, (line.encode() for line in batch.lines)))


def batches(ends: list[int], lines: list[tuple[int, str]]) -> Iterator[Batch]:
    """Records by the batch they were booked in. `ends` ascend, so do the lines' positions."""
    place = iter(ends)
    end = next(place, 0)

    def batch_of(line: tuple[int, str]) -> int:
        nonlocal end
        while line[0] > end:
            end = next(place)
        return end

    found = {at: [text for _, text in group] for at, group in groupby(lines, key=batch_of)}
    for at in ends:
        yield Batch(at, found.get(at, []))
