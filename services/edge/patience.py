"""The answers that are still to come, and what becomes of those who would wait for ever."""

import asyncio
from collections.abc import Iterable
from time import perf_counter

from starlette.types import Message, Scope, Send

from services.edge.errors import ShapeB, render, tells_problems
from services.edge.measured import measure, named

TELL_SECONDS = 0.1
TOO_LONG = ShapeB(503, "a database does not answer, outcome: unknown", "service_unavailable")


class Answer:
    """A `send` that marks the answer, and remembers whether it has begun, and when.

    It is `left` where whoever asked was sent away: what was to answer is cancelled.
    """

    def __init__(self, scope: Scope, send: Send, identity: str) -> None:
        self.came = perf_counter()
        self.begun = self.left = False
        self._status, self._seconds = 0, 0.0
        self._given_up = False
        self._scope = scope
        self._send = send
        self._identity = identity.encode()

    async def __call__(self, message: Message) -> None:
        if not self._given_up:
            await self._pass_on(message)

    async def give_up(self, *, strict: bool) -> bool:
        """Answer 503, unless an answer has begun; what the application says later is dropped.

        Whether it was answered here.
        """
        if self.begun:
            return False
        self._given_up = True
        refusal = render(TOO_LONG, strict=strict, problems=tells_problems(self._scope["path"]))
        await refusal(self._scope, _nothing, self._pass_on)
        return True

    def line(self) -> dict[str, object]:
        """What a log may say of the exchange."""
        method, route, status = self.named()
        took = round(self._seconds * 1_000, 3)
        return {"method": method, "route": route, "status": status, "milliseconds": took}

    def named(self) -> tuple[str, str, int]:
        """Method, template and status, 0 where no answer has begun."""
        return *named(self._scope), self._status

    def told(self) -> None:
        """Count what was answered to the request."""
        if self.begun:
            measure(self._scope, self._status, self._seconds)

    async def _pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            self._status, self._seconds = message["status"], perf_counter() - self.came
            message = {**message, "headers": self._marked(message.get("headers", ()))}
        await self._send(message)

    def _marked(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        headers = [*given, (b"x-request-id", self._identity)]
        if all(name.lower() != b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"no-store"))
        return headers


class Waiting:
    """Answers under way in a process, each with the task that makes it."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._answers: dict[Answer, asyncio.Task[None]] = {}
        self._telling: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._answers)

    def begin(self, answer: Answer, maker: "asyncio.Task[None]") -> None:
        self._answers[answer] = maker

    def end(self, answer: Answer) -> None:
        self._answers.pop(answer, None)

    async def give_up(self, seconds: float) -> None:
        """Answer 503 to everybody who has waited for so long, and end what was to answer them.

        Who does not read what he is told keeps nobody waiting: he is told beside the others.
        """
        since = perf_counter() - seconds
        late = [answer for answer in self._answers if answer.came < since and not answer.begun]
        for answer in late:
            task = asyncio.create_task(self._tell(answer))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        if late:
            await asyncio.wait(self._telling, timeout=TELL_SECONDS)

    async def _tell(self, answer: Answer) -> None:
        told = await answer.give_up(strict=self._strict)
        if told and (maker := self._answers.get(answer)) is not None:
            answer.left = True
            maker.cancel()


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
