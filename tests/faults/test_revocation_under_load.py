"""What one of two busy processes takes away, neither gives to any later request (auth.md 7, D10).

Requests with one key go through both processes without a pause, to routes of commands and of reads;
in the middle of it the key is blocked, deleted, taken from its owner with his membership, or it
expires.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.support.load import load
from tests.support.oracle import assert_projected
from tests.support.pair import Clients, bearer, done
from tests.support.service import MASTER_KEY, ServiceProcess

pytestmark = pytest.mark.faults

BEFORE, AFTER = 5, 15
Call = tuple[str, str, dict[str, Any]]
Act = Callable[[httpx.AsyncClient, str], Awaitable[float]]
"""Ends the key of a test by the master's request; from which moment it has no right any more."""


def calls(name: str) -> list[Call]:
    """Two routes of commands and two of reads, that the key of a test may call."""
    return [
        ("POST", "/key/generate", {"json": {}}),
        ("POST", "/key/update", {"json": {"key": f"sk-{name}", "rpm_limit": 1}}),
        ("GET", "/key/info", {}),
        ("GET", "/team/info", {"params": {"team_id": name}}),
    ]


class Caller:
    """Makes one call again and again by one process, and keeps when it was let in."""

    def __init__(self, client: httpx.AsyncClient, call: Call, secret: str) -> None:
        self._client, self._call, self._headers = client, call, bearer(secret)
        self.let_in = asyncio.Event()
        self.accepted: list[float] = []
        self.answers: list[str] = []
        """Of those sent after the right had ended."""

    async def run(self, ended: asyncio.Future[float]) -> None:
        """Call until some calls were sent after the moment at which the right ended."""
        while len(self.answers) < AFTER:
            sent = time.time()
            method, path, options = self._call
            answer = await self._client.request(method, path, headers=self._headers, **options)
            if answer.status_code == 200:
                self.accepted.append(sent)
            if len(self.accepted) >= BEFORE:
                self.let_in.set()
            if ended.done() and sent > ended.result():
                self.answers.append(f"{answer.status_code} {answer.text}")


def by(route: str, **body: Any) -> Act:  # noqa: ANN401
    """A request whose body calls by `?` what belongs to the test."""

    async def act(client: httpx.AsyncClient, name: str) -> float:
        await done(client, route, **_named(body, name))
        return time.time()

    return act


def _named(part: Any, name: str) -> Any:  # noqa: ANN401
    match part:
        case dict():
            return {key: _named(value, name) for key, value in part.items()}
        case list():
            return [_named(each, name) for each in part]
    return part.replace("?", name)


async def expires(client: httpx.AsyncClient, name: str) -> float:
    """The key is given one more second to live."""
    told = await done(client, "/key/update", key=f"sk-{name}", duration="1s")
    return datetime.fromisoformat(told["expires"]).timestamp()


ENDS: dict[str, tuple[Act, int]] = {
    "blocked": (by("/key/block", key="sk-?"), 401),
    "blocked-with-its-team": (by("/team/block", team_id="?"), 401),
    "deleted": (by("/key/delete", keys=["sk-?"]), 401),
    "deleted-with-its-team": (by("/team/delete", team_ids=["?"]), 401),
    "deleted-with-its-owner": (by("/user/delete", user_ids=["?"]), 401),
    "deleted-with-its-organization": (
        by("DELETE /organization/delete", organization_ids=["?"]),
        401,
    ),
    "removed-with-its-owner": (by("/team/member_delete", team_id="?", user_id="?"), 401),
    "rotated": (by("/key/regenerate", key="sk-?"), 401),
    "expired": (expires, 400),
}
"""How a key ends, and the status that it is refused with from then on."""


@pytest.mark.parametrize("name", ENDS)
async def test_d10_nobody_is_let_in_by_a_key_that_has_ended(
    services: list[ServiceProcess], clients: Clients, name: str
) -> None:
    end, status = ENDS[name]
    a, b = clients
    secret, ann = f"sk-{name}", {"role": "admin", "user_id": name}
    await done(a, "/organization/new", organization_id=name, organization_alias=name)
    await done(a, "/team/new", team_id=name, organization_id=name, members_with_roles=[ann])
    await done(b, "/key/generate", key=secret, team_id=name, user_id=name)
    ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    callers = [Caller(client, call, secret) for client in clients for call in calls(name)]
    urls = (service.base_url for service in services)
    async with load(*urls, clients=4, name=name) as books, asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(caller.run(ended))
        await asyncio.gather(*(caller.let_in.wait() for caller in callers))
        ended.set_result(await end(a, name))
    late = [sent for caller in callers for sent in caller.accepted if sent > ended.result()]
    assert late == []
    answers = [answer for caller in callers for answer in caller.answers]
    assert {answer[:3] for answer in answers} == {str(status)}, answers[0]
    assert len(answers) == len(callers) * AFTER
    assert (books.unclear, books.lost_connections) == ([], 0)


async def test_the_read_models_hold_what_was_stored(url: str, clients: Clients) -> None:
    for client in clients:
        await client.get("/team/list", params={"limit": 1}, headers=bearer(MASTER_KEY))
    assert_projected(url)
