"""What a writer in this process has just committed, so that nobody reads and decodes it again."""

from collections.abc import Sequence

from events.envelope import Envelope


class HandOver:
    """A bounded run of envelopes without a gap; whatever does not fit is simply not here.

    Positions have no gaps, so an envelope is found by counting.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._run: list[Envelope] = []

    def offer(self, envelopes: Sequence[Envelope]) -> None:
        """Take committed envelopes in; start anew if they do not continue what is here."""
        if self._run and envelopes and envelopes[0].position != self._run[-1].position + 1:
            self._run.clear()
        self._run.extend(envelopes)
        if len(self._run) > self._capacity:
            self._run.clear()

    def after(self, position: int, limit: int) -> list[Envelope]:
        """Whole commands right after `position`, or nothing. What lies before is forgotten."""
        if not self._run or position + 1 < self._run[0].position:
            return []
        del self._run[: position + 1 - self._run[0].position]
        return self._run[: command_boundary(self._run, limit)]


def command_boundary(envelopes: Sequence[Envelope], limit: int) -> int:
    """How many envelopes to take: whole commands up to `limit`, at least one command; else 0."""
    within = (n for n in range(min(limit, len(envelopes)), 0, -1) if envelopes[n - 1].ends_command)
    beyond = (n for n in range(limit + 1, len(envelopes) + 1) if envelopes[n - 1].ends_command)
    return next(within, None) or next(beyond, 0)
