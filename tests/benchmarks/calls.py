"""Calls as gateways report them: teams, keys and models that come again and again."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from random import Random
from typing import NamedTuple
from uuid import UUID

from events.usage import UsageRecorded
from services.command.domain.usage import Attribution, Life

ORGANIZATIONS, TEAMS, KEYS = 10, 100, 500
MODELS = (
    *(("openai", name) for name in ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "o3", "o4-mini")),
    *(("anthropic", name) for name in ("claude-sonnet-4", "claude-haiku-4", "claude-opus-4")),
    *(("vertex_ai", name) for name in ("gemini-2.5-pro", "gemini-2.5-flash")),
)
SOURCE = "bench"
WITHIN = timedelta(minutes=5)
"""How long ago the calls of a batch began."""


class Call(NamedTuple):
    """What a gateway reports, and who pays."""

    usage: UsageRecorded
    attribution: Attribution


@dataclass(slots=True)
class Calls:
    """Calls that were not made before; the same seed makes the same ones.

    Every key belongs to one user and one team, every team to an organization. `now` is when they
    are reported.
    """

    now: datetime
    chance: Random = field(default_factory=lambda: Random(5))

    def batch(self, count: int) -> list[Call]:
        """What a gateway sends at once."""
        chance = self.chance
        return [self._call(chance.randrange(KEYS), *chance.choice(MODELS)) for _ in range(count)]

    def one_of_each(self) -> list[Call]:
        """A call of every model with every key."""
        return [self._call(key, *model) for key in range(KEYS) for model in MODELS]

    def _call(self, key: int, provider: str, model: str) -> Call:
        chance = self.chance
        started = self.now - WITHIN * chance.random()
        prompt, completion = chance.randrange(20, 8_000), chance.randrange(1, 2_000)
        usage = UsageRecorded(
            id=f"chatcmpl-{UUID(int=chance.getrandbits(128), version=4)}",
            started_at=started,
            ended_at=started + timedelta(seconds=20 * chance.random()),
            key_hash=key_hash(key),
            model=f"{provider}/{model}",
            model_group=model,
            provider=provider,
            endpoint="/chat/completions",
            cost=Decimal(prompt * 25 + completion * 100).scaleb(-7),
            prompt_tokens=prompt,
            completion_tokens=completion,
        )
        return Call(usage, PAYING[key])


def secret(number: int) -> str:
    """A key, as its owner has it."""
    return f"sk-bench-{number}"


def key_hash(number: int) -> str:
    """The sha256 of a key's secret."""
    return sha256(secret(number).encode()).hexdigest()


def _payers() -> Iterator[Attribution]:
    for number in range(KEYS):
        team = number % TEAMS
        organization = team % ORGANIZATIONS
        yield Attribution(
            organization=Life(f"bench-org-{organization}", 1, f"Organization {organization}"),
            team=Life(f"bench-team-{team}", 1, f"Team {team}"),
            user=Life(f"bench-user-{number}", 1),
            key=Life(key_hash(number), 1, f"key {number}"),
        )


PAYING = tuple(_payers())
"""Who pays for the calls of each key."""
