"""Work that many wait for: done once for all who came before it began."""

import asyncio
from collections.abc import Awaitable, Callable


class Turns:
    """Runs `work` again and again while somebody waits, never twice at a time.

    Whoever comes joins the *next* turn, never the one under way: that one may have looked before
    what the caller has to see. A turn that fails has failed for all who joined it.
    """

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._next: asyncio.Future[None] | None = None
        self._running: asyncio.Task[None] | None = None

    async def next(self) -> None:
        """Return once a turn is done that began after now; raises what the work raises."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        joined = self._next
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        await asyncio.shield(joined)

    async def _run(self) -> None:
        while self._next is not None:
            waiting, self._next = self._next, None
            try:
                await self._work()
            except Exception as error:  # noqa: BLE001 - it is theirs who wait
                waiting.set_exception(error)
                waiting.exception()
            else:
                waiting.set_result(None)
        self._running = None
