"""A command loop without the loop: a batch is decided and stored when a test says so."""

import asyncio
import time
from typing import Any

from services.access.credentials import hash_key
from services.access.principal import Credential
from services.command.application.cache import Cache
from services.command.application.commit import Committer
from services.command.application.idempotency import Idempotency
from services.command.application.plan import Plan
from services.command.application.requests import Command, Done, Origin, Render, Request, Terms
from tests.support.memory_log import MemoryLog

MASTER = Credential(hash_key("sk-master"), "ster", master=True)


def as_decided(answer: Any) -> Any:  # noqa: ANN401
    return answer


def key_of(secret: str) -> Credential:
    return Credential(hash_key(secret), secret[-4:], master=False)


def request(
    command: Command,
    credential: Credential = MASTER,
    render: Render = as_decided,
    idempotency: Idempotency | None = None,
    route: str = "/team/new",
) -> Request:
    origin = Origin(credential, route, route, "correlation", "command")
    future: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
    return Request(command, origin, render, time.monotonic() + 8, future, Terms(idempotency))


class Process:
    """One process: a cache, and what carries batches to the log it shares with others."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.cache = Cache(10**9)
        self._committer = Committer(log, self.cache)

    async def decide(self, *requests: Request) -> Plan:
        """Commit one batch; what became of each request stands in the request."""
        return await self._committer.commit(requests)

    async def carry_out(self, *commands: Command) -> list[Any]:
        """Commit one batch of the master key's: the answers, or the errors that refused."""
        plan = await self.decide(*(request(command) for command in commands))
        return [result(each) for each in plan.decided]


def result(decided: Request) -> Any:  # noqa: ANN401
    """The answer to a request, or the error that refused it."""
    return decided.refused if decided.done is None else decided.done.answer
