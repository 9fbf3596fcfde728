"""Feeds: ordered batches of envelopes from a position on, wherever they come from."""

from typing import Protocol

from events.envelope import Envelope


class FeedBroken(Exception):
    """The log is not what it must be (a gap, half a command): nothing can be built from it."""


class Feed(Protocol):
    """Projectors cannot tell one feed from another."""

    async def after(
        self, position: int, limit: int = 2_000, *, event_id: str | None = None
    ) -> list[Envelope]:
        """What follows `position`, without a gap, ending with the end of a command.

        About `limit` envelopes, more if one command is longer; empty if there is nothing yet.
        Raises FactFailed for a fact that cannot be read, FeedBroken, and RebuildNeeded where the
        event at `position` is not the one of `event_id`.
        """
        ...

    async def wait(self, position: int, timeout: float) -> bool:  # noqa: ASYNC109
        """Whether there may be something after `position`, told as soon as it may be so.

        False after `timeout` seconds without news.
        """
        ...

    async def event_id(self, position: int) -> str | None:
        """The id of the event at a position of the store; None if the store holds none there."""
        ...
