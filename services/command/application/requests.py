"""What goes into the command loop and what comes out of it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from events.envelope import Envelope
from events.registry import DomainEvent
from events.values import Sealed
from services import tracing
from services.access.principal import Credential, Principal
from services.command.application.cache import LinkKey
from services.command.application.idempotency import Idempotency
from services.command.application.spent import Spent
from services.command.application.view import View
from services.tracing import Place

MAX_EVENTS = 2_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command decided: facts by stream, and what must be written along with them.

    `people` are keys of persons that the facts bring about, `chores` are deletions whose
    dependents are too many for one append. `answer` reads the state once the facts are folded.
    `subject` is the one stream that the command is about; None if there are several, or none.
    `version` is what If-Match is compared with where the subject is something that is gone.
    """

    facts: Sequence[tuple[str, DomainEvent]]
    answer: Callable[[View], Any]
    people: Sequence[tuple[str, bytes]] = ()
    chores: Sequence[LinkKey] = ()
    subject: str | None = None
    version: int | None = None


class Command(Protocol):
    """One use case. `decide` is pure: it may be called again on newer state."""

    @property
    def name(self) -> str: ...

    def decide(self, view: View, caller: Principal) -> Decision: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What a caller asks of the way in which his command is carried out.

    `expected` are the versions of which the command's subject must have one, ANY_VERSION that it
    must be there at all (If-Match). `dry_run` has the command decided and nothing recorded.
    """

    idempotency: Idempotency | None = None
    expected: frozenset[int] | None = None
    dry_run: bool = False


ANY_VERSION = frozenset({-1})
"""What `If-Match: *` expects."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command comes from: the credential, the route, claims and tracing ids.

    `route` is the template under which rules know it, `path` what was asked for. `spent` tells what
    budgets are compared with; without it, as for commands of our own, none are.
    """

    credential: Credential
    route: str
    path: str
    correlation_id: str
    command_id: str
    on_behalf_of: Sealed | None = None
    client: Sealed | None = None
    causation_id: str | None = None
    spent: Spent | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """An accepted command: its answer, and the position up to which it was judged.

    `version` is that of its subject afterwards, None where there is no subject to speak of.
    `replayed` is an answer that was remembered: nothing was carried out again.
    """

    answer: Any
    position: int
    facts: Sequence[Envelope] = ()
    version: int | None = None
    replayed: bool = False


Render = Callable[[Any], Any]


@dataclass(slots=True, eq=False)
class Request:
    """A command in the queue. `render` shapes the answer, while it can still be stored.

    `trace` is the place of the HTTP request in its trace, and `came` when the command was queued.
    """

    command: Command
    origin: Origin
    render: Render
    deadline: float
    future: asyncio.Future[Done]
    terms: Terms = field(default_factory=Terms)
    state: Literal["queued", "deciding", "writing"] = "queued"
    done: Done | None = field(default=None)
    refused: Exception | None = field(default=None)
    trace: Place | None = field(default_factory=tracing.current)
    came: int = field(default_factory=tracing.now)


class PreconditionFailed(Exception):
    """The subject has another version than the caller expects (412)."""

    def __init__(self, version: int) -> None:
        super().__init__(f'If-Match does not name the current version, which is "{version}"')


class NoOneSubject(Exception):
    """If-Match on a command that is about several things, or about none (400)."""

    def __init__(self) -> None:
        super().__init__("If-Match can only be used on a call about one thing")


class StoreReplaced(Exception):
    """The log is not the one this process has followed: an older copy was put in its place.

    What the process knows is of no use any more, and it may write nothing on the strength of it.
    """

    def __init__(self, found: str) -> None:
        super().__init__(f"{found}; run `teamledger rebuild`, then start the service again")


class Unavailable(Exception):
    """The command was not carried out, or nobody knows, or only its answer is missing.

    `outcome` tells which. The edge answers 503 with Retry-After.
    """

    def __init__(
        self, reason: str, outcome: Literal["not executed", "unknown", "executed"]
    ) -> None:
        super().__init__(f"{reason}, outcome: {outcome}")
        self.reason, self.outcome = reason, outcome
