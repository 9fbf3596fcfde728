"""What goes on in the background goes on, until it is asked to end."""

import asyncio

import pytest

from services.database import background
from services.database.background import Background


class FailsAtFirst(Background):
    task_name = "fails at first"

    def __init__(self) -> None:
        self.times = 0
        self.goes_on, self.ended = asyncio.Event(), False

    async def _run(self) -> None:
        self.times += 1
        if self.times <= 2:
            raise ValueError(self.times)
        self.goes_on.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


async def test_work_that_fails_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "AGAIN_SECONDS", 0)
    work = FailsAtFirst()
    work.start()
    async with asyncio.timeout(10):
        await work.goes_on.wait()
    await work.stop()
    assert work.ended
