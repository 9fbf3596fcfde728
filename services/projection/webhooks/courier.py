"""Posts messages to webhooks: side by side, so that a slow receiver keeps no other waiting.

Any number of processes may: a message is claimed before it is posted.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from services.database.connections import Pool
from services.database.vault import Vault
from services.edge.shapes.webhook import message
from services.projection.progress import RebuildNeeded
from services.projection.queries.webhooks import Found, find_webhooks
from services.projection.runner import CONNECTION_LOST, NotReached
from services.projection.webhooks.messages import Messages
from services.projection.webhooks.posting import Message, Outcome, Poster
from services.projection.webhooks.queue import Claim, Queue

LOOK_SECONDS = 0.5
GRACE_SECONDS = 5.0
"""How long an attempt may take beyond its time before it counts as one that nobody finishes."""

FORGET_SECONDS = 3_600
_WAITS = (*CONNECTION_LOST, NotReached, RebuildNeeded)

log = logging.getLogger(__name__)


class Courier:
    """`run()` is the task.

    `timeout` seconds is how long an attempt may take; of one webhook `in_flight` are under way at a
    time. `gone` is called with the id of a webhook whose receiver wants nothing any more, the
    address where that is, why, and the message that it said so to.
    """

    def __init__(  # noqa: PLR0913 - all that it works with
        self,
        read_pool: Pool,
        vault: Vault,
        *,
        messages: Messages,
        queue: Queue,
        poster: Poster,
        gone: Callable[[str, str, str, str], Awaitable[None]],
        timeout: float,
        in_flight: int,
    ) -> None:
        self._read_pool, self._vault = read_pool, vault
        self._messages, self._queue, self._poster = messages, queue, poster
        self._gone, self._claimed_for = gone, timeout + GRACE_SECONDS
        self._most = in_flight
        self._in_flight: Counter[str] = Counter()
        self._attempts: set[asyncio.Task[None]] = set()
        self._forget_at = 0.0
        self._ended_one = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Make messages and post them until `stop()`."""
        try:
            while not self._stopping.is_set():
                try:
                    await self._turn()
                except _WAITS as error:
                    log.warning("no messages are posted now: %s", error)
                except Exception:
                    log.exception("no messages are posted now")
                await self._news()
        finally:
            await self._give_up()
            self._ended.set()

    async def stop(self) -> None:
        """End `run()`; attempts under way are given up, and made again by whoever comes next."""
        self._stopping.set()
        await self._ended.wait()

    async def _turn(self) -> None:
        self._ended_one.clear()
        await self._messages.make()
        _, found = await find_webhooks(self._read_pool)
        by_id = {each.view.webhook_id: each for each in found if each.view.settings.enabled}
        for name in await self._queue.due([*by_id]) if by_id else ():
            free = self._most - self._in_flight[name]
            for claim in await self._queue.claim(name, free, self._claimed_for) if free else ():
                self._begin(by_id[name], claim)
        if time.monotonic() >= self._forget_at:
            await self._queue.forget()
            self._forget_at = time.monotonic() + FORGET_SECONDS

    def _begin(self, found: Found, claim: Claim) -> None:
        self._in_flight[claim.webhook] += 1
        attempt = asyncio.create_task(self._attempt(found, claim), name="webhook attempt")
        self._attempts.add(attempt)
        attempt.add_done_callback(lambda ended: self._end(ended, claim))

    def _end(self, attempt: asyncio.Task[None], claim: Claim) -> None:
        self._attempts.discard(attempt)
        self._in_flight[claim.webhook] -= 1
        self._ended_one.set()

    async def _attempt(self, found: Found, claim: Claim) -> None:
        try:
            outcome = await self._post(found, claim)
            await self._queue.settle(claim, outcome)
            if outcome.gone:
                address = found.view.settings.url
                await self._gone(claim.webhook, address, outcome.error or "", claim.message)
        except Exception:
            log.exception("an attempt at a message was not finished")

    async def _post(self, found: Found, claim: Claim) -> Outcome:
        sealed = found.secrets(datetime.now(UTC))
        opened = await self._vault.open_all(sealed)
        secrets = [text for box in sealed if (text := opened[box]) is not None]
        if not secrets:
            return Outcome(error="the secret cannot be read: rotate it")
        body = orjson.dumps(message(await self._queue.fact(claim))).decode()
        address = found.view.settings.url
        return await self._poster.post(address, Message(claim.message, body, secrets))

    async def _news(self) -> None:
        """Until an attempt has ended, or it is time to look."""
        waits = [asyncio.create_task(event.wait()) for event in (self._ended_one, self._stopping)]
        try:
            await asyncio.wait(waits, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancelled(waits)

    async def _give_up(self) -> None:
        await _cancelled(list(self._attempts))
        await self._poster.close()


async def _cancelled(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
