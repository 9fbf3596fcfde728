"""A gateway in tests over HTTP: it reports calls, and says what was accepted."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from tests.support.ledger import Ledger

_NUMBERS = count()


@dataclass(frozen=True, slots=True)
class Gateway:
    """Its key is made when it is first needed, with an alias of its own."""

    ledger: Ledger
    keys: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        if not self.keys:
            alias = f"gateway-{next(_NUMBERS)}"
            self.keys.append(self.ledger.key(key_type="gateway", key_alias=alias))
        return self.keys[0]

    def spends(self, key: str, cost: str | float, at: datetime | None = None) -> None:
        """One call by the key, by default just now."""
        self.report([called(key, cost, at or datetime.now(UTC))])

    def report(self, calls: list[dict[str, Any]]) -> None:
        """All of them have to be booked now, for the first time."""
        report = self.ledger.done("/v1/usage", calls, self.key)
        assert report["accepted"] == len(calls), report


def called(key: str, cost: str | float, at: datetime) -> dict[str, Any]:
    """A call under an id that no other has."""
    return {
        "id": f"call-{next(_NUMBERS)}",
        "started_at": at.isoformat(),
        "key": key,
        "model": "gpt-4o",
        "cost": float(cost),
    }
