"""Where checkpoints are kept outside: proof reaches to the last one that is out of our reach."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Any, Protocol

import httpx
import psycopg

from services import metrics
from services.database.alone import alone
from services.database.connections import Pool

LOCK = 7305235
POST_SECONDS = 10.0
AT_ONCE = 100
_WAITING = """
SELECT size, note FROM ops.checkpoints WHERE delivered_at IS NULL ORDER BY size LIMIT %s
"""
_DELIVERED = "UPDATE ops.checkpoints SET delivered_at = now() WHERE size = %s"

log = logging.getLogger(__name__)


class SinkRefused(Exception):
    """The sink did not take a checkpoint; it is offered again."""


class Sink(Protocol):
    """Keeps notes. It may be handed the same one again, never an older one after a newer one."""

    async def keep(self, note: str) -> None:
        """Raises SinkRefused."""
        ...


class FileSink:
    """Appends notes to a file, each followed by an empty line, and makes sure they are on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def keep(self, note: str) -> None:
        try:
            await asyncio.to_thread(self._append, note)
        except OSError as error:
            raise SinkRefused(f"{self._path}: {error.strerror}") from error

    def _append(self, note: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(note + "\n")
            file.flush()
            os.fsync(file.fileno())


class HttpSink:
    """Posts notes as plain text; any answer but 2xx is a refusal."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def keep(self, note: str) -> None:
        try:
            async with httpx.AsyncClient(timeout=POST_SECONDS) as client:
                answer = await client.post(
                    self._url, content=note.encode(), headers={"content-type": "text/plain"}
                )
        except httpx.InvalidURL:
            raise SinkRefused("the address of the sink makes no sense") from None
        except httpx.HTTPError as error:
            raise SinkRefused(f"the sink did not take it: {error}") from error
        if not answer.is_success:  # the address may hold a password, and is not told
            raise SinkRefused(f"the sink answered {answer.status_code}")


def sink_at(address: str) -> Sink:
    """A sink by its address: http:// and https:// post, anything else is the path of a file."""
    if address.startswith(("http://", "https://")):
        return HttpSink(address)
    return FileSink(Path(address.removeprefix("file://")))


class Sinks:
    """Hands checkpoints on, the oldest first; without a sink they wait for one.

    Every process is about to, and one at a time does: none may overtake what another is handing on.
    """

    def __init__(self, pool: Pool, sink: Sink | None) -> None:
        self._pool, self._sink = pool, sink

    async def deliver(self) -> None:
        """What waits; a refusal is logged and tried again the next time."""
        if self._sink is None:
            return
        async with self._pool.connection() as connection:
            if not await _waiting(connection):
                return
            async with alone(connection, LOCK) as may:
                if may:
                    await self._hand_on(connection, self._sink)

    async def _hand_on(self, connection: psycopg.AsyncConnection[Any], sink: Sink) -> None:
        for size, note in await _waiting(connection):
            try:
                await sink.keep(note)
            except SinkRefused as refused:
                metrics.CHECKPOINTS_REFUSED.inc()
                log.warning("checkpoint %d is not delivered: %s", size, refused)
                return
            await connection.execute(_DELIVERED, (size,))


async def _waiting(connection: psycopg.AsyncConnection[Any]) -> list[tuple[int, str]]:
    return await (await connection.execute(_WAITING, (AT_ONCE,))).fetchall()
