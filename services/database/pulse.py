"""Whether a database answers at all: each second it is asked, over a connection of its own.

A server that has ended refuses at once. One that stands still, or the network to it, says nothing,
and no statement that is under way ends for as long as that lasts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

import psycopg

from services.database.background import Background

ASK_SECONDS, LOOK_SECONDS = 1.0, 0.25
SILENT_LOOKS = 20
"""So many looks without an answer are silence: five seconds in which we were not held up too."""


class Pulse(Background):
    """Calls `on_silence` at every look while nothing is heard."""

    task_name: ClassVar[str] = "pulse"

    def __init__(self, conninfo: str, on_silence: Callable[[], Awaitable[None]]) -> None:
        self._conninfo = conninfo
        self._on_silence = on_silence
        self._heard = False

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(self._keep_asking())
            both.create_task(self._look())

    async def _look(self) -> None:
        silent = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            silent = 0 if self._heard else silent + 1
            self._heard = False
            if silent >= SILENT_LOOKS:
                await self._on_silence()

    async def _keep_asking(self) -> None:
        while True:
            try:
                await self._ask()
            except psycopg.Error:
                await asyncio.sleep(ASK_SECONDS)

    async def _ask(self) -> None:
        connecting = psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        async with await connecting as connection:
            while True:
                await connection.execute("SELECT 1")
                self._heard = True
                await asyncio.sleep(ASK_SECONDS)
