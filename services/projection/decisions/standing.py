"""What stands behind a key when it calls a model, as far as it decides about that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.access.decisions import BUDGETS_IN_ORDER, KeyPolicy
from services.access.funds import Purse
from services.access.principal import KeyFacts
from services.projection.decisions.allotments import Allotment
from services.spend.budgets import Account


@dataclass(frozen=True, slots=True)
class ThroughputLimit:
    """Tokens and requests per minute, of calls of one model or of all, for the gateway to enforce.

    `member` is set for a member of the team `id`.
    """

    kind: Purse
    id: str
    tpm_limit: int | None
    rpm_limit: int | None
    max_parallel_requests: int | None = None
    member: str | None = None
    model: str | None = None

    @property
    def matters(self) -> bool:
        """Whether it limits anything."""
        return (self.tpm_limit, self.rpm_limit, self.max_parallel_requests) != (None, None, None)


@dataclass(frozen=True, slots=True)
class Origin:
    """The fact that set something: by which user id, when, and its id."""

    by: str | None
    at: datetime
    event_id: str


@dataclass(slots=True)
class Standing:
    """A key as of `position` or later, None if it is not in force, and what bears on its calls.

    `known` tells that there is or was such a key. A secret that was rotated stands for its
    `successor` until a moment (A08). `streams` are those whose facts may change any of it.
    `allotments` are in the order in which calls pass budgets, `holders` all accounts that its calls
    are booked on. `facts` and `role` judge the key as a credential. `origins` are what was found
    out about who set what, `source` is that of a gateway that was let in. `size` is that of the
    texts it was read from: callers put into keys and teams what they like.
    """

    token: str
    position: int
    streams: tuple[str, ...]
    known: bool = False
    key: KeyPolicy | None = None
    facts: KeyFacts | None = None
    role: str | None = None
    successor: str | None = None
    until: datetime | None = None
    allotments: Sequence[Allotment] = ()
    model_allotments: Mapping[str, Allotment] = field(default_factory=dict)
    limits: Sequence[ThroughputLimit] = ()
    holders: tuple[Account, ...] = ()
    origins: dict[str, Origin | None] = field(default_factory=dict)
    source: str | None = None
    size: int = 0

    def budgets(self, models: Sequence[str]) -> Sequence[Allotment]:
        """All that a call of a model under these names is under."""
        if not self.model_allotments:
            return self.allotments
        name = next((name for name in models if name in self.model_allotments), None)
        if name is None:
            return self.allotments
        own = self.model_allotments[name]
        if name != models[0]:
            own = replace(own, models=(name, models[0]))
        return sorted([own, *self.allotments], key=lambda one: BUDGETS_IN_ORDER.index(one.purse))

    def throughput(self, models: Sequence[str]) -> list[ThroughputLimit]:
        """All limits that a call of a model under these names is under."""
        return [one for one in self.limits if one.model is None or one.model in models]
