"""Makes messages of facts: which webhook is told what stands in `ops.webhook_deliveries`.

The position up to which this is done moves in the same transaction as the rows, from where it was
read. Any number of processes may be at it, and a kill makes nothing twice and leaves nothing out.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psycopg

from events.alert import BudgetThresholdCrossed
from events.envelope import Envelope, decode
from events.streams import kind_and_id
from events.webhook import (
    WebhookChanged,
    WebhookDeleted,
    WebhookDeliveryRequested,
    WebhookDisabled,
    WebhookSecretRotated,
    WebhookTested,
)
from services.database.connections import Pool
from services.projection.queries.webhooks import Found, find_webhooks

AT_ONCE = 50_000
"""Positions that are looked through at a time."""

_TELLING = (BudgetThresholdCrossed, WebhookTested, WebhookDeliveryRequested, WebhookDeleted)
_BEARING = (WebhookChanged, WebhookSecretRotated, WebhookDisabled)
"""What messages that wait are posted by: nobody posts before the read models know it."""

_TOPICS = [fact.type_name for fact in (*_TELLING, *_BEARING)]
_STANDS = """
SELECT position, (SELECT coalesce(max(notification_id), 0) FROM events.stored_events)
FROM ops.webhook_messages
"""
_FACTS = """
SELECT originator_id, originator_version, notification_id, topic, state FROM events.stored_events
WHERE notification_id > %s AND notification_id <= %s AND topic = ANY (%s) ORDER BY notification_id
"""
_MOVE = "UPDATE ops.webhook_messages SET position = %s WHERE position = %s"
_MAKE = """
INSERT INTO ops.webhook_deliveries (webhook, message, position, type, next_attempt, created_at)
VALUES (%s, %s, %s, %s, now(), now()) ON CONFLICT DO NOTHING
"""
_AGAIN = """
UPDATE ops.webhook_deliveries SET state = 'waiting', round = 0, next_attempt = now(),
    delivered_at = NULL
WHERE webhook = %s AND message = %s
"""
_DROP = "DELETE FROM ops.webhook_deliveries WHERE webhook = %s"


class Messages:
    """`reached` returns once the read models hold everything up to a position."""

    def __init__(
        self, pool: Pool, read_pool: Pool, reached: Callable[[int], Awaitable[None]]
    ) -> None:
        self._pool, self._read_pool, self._reached = pool, read_pool, reached

    async def make(self) -> None:
        """Of all that is there now; what comes meanwhile is left for the next time.

        Raises what the database raises, and what `reached` does.
        """
        before, head = await self._stands()
        while before < head:
            upto = min(head, before + AT_ONCE)
            async with self._pool.connection() as conn:
                given = before, upto, _TOPICS
                rows = await (await conn.execute(_FACTS, given, binary=True)).fetchall()
            await self._make_of([decode(*row) for row in rows], before, upto)
            before, _ = await self._stands()

    async def _stands(self) -> tuple[int, int]:
        """Up to which position this is done, and the last one of the log."""
        async with self._pool.connection() as conn:
            return await (await conn.execute(_STANDS)).fetchone() or (0, 0)

    async def _make_of(self, facts: Sequence[Envelope], before: int, upto: int) -> None:
        found: list[Found] = []
        if facts:
            await self._reached(facts[-1].position)
            _, found = await find_webhooks(self._read_pool)
        async with self._pool.connection() as conn, conn.transaction():
            if (await conn.execute(_MOVE, (upto, before))).rowcount:
                for at in facts:
                    await _apply(conn, at, found)


async def _apply(conn: psycopg.AsyncConnection[Any], at: Envelope, found: Sequence[Found]) -> None:
    webhook_id = kind_and_id(at.originator_id)[1]
    match at.event:
        case BudgetThresholdCrossed() as crossed:
            for each in found:
                if concerns(each, at, crossed):
                    await _post(conn, each.view.webhook_id, at.event_id, at)
        case WebhookTested(message_id=message_id):
            if any(each.view.webhook_id == webhook_id for each in found):
                await _post(conn, webhook_id, message_id, at)
        case WebhookDeliveryRequested(message_id=message_id):
            await conn.execute(_AGAIN, (webhook_id, message_id))
        case WebhookDeleted():
            await conn.execute(_DROP, (webhook_id,))


async def _post(
    conn: psycopg.AsyncConnection[Any], webhook_id: str, message_id: str, at: Envelope
) -> None:
    await conn.execute(_MAKE, (webhook_id, message_id, at.position, at.event.type_name))


def concerns(found: Found, at: Envelope, crossed: BudgetThresholdCrossed) -> bool:
    """Whether a webhook is told: one that was there, is switched on, and asked for it."""
    settings = found.view.settings
    return (
        settings.enabled
        and found.created_position < at.position
        and crossed.type_name in settings.event_types
        and (not settings.team_ids or crossed.team_id in settings.team_ids)
    )
