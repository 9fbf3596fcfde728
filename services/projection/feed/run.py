"""What has arrived from a topic and is not projected yet, shared by a thread and the event loop."""

import threading
from collections import deque
from collections.abc import Sequence

from events.messages import Received


class Run:
    """Consecutive positions, bounded in records and bytes; repeats are dropped on arrival.

    A gap begins the run anew behind it: what lies before is in the log.
    """

    def __init__(self, capacity: int = 20_000, capacity_bytes: int = 32 * 1024 * 1024) -> None:
        self._capacity, self._capacity_bytes = capacity, capacity_bytes
        self._run: deque[Received] = deque()
        self._bytes = 0
        self._last = 0
        self._complete = 0
        self._changed = threading.Condition()

    @property
    def last(self) -> int:
        """The position that arrived last."""
        return self._last

    def add(self, arrived: Sequence[Received]) -> bool:
        """Whether anything was new."""
        with self._changed:
            before = self._last
            for record in arrived:
                if record.position > self._last:
                    self._append(record)
            return self._last > before

    def wait_for_room(self, seconds: float) -> bool:
        """Whether there is room now, after so many seconds at most."""
        with self._changed:
            return self._changed.wait_for(self._has_room, seconds)

    def ready(self, position: int) -> bool:
        """Whether a whole command behind `position` is here, or it is known not to come."""
        with self._changed:
            return self._complete > position or self._begins_after(position)

    def missing_after(self, position: int) -> int:
        """How many positions behind `position` have to come from elsewhere, as far as is known."""
        with self._changed:
            return self._run[0].position - position - 1 if self._begins_after(position) else 0

    def take(self, position: int, limit: int) -> list[Received]:
        """Whole commands right behind `position`: about `limit` records, or none.

        What lies before is dropped; what is taken stays until a later position is asked for.
        """
        with self._changed:
            while self._run and self._run[0].position <= position:
                self._bytes -= len(self._run.popleft().stored.state)
            self._changed.notify_all()
            if not self._run or self._run[0].position != position + 1:
                return []
            taken: list[Received] = []
            complete = 0
            for record in self._run:
                if complete and len(taken) >= limit:
                    break
                taken.append(record)
                complete = len(taken) if record.ends_command else complete
            return taken[:complete]

    def restart(self, position: int) -> None:
        """Forget everything: what comes is new if it is behind `position`."""
        with self._changed:
            self._run.clear()
            self._bytes, self._last, self._complete = 0, position, position
            self._changed.notify_all()

    def _append(self, record: Received) -> None:
        if record.position != self._last + 1:
            self._run.clear()
            self._bytes = 0
        self._run.append(record)
        self._bytes += len(record.stored.state)
        self._last = record.position
        if record.ends_command:
            self._complete = record.position

    def _begins_after(self, position: int) -> bool:
        return bool(self._run) and self._run[0].position > position + 1

    def _has_room(self) -> bool:
        return len(self._run) < self._capacity and self._bytes < self._capacity_bytes
