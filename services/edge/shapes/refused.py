"""Refused calls as the security log shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from events.values import JsonObject, timestamp


class How(Protocol):
    """How calls were refused."""

    @property
    def method(self) -> str: ...

    @property
    def route(self) -> str: ...

    @property
    def status(self) -> int: ...

    @property
    def reason(self) -> str | None: ...

    @property
    def key(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class RefusedView:
    """Calls of one minute; `user_id` is who has the key now, `correlation_id` of the last one."""

    id: str
    first_at: datetime
    last_at: datetime
    how: How
    user_id: str | None
    correlation_id: str
    times: int


def security_log(rows: Sequence[RefusedView], following: str | None) -> JsonObject:
    """A page; `next` is what to send as `after` for the next one."""
    return {"entries": [_row(row) for row in rows], "next": following}


def _row(row: RefusedView) -> JsonObject:
    return {
        "id": row.id,
        "first_at": timestamp(row.first_at),
        "last_at": timestamp(row.last_at),
        "method": row.how.method,
        "route": row.how.route,
        "status": row.how.status,
        "reason": row.how.reason,
        "key_hash_prefix": row.how.key,
        "user_id": row.user_id,
        "correlation_id": row.correlation_id,
        "times": row.times,
    }
