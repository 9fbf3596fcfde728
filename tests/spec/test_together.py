"""Questions asked together: fresh enough for everybody who asks, each asked once."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from services.database.together import Together


class Store:
    """Answers with the tick at which the statement began; each waits until it is let go."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[int]]] = []
        self.gates: list[asyncio.Event] = []
        self.failing = False
        self.begun: asyncio.Queue[int] = asyncio.Queue()

    async def ask(self, group: str, keys: Sequence[int]) -> Mapping[int, str]:
        number = len(self.asked)
        self.asked.append((group, list(keys)))
        self.gates.append(asyncio.Event())
        self.begun.put_nowait(number)
        await self.gates[number].wait()
        if self.failing:
            raise ConnectionError(f"statement {number}")
        return {key: f"{group}{key} by statement {number}" for key in keys}


def asking(together: Together[str, int, str], group: str, *keys: int) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(together.get(group, key)) for key in keys]


async def test_what_is_asked_at_the_same_time_is_one_statement_and_each_question_once() -> None:
    store = Store()
    tasks = asking(Together(store.ask), "g", 1, 2, 1)
    await store.begun.get()
    store.gates[0].set()
    assert await asyncio.gather(*tasks) == [f"g{key} by statement 0" for key in (1, 2, 1)]
    assert store.asked == [("g", [1, 2])]


async def test_nobody_joins_a_statement_that_has_begun() -> None:
    store = Store()
    together = Together(store.ask, at_once=1)
    [early] = asking(together, "g", 1)
    await store.begun.get()
    [late] = asking(together, "g", 1)
    await asyncio.sleep(0)
    assert len(store.asked) == 1
    store.gates[0].set()
    assert await early == "g1 by statement 0"
    await store.begun.get()
    store.gates[1].set()
    assert await late == "g1 by statement 1"


async def test_a_statement_takes_no_more_than_it_may_and_the_rest_follows() -> None:
    store = Store()
    tasks = asking(Together(store.ask, most=2, at_once=1), "g", 1, 2, 3)
    for number in range(2):
        await store.begun.get()
        store.gates[number].set()
    await asyncio.gather(*tasks)
    assert store.asked == [("g", [1, 2]), ("g", [3])]


async def test_groups_do_not_wait_for_one_another() -> None:
    store = Store()
    together = Together(store.ask, at_once=1)
    [slow] = asking(together, "slow", 1)
    await store.begun.get()
    [quick] = asking(together, "quick", 1)
    await store.begun.get()
    store.gates[1].set()
    assert await quick == "quick1 by statement 1"
    assert not slow.done()
    store.gates[0].set()
    assert await slow == "slow1 by statement 0"


async def test_a_failed_statement_fails_those_who_asked_it_and_nobody_else() -> None:
    store = Store()
    together = Together(store.ask, at_once=1)
    tasks = asking(together, "g", 1, 2)
    await store.begun.get()
    store.failing = True
    store.gates[0].set()
    for task in tasks:
        with pytest.raises(ConnectionError, match="statement 0"):
            await task
    store.failing = False
    [again] = asking(together, "g", 1)
    await store.begun.get()
    store.gates[1].set()
    assert await again == "g1 by statement 1"


async def test_who_gives_up_waiting_takes_the_answer_from_nobody() -> None:
    store = Store()
    together = Together(store.ask)
    first, second = asking(together, "g", 1, 1)
    await store.begun.get()
    first.cancel()
    store.gates[0].set()
    assert await second == "g1 by statement 0"
    assert first.cancelled()
