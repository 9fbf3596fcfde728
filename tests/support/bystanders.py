"""Those who look on, decide and report while others write: their answers go into the same books.

Whoever reports a call sends it again until it is acknowledged, as a gateway does.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, cycle
from typing import Any

import httpx

from services.access.credentials import hash_key
from tests.support.load import LONGEST_ANSWER, Books, load
from tests.support.pair import bearer
from tests.support.service import MASTER_KEY

TEAM, KEY, GATEWAY = "watched", "sk-watched", "sk-watching-gateway"
LOOKS = (
    "/team/info?team_id=watched",
    "/v2/team/list?page_size=5",
    "/team/list",
    "/key/info?key=sk-watched",
    "/key/list?size=5",
    "/user/list?page_size=5",
    "/audit?page_size=5",
    "/v1/teams/watched/history",
    "/v1/teams/watched/windows",
    "/v1/proof/checkpoint",
    "/global/spend/report?start_date=2026-01-01&end_date=2026-01-02",
)
"""Reads of every kind: one thing, pages, sums of what was spent, what was, and proofs."""
PAUSE = 0.02


@dataclass
class Bystanders:
    """Their books, and the calls that were acknowledged once they were sent."""

    books: Books
    reported: set[str] = field(default_factory=set)


@asynccontextmanager
async def under_load(base_url: str) -> AsyncIterator[tuple[Books, Bystanders]]:
    """Clients write to a service and bystanders look on, until the block ends."""
    async with load(base_url) as books, looking_on(base_url, books=books) as bystanders:
        yield books, bystanders


@asynccontextmanager
async def looking_on(
    *reads: str, commands: str | None = None, books: Books
) -> AsyncIterator[Bystanders]:
    """At each of `reads` somebody reads and somebody decides, until the block ends.

    Somebody reports what was spent to `commands`, by default to the first of `reads`. In the end
    every call that was sent is acknowledged.
    """
    await _found(commands or reads[0], books)
    bystanders, over = Bystanders(books), asyncio.Event()
    places = [(base, work) for base in reads for work in (_reads, _reads_by_key, _decides)]
    async with asyncio.TaskGroup() as group:
        for base, work in (*places, (commands or reads[0], _reports)):
            group.create_task(_working(base, work, bystanders, over))
        try:
            yield bystanders
        finally:
            over.set()


async def _found(base: str, books: Books) -> None:
    """What they look at, and who they are."""
    team, key, gateway = f"team-{TEAM}", f"key-{hash_key(KEY)}", f"key-{hash_key(GATEWAY)}"
    async with httpx.AsyncClient(base_url=base, timeout=LONGEST_ANSWER) as http:
        for path, body, effect in (
            ("/team/new", {"team_id": TEAM, "max_budget": 1e6}, ("team.created", team)),
            ("/key/generate", {"key": KEY, "team_id": TEAM}, ("key.generated", key)),
            (
                "/key/generate",
                {"key": GATEWAY, "key_type": "gateway", "key_alias": "looks on"},
                ("key.generated", gateway),
            ),
        ):
            answer = await http.post(path, json=body, headers=bearer(MASTER_KEY))
            assert answer.status_code == httpx.codes.OK, answer.text
            books.attempted[effect] += 1
            books.acknowledged.add(effect)


Work = Callable[[httpx.AsyncClient, Bystanders, asyncio.Event], Awaitable[None]]


async def _working(base: str, work: Work, bystanders: Bystanders, over: asyncio.Event) -> None:
    async with httpx.AsyncClient(base_url=base, timeout=LONGEST_ANSWER) as http:
        await work(http, bystanders, over)


async def _reads(http: httpx.AsyncClient, to: Bystanders, over: asyncio.Event) -> None:
    for path in cycle(LOOKS):
        if over.is_set():
            return
        await to.books.ask(http, "GET", path)
        await asyncio.sleep(PAUSE)


async def _reads_by_key(http: httpx.AsyncClient, to: Bystanders, over: asyncio.Event) -> None:
    while not over.is_set():
        await to.books.ask(http, "GET", "/key/info", by=KEY)
        await asyncio.sleep(PAUSE)


async def _decides(http: httpx.AsyncClient, to: Bystanders, over: asyncio.Event) -> None:
    asked = {"key": KEY, "model": "gpt-4o", "estimated_cost": 0.5, "reserve": True}
    while not over.is_set():
        answer = await to.books.ask(http, "POST", "/v1/decide", asked, by=GATEWAY)
        if answer is not None and answer.status_code == httpx.codes.OK:
            assert answer.json()["allowed"], answer.text
        await asyncio.sleep(PAUSE)


async def _reports(http: httpx.AsyncClient, to: Bystanders, over: asyncio.Event) -> None:
    for number in count():
        if over.is_set():
            return
        call = {
            "id": f"call-{number}",
            "started_at": datetime.now(UTC).isoformat(),
            "key": KEY,
            "model": "gpt-4o",
            "cost": "0.25",
        }
        await _until_acknowledged(http, to, call)
        to.reported.add(call["id"])
        await asyncio.sleep(PAUSE)


async def _until_acknowledged(
    http: httpx.AsyncClient, to: Bystanders, call: dict[str, Any]
) -> None:
    while True:
        answer = await to.books.ask(http, "POST", "/v1/usage", call, by=GATEWAY)
        if answer is not None and answer.status_code == httpx.codes.OK:
            assert answer.json()["refused"] == 0, answer.text
            return
        await asyncio.sleep(PAUSE)
