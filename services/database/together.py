"""Questions asked together: who waits for the same kind of answer shares one statement."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

G = TypeVar("G", bound=Hashable)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Ask = Callable[[G, Sequence[K]], Awaitable[Mapping[K, V]]]


class Together(Generic[G, K, V]):
    """Gathers questions of one group while statements for it are under way.

    Whoever asks joins the *next* statement, never one that has begun: its snapshot may be older
    than what the caller has to see. The same question is asked once for all who wait for it.
    A group never waits for another one.
    """

    def __init__(self, ask: Ask[G, K, V], *, most: int = 32, at_once: int = 2) -> None:
        self._ask = ask
        self._most = most
        self._at_once = at_once
        self._waiting: dict[G, dict[K, asyncio.Future[V]]] = defaultdict(dict)
        self._under_way: dict[G, set[asyncio.Task[None]]] = defaultdict(set)

    async def get(self, group: G, key: K) -> V:
        """The answer for `key`, or the error that the statement ended with."""
        waiting = self._waiting[group]
        if key not in waiting:
            waiting[key] = asyncio.get_running_loop().create_future()
            self._begin(group)
        return await asyncio.shield(waiting[key])

    def _begin(self, group: G) -> None:
        tasks = self._under_way[group]
        if len(tasks) < self._at_once:
            task = asyncio.create_task(self._run(group))
            tasks.add(task)
            task.add_done_callback(lambda done: self._end(group, done))

    def _end(self, group: G, done: asyncio.Task[None]) -> None:
        tasks = self._under_way[group]
        tasks.discard(done)
        if self._waiting[group]:
            self._begin(group)
        elif not tasks:
            del self._under_way[group], self._waiting[group]

    async def _run(self, group: G) -> None:
        """One statement, for as many as wait when it begins."""
        waiting = self._waiting[group]
        batch = dict(islice(waiting.items(), self._most))
        for key in batch:
            del waiting[key]
        if not batch:
            return
        try:
            answers = await self._ask(group, list(batch))
        except Exception as error:  # noqa: BLE001 - it is theirs who asked
            for future in batch.values():
                future.set_exception(error)
                future.exception()
        else:
            for key, future in batch.items():
                future.set_result(answers[key])
