"""Messages that wait: claimed for an attempt, and settled after it.

A claim lasts for a while. Whoever is killed meanwhile leaves a message that is claimed again then:
it may arrive twice, under one id, and is never lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import uniform

from events.envelope import Envelope, decode
from services import metrics
from services.database.connections import Pool
from services.projection.webhooks.posting import Outcome

KEPT_DAYS = 30
JITTER = 0.1
LAPSED = "the attempt was not finished"

_DUE = """
SELECT webhook FROM ops.webhook_deliveries
WHERE state = 'waiting' AND next_attempt <= now() AND webhook = ANY (%s) GROUP BY webhook
"""
_CLAIM = """
UPDATE ops.webhook_deliveries d SET attempts = attempts + 1, round = round + 1,
    last_attempt = now(), last_status = NULL, last_error = %(lapsed)s,
    next_attempt = now() + make_interval(secs => %(seconds)s)
FROM (
    SELECT webhook, message FROM ops.webhook_deliveries
    WHERE webhook = %(webhook)s AND state = 'waiting' AND next_attempt <= now()
    ORDER BY next_attempt, position LIMIT %(most)s FOR UPDATE SKIP LOCKED
) due
WHERE d.webhook = due.webhook AND d.message = due.message
RETURNING d.message, d.position, d.attempts, d.round
"""
_FACT = """
SELECT originator_id, originator_version, notification_id, topic, state FROM events.stored_events
WHERE notification_id = %s
"""
_DELIVERED = """
UPDATE ops.webhook_deliveries SET state = 'delivered', delivered_at = now(), last_status = %s,
    last_error = NULL
WHERE webhook = %s AND message = %s
"""
# Only the last attempt tells when the next one is: another process may be at it already.
_FAILED = """
UPDATE ops.webhook_deliveries SET last_status = %(status)s, last_error = %(error)s,
    state = CASE WHEN %(pause)s::float8 IS NULL THEN 'given_up' ELSE state END,
    next_attempt = now() + make_interval(secs => coalesce(%(pause)s::float8, 0))
WHERE webhook = %(webhook)s AND message = %(message)s AND attempts = %(attempts)s
    AND round = %(round)s AND state = 'waiting'
"""
_FORGET = f"""
DELETE FROM ops.webhook_deliveries
WHERE state = 'delivered' AND delivered_at < now() - interval '{KEPT_DAYS} days'
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt: the `attempts`th of the message, the `round`th since it was asked for last."""

    webhook: str
    message: str
    position: int
    attempts: int
    round: int


class Queue:
    """`pauses` are seconds between attempts; after as many and one more a message is given up."""

    def __init__(self, pool: Pool, pauses: Sequence[float]) -> None:
        self._pool, self._pauses = pool, pauses

    async def due(self, webhook_ids: Sequence[str]) -> list[str]:
        """Those of these webhooks for which something is to be posted now."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_DUE, (list(webhook_ids),))
            return [str(name) for (name,) in await cursor.fetchall()]

    async def claim(self, webhook: str, most: int, seconds: float) -> list[Claim]:
        """At most so many messages, for so long."""
        given = {"webhook": webhook, "most": most, "seconds": seconds, "lapsed": LAPSED}
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_CLAIM, given)
            return [Claim(webhook, *row) for row in await cursor.fetchall()]

    async def fact(self, claim: Claim) -> Envelope:
        """What the message tells."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_FACT, (claim.position,), binary=True)
            return decode(*(await cursor.fetchone() or ()))

    async def settle(self, claim: Claim, outcome: Outcome) -> None:
        """Write down what became of an attempt; what has failed too often is given up."""
        async with self._pool.connection() as conn:
            if outcome.delivered:
                given = outcome.status, claim.webhook, claim.message
                await conn.execute(_DELIVERED, given)
                metrics.WEBHOOK_ATTEMPTS.labels("delivered").inc()
                return
            pause = pause_after(claim.round, outcome, self._pauses)
            metrics.WEBHOOK_ATTEMPTS.labels("given_up" if pause is None else "failed").inc()
            await conn.execute(
                _FAILED,
                {
                    "status": outcome.status,
                    "error": outcome.error,
                    "pause": pause,
                    "webhook": claim.webhook,
                    "message": claim.message,
                    "attempts": claim.attempts,
                    "round": claim.round,
                },
            )

    async def forget(self) -> None:
        """Delivered messages are kept for 30 days."""
        async with self._pool.connection() as conn:
            await conn.execute(_FORGET)


def pause_after(attempts: int, outcome: Outcome, pauses: Sequence[float]) -> float | None:
    """Seconds until the next attempt, a little more or less; None if there is to be none.

    A receiver that asks for more time gets it.
    """
    if outcome.gone or attempts > len(pauses):
        return None
    pause = pauses[attempts - 1] * uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    return max(pause, outcome.pause)
