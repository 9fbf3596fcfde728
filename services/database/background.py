"""Work that goes on beside requests, in a task of its own."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from typing import ClassVar

import structlog

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 1.0


class Background(ABC):
    """Goes on from `start` until `stop`: what ends for a reason nobody foresaw begins again."""

    task_name: ClassVar[str]
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; at most once."""
        self._task = asyncio.create_task(self._go_on(), name=self.task_name)

    async def stop(self) -> None:
        """End at once."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _go_on(self) -> None:
        while True:
            try:
                await self._run()
            except Exception:
                log.exception("work in the background begins again", task=self.task_name)
            await asyncio.sleep(AGAIN_SECONDS)

    @abstractmethod
    async def _run(self) -> None:
        """Work until cancelled."""
