"""Webhooks from the read model, and what became of their messages from the event database."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import orjson
from psycopg.sql import SQL

from events.values import Sealed
from events.webhook import WebhookSettings
from services.database.connections import Pool
from services.edge.shapes.webhook import DeliveryView, WebhookView
from services.projection.queries.reading import POSITION, Row, fetch

State = Literal["waiting", "delivered", "given_up", "undelivered"]
STATES: Mapping[State | None, list[str]] = {
    None: ["waiting", "delivered", "given_up"],
    "waiting": ["waiting"],
    "delivered": ["delivered"],
    "given_up": ["given_up"],
    "undelivered": ["waiting", "given_up"],
}
_WEBHOOKS = (
    SQL(
        """
        SELECT {position}, w.webhook_id, w.settings::text, w.created_at, w.updated_at, w.disabled,
            w.previous_until, w.version, w.created_position, w.secret::text,
            w.previous_secret::text
        FROM (SELECT) one LEFT JOIN read.webhooks_1 w
            ON %(webhook_id)s::text IS NULL OR w.webhook_id = %(webhook_id)s
        ORDER BY w.created_position
        """
    )
    .format(position=POSITION)
    .as_bytes()
)
_DELIVERIES = b"""
SELECT message, type, position, state, attempts, next_attempt, last_attempt, last_status,
    last_error, created_at, delivered_at
FROM ops.webhook_deliveries
WHERE webhook = %(webhook_id)s AND state = ANY (%(states)s)
    AND (%(position)s::bigint IS NULL OR (position, message) < (%(position)s, %(message)s))
ORDER BY position DESC, message DESC LIMIT %(limit)s
"""
_PLACE = re.compile(r"([0-9]{1,18})-([0-9a-f-]{1,64})")


@dataclass(frozen=True, slots=True)
class Found:
    """A webhook as it is read; `secret` and `previous` are those that sign."""

    view: WebhookView
    version: int
    created_position: int
    secret: Sealed
    previous: Sealed | None

    def secrets(self, now: datetime) -> list[Sealed]:
        """Those that sign at a moment, the newest first."""
        until = self.view.previous_until
        kept = self.previous is not None and until is not None and now < until
        return [self.secret, *([self.previous] if kept and self.previous else [])]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of messages ends: the last one that it shows."""

    position: int
    message: str

    @classmethod
    def parse(cls, text: str) -> "Place":
        """The inverse of `str`; raises ValueError."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError("is not where a page ended")
        return cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.position}-{self.message}"


async def find_webhooks(pool: Pool, webhook_id: str | None = None) -> tuple[int, list[Found]]:
    """Position and all webhooks, the oldest first, or the one of this id."""
    rows = await fetch(pool, _WEBHOOKS, {"webhook_id": webhook_id})
    return rows[0][0], [_found(row[1:]) for row in rows if row[1] is not None]


async def delivery_page(
    pool: Pool, webhook_id: str, state: State | None, after: Place | None, size: int
) -> tuple[list[DeliveryView], Place | None]:
    """The next messages, the newest first, and where to go on; None where there are no more."""
    given = {
        "webhook_id": webhook_id,
        "states": STATES[state],
        "position": None if after is None else after.position,
        "message": None if after is None else after.message,
        "limit": size + 1,
    }
    found = [DeliveryView(*row) for row in await fetch(pool, _DELIVERIES, given)]
    page: Sequence[DeliveryView] = found[:size]
    beyond = len(found) > size
    return list(page), Place(page[-1].position, page[-1].message_id) if beyond else None


def _found(columns: Row) -> Found:
    webhook_id, settings, created_at, updated_at, disabled, until, *rest = columns
    version, created_position, secret, previous = rest
    view = WebhookView(
        webhook_id,
        WebhookSettings.model_validate_json(settings),
        created_at,
        updated_at,
        disabled,
        until,
    )
    before = None if previous is None else Sealed.model_validate(orjson.loads(previous))
    sealed = Sealed.model_validate(orjson.loads(secret))
    return Found(view, version, created_position, sealed, before)
