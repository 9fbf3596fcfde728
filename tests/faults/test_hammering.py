"""Two command processes are asked to change one team, by many clients, without a pause.

Each client knows what its own members have to be like, whatever the others do meanwhile.
"""

import asyncio
import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.aftermath import ready_again
from tests.support.load import LONGEST_ANSWER
from tests.support.loop import CREATOR
from tests.support.oracle import assert_projected
from tests.support.pair import bearer, done, post
from tests.support.postgres import fresh_database
from tests.support.service import MASTER_KEY, ServiceProcess, Start, on_database
from tests.support.stored import StoredFact, stored_facts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]
CLIENTS, CHANGES, USERS, COUNTS = 12, 150, 4, 5
P99 = 2.0  # seconds, on two cores that others use as well
ROLES = ("user", "admin")
OF_MEMBERS = {
    "team.member_added": "role",
    "team.member_role_changed": "after",
    "team.member_removed": "role",
}
Change = tuple[str, str]


@dataclass
class Deployment:
    """Two processes that take commands, and one that answers reads."""

    url: str
    commands: list[ServiceProcess]
    projection: ServiceProcess


@pytest.fixture(scope="module")
def deployment(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Deployment]:
    with fresh_database(postgres_server) as url:
        env = on_database(url)
        commands = [start_service(env, ready=False, role="command") for _ in range(2)]
        projection = start_service(env, ready=False, role="projection")
        for service in (*commands, projection):
            service.wait_until_ready()
        yield Deployment(url, commands, projection)
        assert [service.stop() for service in (*commands, projection)] == [0, 0, 0]


@dataclass
class Client:
    """Adds, changes and removes members of its own, and keeps what was acknowledged."""

    http: httpx.AsyncClient
    name: str
    chance: random.Random
    roles: dict[str, str] = field(default_factory=dict)
    told: defaultdict[str, list[Change]] = field(default_factory=lambda: defaultdict(list))
    seconds: list[float] = field(default_factory=list)

    async def run(self) -> None:
        for _ in range(CHANGES):
            user = f"{self.name} {self.chance.randrange(USERS)}"
            act = self.chance.choice([self.add, self.change, self.remove])
            await act(user, self.chance.choice(ROLES))

    async def add(self, user: str, role: str) -> None:
        member = {"user_id": user, "role": role}
        if await self.accepted("/team/member_add", expected=user not in self.roles, member=member):
            self.roles[user] = role
            self.told[user].append(("team.member_added", role))

    async def change(self, user: str, role: str) -> None:
        if await self.accepted(
            "/team/member_update", expected=user in self.roles, user_id=user, role=role
        ):
            if self.roles[user] != role:
                self.told[user].append(("team.member_role_changed", role))
            self.roles[user] = role

    async def remove(self, user: str, _: str) -> None:
        if await self.accepted("/team/member_delete", expected=user in self.roles, user_id=user):
            self.told[user].append(("team.member_removed", self.roles.pop(user)))

    async def accepted(self, route: str, *, expected: bool, **body: object) -> bool:
        """Whether it was, as it had to be."""
        sent = time.monotonic()
        answer = await post(self.http, route, team_id="hammered", **body)
        self.seconds.append(time.monotonic() - sent)
        assert answer.status_code == (200 if expected else 400), answer.text
        return expected


async def test_each_acknowledged_change_of_one_team_is_there_once(deployment: Deployment) -> None:
    async with AsyncExitStack() as stack:
        clients = [
            Client(await client_of(deployment.commands[n % 2], stack), f"c{n}", random.Random(n))
            for n in range(CLIENTS)
        ]
        await done(clients[0].http, "/team/new", team_id="hammered")
        await asyncio.gather(*(client.run() for client in clients))
    facts = [fact for fact in stored_facts(deployment.url) if fact.stream == "team-hammered"]
    assert [fact.version for fact in facts] == list(range(1, len(facts) + 1))
    told = {user: changes for client in clients for user, changes in client.told.items()}
    assert changes_of(facts) == {CREATOR: [("team.member_added", "admin")], **told}
    roles = {user: role for client in clients for user, role in client.roles.items()}
    assert await roster(deployment) == {CREATOR: "admin", **roles}
    assert_projected(deployment.url)
    seconds = [each for client in clients for each in client.seconds]
    assert statistics.quantiles(seconds, n=100)[-1] < P99


def changes_of(facts: list[StoredFact]) -> dict[str, list[Change]]:
    """What is stored of each member, in order."""
    changes: defaultdict[str, list[Change]] = defaultdict(list)
    for fact in facts:
        if fact.topic in OF_MEMBERS:
            changes[fact.data["user_id"]].append((fact.topic, fact.data[OF_MEMBERS[fact.topic]]))
    return changes


async def roster(deployment: Deployment) -> dict[str, str]:
    await ready_again(deployment.projection)
    shown = await info(deployment, "hammered")
    members = shown.json()["team_info"]["members_with_roles"]
    roles = {member["user_id"]: member["role"] for member in members}
    assert len(roles) == len(members)
    return roles


async def test_of_changes_to_the_same_version_one_is_made(deployment: Deployment) -> None:
    """Nobody overwrites what he has not seen: each count that was acknowledged is one more."""
    statuses: Counter[int] = Counter()

    async def counts(http: httpx.AsyncClient) -> None:
        counted = 0
        while counted < COUNTS:
            seen = await info(deployment, "counted")
            count = seen.json()["team_info"]["metadata"].get("count", 0)
            headers = {**bearer(MASTER_KEY), "If-Match": seen.headers["etag"]}
            body = {"team_id": "counted", "metadata": {"count": count + 1}}
            answer = await http.post("/team/update", json=body, headers=headers)
            statuses[answer.status_code] += 1
            counted += answer.status_code == httpx.codes.OK

    async with AsyncExitStack() as stack:
        clients = [await client_of(deployment.commands[n % 2], stack) for n in range(6)]
        await done(clients[0], "/team/new", team_id="counted")
        await asyncio.gather(*map(counts, clients))
    assert set(statuses) == {200, 412}
    shown = (await info(deployment, "counted")).json()["team_info"]
    assert shown["metadata"]["count"] == statuses[200] == 6 * COUNTS
    assert_projected(deployment.url)


async def info(deployment: Deployment, team_id: str) -> Any:  # noqa: ANN401
    base, params = deployment.projection.base_url, {"team_id": team_id}
    async with httpx.AsyncClient(base_url=base, timeout=LONGEST_ANSWER) as http:
        answer = await http.get("/team/info", params=params, headers=bearer(MASTER_KEY))
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer


async def client_of(service: ServiceProcess, stack: AsyncExitStack) -> httpx.AsyncClient:
    client = httpx.AsyncClient(base_url=service.base_url, timeout=LONGEST_ANSWER)
    return await stack.enter_async_context(client)
