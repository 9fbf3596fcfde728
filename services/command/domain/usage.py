"""Whose usage a record is, and what it shares with others: the series it is booked under.

These are tuples because they are made and looked up for every record.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import orjson

from events.streams import KEY, ORGANIZATION, TEAM, USER
from events.usage import UsageRecorded

OLDEST, NEWEST = timedelta(days=35), timedelta(minutes=5)
MEMBER, ORGANIZATION_MEMBER, MODEL = "member", "organization_member", "model"
DIGESTS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Account:
    """Something that spends: one life of it.

    `member` is set for a member of the team or organization `id`.
    """

    kind: str
    id: str
    incarnation: int
    member: str = ""


class Life(NamedTuple):
    """One life of an organization, team or user, and its name at the time."""

    id: str
    incarnation: int
    alias: str | None = None


class Attribution(NamedTuple):
    """Who pays for a call; `unattributed` says why nobody does."""

    organization: Life | None = None
    team: Life | None = None
    user: Life | None = None
    key: Life | None = None
    unattributed: str | None = None

    def accounts(self) -> Iterator[Account]:
        """What the call is booked on, the model apart."""
        for kind, life in (
            (ORGANIZATION, self.organization),
            (TEAM, self.team),
            (USER, self.user),
            (KEY, self.key),
        ):
            if life is not None:
                yield Account(kind, life.id, life.incarnation)
        if self.user is not None:
            for kind, group in ((MEMBER, self.team), (ORGANIZATION_MEMBER, self.organization)):
                if group is not None:
                    yield Account(kind, group.id, group.incarnation, self.user.id)


class Series(NamedTuple):
    """What many records have in common (decision 010)."""

    source: str
    attribution: Attribution
    key_hash: str | None
    team_id: str | None
    user_id: str | None
    model: str
    model_group: str | None
    provider: str | None
    endpoint: str | None
    mcp_tool: str | None
    tags: tuple[str, ...]

    @classmethod
    def of(cls, source: str, usage: UsageRecorded, attribution: Attribution) -> "Series":
        """Claims are kept only where nothing known stands in their place."""
        team, user = attribution.team, attribution.user
        return cls(
            source,
            attribution,
            usage.key_hash,
            team.id if team else usage.team_id,
            user.id if user else usage.user_id,
            usage.model,
            usage.model_group,
            usage.provider,
            usage.endpoint,
            usage.mcp_tool,
            tuple(sorted(set(usage.tags))) if usage.tags else (),
        )

    def accounts(self) -> list[Account]:
        """All that a record of this series is booked on."""
        return [*self.attribution.accounts(), Account(MODEL, self.model_group or self.model, 0)]

    @property
    def digest(self) -> bytes:
        """128 bits of everything that tells this series from others."""
        return _digest(self)


@lru_cache(maxsize=DIGESTS_KEPT)
def _digest(series: Series) -> bytes:
    return blake2b(orjson.dumps(series, default=tuple), digest_size=16).digest()


def untimely(started_at: datetime, now: datetime) -> str | None:
    """Why a call that began then is not booked unseen; None if it is."""
    if started_at < now - OLDEST:
        return f"began more than {OLDEST.days} days before it was reported"
    if started_at > now + NEWEST:
        return f"begins more than {NEWEST.seconds // 60} minutes after it was reported"
    return None
