"""Copies of the audit log, as the command side is asked to record them before they are taken."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from services.access.principal import Credential


@dataclass(frozen=True, slots=True)
class Copying:
    """Who takes which entries, and up to where.

    `path` is what was asked for, `claim` whom the caller claims to act for.
    """

    credential: Credential
    path: str
    correlation_id: str
    claim: str | None
    form: Literal["jsonl", "csv"]
    filters: Mapping[str, str]
    until: int
    entries: int


RecordCopy = Callable[[Copying], Awaitable[None]]
"""Returns once it is recorded; raises what the command loop does."""
