"""Copies, as the command side is asked to record them before they are taken (decision 017)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from events.audit import Copied
from services.access.principal import Credential


@dataclass(frozen=True, slots=True)
class Copying:
    """Who takes what: the fact is recorded once what may be an address in it has been sealed.

    `route` is the template of what was asked for, `path` its path, `claim` whom the caller claims
    to act for.
    """

    credential: Credential
    route: str
    path: str
    correlation_id: str
    claim: str | None
    fact: Copied


RecordCopy = Callable[[Copying], Awaitable[None]]
"""Returns once it is recorded; raises what the command loop does."""
