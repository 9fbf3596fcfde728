"""Who waits too long is answered, once; what was begun goes on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message

from services.edge.app import create_app
from services.edge.body import LedgerRoute, answer
from services.edge.patience import Answer, Waiting


@dataclass
class Slow:
    """An application that answers when it is let; `asked` once it was asked."""

    app: FastAPI = field(default_factory=create_app)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    let: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        router = APIRouter(route_class=LedgerRoute)
        for path in ("/waits", "/v1/waits"):
            router.add_api_route(path, self.waits)
        router.add_api_route("/begins", self.begins)
        self.app.include_router(router)

    async def waits(self, request: Request) -> Response:  # noqa: ARG002
        self.asked.set()
        await self.let.wait()
        return answer({"late": True})

    async def begins(self, request: Request) -> Response:  # noqa: ARG002
        async def parts() -> AsyncIterator[bytes]:
            yield b"first, "
            self.asked.set()
            await self.let.wait()
            yield b"last"

        return StreamingResponse(parts())

    async def answered(self, path: str, seconds: float) -> httpx.Response:
        """What a client is told if those who have waited for so long are given up meanwhile."""
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://local") as http:
            asking = asyncio.create_task(http.get(path, headers={"x-request-id": "r"}))
            await self.asked.wait()
            await self.app.state.waiting.give_up(seconds)
            self.let.set()
            return await asking


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/waits", "application/json"), ("/v1/waits", "application/problem+json")],
)
async def test_who_waits_too_long_is_told_to_come_again(path: str, media_type: str) -> None:
    told = await Slow().answered(path, seconds=0)
    assert (told.status_code, told.headers["retry-after"]) == (503, "1")
    assert (told.headers["content-type"], told.headers["x-request-id"]) == (media_type, "r")
    assert "outcome: unknown" in told.text
    assert "late" not in told.text


async def waiting_for(slow: Slow) -> tuple[asyncio.Task[None], list[Message]]:
    """A request under way, and what it is told."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/waits", "headers": [], "query_string": b""}
    asking = asyncio.create_task(slow.app(scope, receive, send))
    await slow.asked.wait()
    return asking, sent


async def test_who_still_waits_when_the_process_ends_is_told_to_come_again() -> None:
    """uvicorn gives up what takes too long by then, and would answer 500."""
    slow = Slow()
    asking, sent = await waiting_for(slow)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (sent[0]["status"], sent[-1].get("more_body", False)) == (503, False)


async def test_who_has_not_waited_for_long_goes_on_waiting() -> None:
    told = await Slow().answered("/waits", seconds=60)
    assert (told.status_code, told.json()) == (200, {"late": True})


async def test_what_has_begun_is_finished() -> None:
    told = await Slow().answered("/begins", seconds=0)
    assert (told.status_code, told.text) == (200, "first, last")


async def test_who_does_not_read_keeps_nobody_waiting() -> None:
    told: list[Message] = []

    async def stuck(_: Message) -> None:
        await asyncio.Event().wait()

    async def send(message: Message) -> None:
        told.append(message)

    waiting = Waiting(strict=False)
    scope = {"type": "http", "method": "GET", "path": "/waits", "headers": []}
    makers = [asyncio.create_task(asyncio.Event().wait()) for _ in range(2)]
    for each, maker in zip((stuck, send), makers, strict=True):
        waiting.begin(Answer(scope, each, "r"), maker)  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        for _ in range(2):
            await waiting.give_up(0)
    assert [m["status"] for m in told if m["type"] == "http.response.start"] == [503]


async def test_what_was_to_answer_ends_with_him_who_asked() -> None:
    """It may wait for a database that never says anything, as may all that come after."""
    slow = Slow()
    asking, sent = await waiting_for(slow)
    async with asyncio.timeout(10):
        await slow.app.state.waiting.give_up(0)
        await asking
    assert (sent[0]["status"], len(slow.app.state.waiting)) == (503, 0)


async def test_nobody_is_given_up_after_his_answer() -> None:
    slow = Slow()
    slow.let.set()
    told = await slow.answered("/waits", seconds=60)
    await slow.app.state.waiting.give_up(0)
    assert told.json() == {"late": True}
