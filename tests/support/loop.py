"""A command loop as one process of the service has it, and the commands that tests send to it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Any, TypedDict, Unpack
from uuid import uuid4

from events.envelope import Envelope
from events.key import KeySettings
from events.team import TeamRole, TeamSettings
from services.access.credentials import identify, master_principal
from services.access.principal import Credential, Principal
from services.command.api import build, render
from services.command.application.answers import KeyAnswer, TeamAnswer, UserAnswer
from services.command.application.keys import BlockKey, DeleteKeys, NewKey
from services.command.application.loop import CommandLoop
from services.command.application.members import AddMembers, RemoveMember
from services.command.application.requests import Command, Done, Origin
from services.command.application.store import EventStore
from services.command.application.teams import BlockTeam, DeleteTeams, NewTeam, ReviseTeam
from services.database.connections import Pool, open_pool, service_conninfo
from services.database.vault import Vault
from services.edge.requests.member import Member, UserReference
from tests.support.service import MASTER_KEY

ROOT_KEY = b"r" * 32
MASTER = identify(MASTER_KEY, MASTER_KEY)
CREATOR = "default_user_id"


def secret_of(name: str) -> str:
    """The secret of the key that a test calls `name`."""
    return f"sk-{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def credential_of(name: str) -> Credential:
    """What a caller presents who has the key that a test calls `name`."""
    return identify(secret_of(name), MASTER_KEY)


def token_of(name: str) -> str:
    """The hash under which the key that a test calls `name` is stored."""
    return credential_of(name).token


@dataclass(frozen=True, slots=True)
class Writer:
    """One command loop with its pool and vault. Commands are the master's unless said otherwise.

    All methods raise what `CommandLoop.handle` raises.
    """

    loop: CommandLoop
    pool: Pool
    vault: Vault

    def new_team(
        self, team_id: str, *user_ids: str, metadata: dict[str, Any] | None = None
    ) -> NewTeam:
        """The command that makes a team of these users, and of the master key's, who sends it."""
        return NewTeam(
            team_id=team_id,
            fresh=False,
            settings=TeamSettings(metadata=metadata or {}),
            members=[build.candidate(self.vault, Member(user_id=u, role="user")) for u in user_ids],
            creator=build.creator(self.vault, master_principal(MASTER)),
        )

    async def create(
        self, team_id: str, *user_ids: str, metadata: dict[str, Any] | None = None
    ) -> Done:
        return await self.send(self.new_team(team_id, *user_ids, metadata=metadata), "/team/new")

    async def replace_metadata(self, team_id: str, metadata: dict[str, Any]) -> Done:
        command = ReviseTeam(team_id, {"metadata": (metadata, {})})
        return await self.send(command, "/team/update")

    async def add(
        self, team_id: str, *user_ids: str, role: TeamRole = "user", by: Credential = MASTER
    ) -> Done:
        members = [Member(user_id=user_id, role=role) for user_id in user_ids]
        candidates = [build.candidate(self.vault, member) for member in members]
        command = AddMembers(team_id, candidates, single=len(user_ids) == 1)
        return await self.send(command, "/team/member_add", by)

    async def remove(self, team_id: str, user_id: str) -> Done:
        who = build.by_name(self.vault, UserReference(user_id=user_id))
        return await self.send(RemoveMember(team_id, who), "/team/member_delete")

    async def delete(self, *team_ids: str) -> Done:
        return await self.send(DeleteTeams(team_ids), "/team/delete")

    async def block(self, team_id: str, *, blocked: bool = True) -> Done:
        route = "/team/block" if blocked else "/team/unblock"
        return await self.send(BlockTeam(team_id, blocked), route)

    async def make_key(self, name: str, by: Credential = MASTER, **settings: str) -> Done:
        """A key with these KeySettings; its secret is `secret_of(name)`."""
        wanted = KeySettings.model_validate({"key_name": f"sk-...{name}", **settings})
        return await self.send(NewKey(token_of(name), wanted, fresh=True), "/key/generate", by)

    async def delete_keys(self, *names: str, by: Credential = MASTER) -> Done:
        tokens = [(name, token_of(name)) for name in names]
        return await self.send(DeleteKeys(tokens, []), "/key/delete", by)

    async def block_key(self, name: str, *, blocked: bool = True, by: Credential = MASTER) -> Done:
        route = "/key/block" if blocked else "/key/unblock"
        return await self.send(BlockKey(token_of(name), name, blocked), route, by)

    async def identify(self, by: Credential, route: str = "/key/generate") -> Principal:
        return await self.loop.identify(_origin(by, route))

    async def send(self, command: Command, route: str, by: Credential = MASTER) -> Done:
        return await self.loop.handle(command, _origin(by, route), _shown)


def _origin(by: Credential, route: str) -> Origin:
    return Origin(by, route, route, correlation_id=uuid4().hex, command_id=uuid4().hex)


def _shown(answer: Any) -> dict[str, Any]:  # noqa: ANN401
    match answer:
        case TeamAnswer():
            return render.added_members(answer, UTC)
        case KeyAnswer():
            return {"token": answer.token}
        case (UserAnswer(), _):
            return {"user_id": answer[0].user_id}
    return {"answer": answer}


def roster(done: Done) -> list[str]:
    """User ids of the team in an answer, in the order of joining."""
    return [member["user_id"] for member in done.answer["members_with_roles"]]


class LoopOptions(TypedDict, total=False):
    """What `CommandLoop` takes; the deadline is in seconds."""

    queue_size: int
    deadline: float
    cache_bytes: int
    on_commit: Callable[[Sequence[Envelope]], None]


@asynccontextmanager
async def opened_writer(
    url: str, *, through: str | None = None, **options: Unpack[LoopOptions]
) -> AsyncIterator[Writer]:
    """A running loop on a migrated database; `through` is the conninfo it appends over.

    Unless said otherwise its deadline is longer than a slow machine needs.
    """
    conninfo = service_conninfo(url)
    pool = await open_pool(conninfo, 1, 4, "test")
    try:
        vault = Vault(pool, ROOT_KEY)
        await vault.open()
        chosen: LoopOptions = {"queue_size": 10_000, "deadline": 60.0, **options}
        loop = CommandLoop(EventStore(pool, through or conninfo), **chosen)
        await loop.start()
        try:
            yield Writer(loop, pool, vault)
        finally:
            await loop.stop()
    finally:
        await pool.close()


async def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return once the condition holds; TimeoutError if that takes too long."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
