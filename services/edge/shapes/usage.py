"""Usage that was not booked on anybody: what waits in quarantine, and what nobody owns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from events.quarantine import QuarantineBooked, QuarantineDiscarded
from events.values import JsonObject
from services.edge.shapes.money import usd
from services.edge.shapes.times import iso


@dataclass(frozen=True, slots=True)
class QuarantinedView:
    """A record that waits; `usage` is a `UsageRecorded` as JSON."""

    id: str
    source: str
    request_id: str
    reason: str
    received_at: datetime
    usage: Mapping[str, object]


def quarantined(view: QuarantinedView) -> JsonObject:
    """An entry of GET /v1/usage/quarantine."""
    return {
        "id": view.id,
        "source": view.source,
        "request_id": view.request_id,
        "reason": view.reason,
        "received_at": iso(view.received_at),
        "usage": {**view.usage, "cost": usd(str(view.usage["cost"]))},
    }


def settled(identity: str, decided: QuarantineBooked | QuarantineDiscarded) -> JsonObject:
    """The answer to a decision; `started_at` is the start under which a call is booked."""
    waited = decided.waited
    booked = isinstance(decided, QuarantineBooked)
    return {
        "id": identity,
        "source": waited.source,
        "request_id": waited.request_id,
        "status": "booked" if booked else "discarded",
        "started_at": iso(decided.started_at) if isinstance(decided, QuarantineBooked) else None,
    }


@dataclass(frozen=True, slots=True)
class UnattributedView:
    """What one gateway reported for one key and claim, and why it is nobody's."""

    source: str
    key_hash: str | None
    team_id: str | None
    user_id: str | None
    reason: str
    cost: Decimal
    prompt_tokens: int
    completion_tokens: int
    succeeded: int
    failed: int
    since: datetime | None
    until: datetime | None


def unattributed(view: UnattributedView) -> JsonObject:
    """An entry of GET /v1/usage/unattributed."""
    return {
        "source": view.source,
        "key_hash": view.key_hash,
        "team_id": view.team_id,
        "user_id": view.user_id,
        "reason": view.reason,
        "cost": usd(view.cost),
        "prompt_tokens": view.prompt_tokens,
        "completion_tokens": view.completion_tokens,
        "successful_requests": view.succeeded,
        "failed_requests": view.failed,
        "first_at": None if view.since is None else iso(view.since),
        "last_at": None if view.until is None else iso(view.until),
    }
