"""HTTP clients that write as fast as they are answered and keep books on what they were told."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.service import MASTER_KEY
from tests.support.stored import StoredFact

LONGEST_ANSWER = 10.0
Effect = tuple[str, ...]
"""A topic, a stream, and for members the user: what a command is to leave in the store once."""


@dataclass
class Books:
    """What was asked for, what was acknowledged, and how every request ended.

    `longest` is how many seconds the slowest answer took.
    """

    attempted: Counter[Effect] = field(default_factory=Counter)
    acknowledged: set[Effect] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    unclear: list[str] = field(default_factory=list)
    lost_connections: int = 0
    longest: float = 0.0
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait_for_more(self, answers: int) -> None:
        """Return once so many more commands have been acknowledged."""
        goal = len(self.acknowledged) + answers
        async with self.news:
            await self.news.wait_for(lambda: len(self.acknowledged) >= goal)

    async def ask(
        self,
        http: httpx.AsyncClient,
        method: str,
        route: str,
        body: object = None,
        by: str = MASTER_KEY,
    ) -> httpx.Response | None:
        """The answer; None for a connection that was refused or lost."""
        sent = time.monotonic()
        headers = {"Authorization": f"Bearer {by}"}
        try:
            answer = await http.request(method, route, json=body, headers=headers)
        except httpx.TimeoutException:
            self.unclear.append(f"{route} was not answered in time")
            return None
        except httpx.TransportError:
            self.lost_connections += 1
            return None
        self.longest = max(self.longest, time.monotonic() - sent)
        self.statuses[answer.status_code] += 1
        expected = answer.status_code in (200, 404) or (
            answer.status_code == 503 and "retry-after" in answer.headers
        )
        if not expected:
            self.unclear.append(f"{route}: {answer.status_code} {answer.text}")
        return answer

    def check(self, facts: list[StoredFact]) -> None:
        """Acknowledged effects are stored once, others at most once, none out of nowhere."""
        stored = Counter(effect for fact in facts if (effect := effect_of(fact)) is not None)
        lost = [effect for effect in self.acknowledged if not stored[effect]]
        doubled = [effect for effect, times in stored.items() if times > 1]
        unheard_of = stored.keys() - self.attempted.keys()
        assert (lost, doubled, unheard_of) == ([], [], set())
        assert max(self.attempted.values()) == 1
        assert [fact.position for fact in facts] == list(range(1, len(facts) + 1))


def effect_of(fact: StoredFact) -> Effect | None:
    """The effect that a client asked for; None for what comes along with it."""
    match fact.topic:
        case "team.member_added" if fact.data["user_id"].startswith("member of "):
            return fact.topic, fact.stream, fact.data["user_id"]
        case "team.created" | "team.budget_changed" | "team.deleted" | "key.generated":
            return fact.topic, fact.stream
    return None


class Client:
    """One client: team after team, each with a member and a key; some change, some are deleted."""

    def __init__(self, http: httpx.AsyncClient, name: str, books: Books) -> None:
        self._http, self._name, self._books = http, name, books

    async def run(self, over: asyncio.Event) -> None:
        number = 0
        while not over.is_set():
            number += 1
            if not await self._one_team(f"{self._name}-{number}", number):
                await asyncio.sleep(0.02)

    async def _one_team(self, team: str, number: int) -> bool:
        """Ask for everything about one team; whether all of it was acknowledged."""
        for route, body, effect in _commands(team, number):
            if not await self._send(route, body, effect):
                return False
        answer = await self._books.ask(self._http, "GET", f"/team/info?team_id={team}")
        return answer is not None and answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR

    async def _send(self, route: str, body: dict[str, Any], effect: Effect) -> bool:
        self._books.attempted[effect] += 1
        answer = await self._books.ask(self._http, "POST", route, body)
        if answer is None or answer.status_code != httpx.codes.OK:
            return False
        async with self._books.news:
            self._books.acknowledged.add(effect)
            self._books.news.notify_all()
        return True


def _commands(team: str, number: int) -> list[tuple[str, dict[str, Any], Effect]]:
    stream, user, secret = f"team-{team}", f"member of {team}", f"sk-{team}"
    key = "key-" + hashlib.sha256(secret.encode()).hexdigest()
    member = {"team_id": team, "member": {"role": "user", "user_id": user}}
    commands: list[tuple[str, dict[str, Any], Effect]] = [
        ("/team/new", {"team_id": team, "team_alias": team}, ("team.created", stream)),
        ("/team/member_add", member, ("team.member_added", stream, user)),
        ("/key/generate", {"key": secret, "team_id": team}, ("key.generated", key)),
    ]
    if number % 2:
        body: dict[str, Any] = {"team_id": team, "max_budget": number}
        commands.append(("/team/update", body, ("team.budget_changed", stream)))
    if number % 3 == 0:
        commands.append(("/team/delete", {"team_ids": [team]}, ("team.deleted", stream)))
    return commands


@asynccontextmanager
async def load(*base_urls: str, clients: int = 6, name: str = "c") -> AsyncIterator[Books]:
    """Clients that write, spread over the services, until the block ends; their books.

    Their teams are called by `name`: a second load on one database needs another one.
    """
    books, over = Books(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            url = base_urls[number % len(base_urls)]
            group.create_task(_client(url, f"{name}{number}", books, over))
        try:
            yield books
        finally:
            over.set()


async def _client(url: str, name: str, books: Books, over: asyncio.Event) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=LONGEST_ANSWER) as http:
        await Client(http, name, books).run(over)
