"""Work that goes on beside requests, in a task of its own."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from typing import ClassVar


class Background(ABC):
    """Goes on from `start` until `stop`."""

    task_name: ClassVar[str]
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; at most once."""
        self._task = asyncio.create_task(self._run(), name=self.task_name)

    async def stop(self) -> None:
        """End at once. Raises what the work ended with, if it did before it was asked to."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @abstractmethod
    async def _run(self) -> None:
        """Work until cancelled."""
