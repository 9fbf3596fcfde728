"""The read API over a real database: facts are appended as a writer would, then it is asked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg

from events.audit import COPIES
from events.envelope import Envelope, Meta
from events.key import KeyGenerated, KeyRotated, Succession
from events.registry import DomainEvent
from events.streams import KEY, TEAM, USER, Stream, stream
from events.team import MemberAdded, TeamRole
from events.user import UserCreated
from events.values import Sealed
from services.access.credentials import hash_key
from services.database.connections import (
    keyed_conninfo,
    open_pool,
    reports_conninfo,
    service_conninfo,
)
from services.database.security_log import SecurityLog
from services.database.vault import Vault
from services.edge.app import EdgeSettings, create_app
from services.operation.context import Operation
from services.operation.exposed import Kind
from services.operation.scraped import include_operation
from services.projection.api import ReadContext, include_read_routes
from services.projection.api.copying import Copying
from services.projection.feed.store import StoreFeed
from services.projection.head import Head
from services.projection.projectors import GROUP, contract_projectors
from services.projection.runner import ProjectionGroup
from tests.support.eventlog import START, History, append, create_read, create_store, owner
from tests.support.facts import created, joined, key_settings, user_settings

MASTER = "sk-1234-test-master"
ROOT_KEY = b"r" * 32
Fact = tuple[Stream, DomainEvent]
Json = Any


@dataclass
class World:
    """A read API, and the log it reads. `stopped` is what readiness is told of the commands,
    `unsealed` what of the sealer.

    Facts are recorded when the `clock` says, or without one a second after one another.
    """

    context: ReadContext
    http: httpx.AsyncClient
    log: psycopg.Connection[Any]
    url: str
    history: History = field(default_factory=History, repr=False)
    joined: dict[tuple[str, object], int] = field(default_factory=dict, repr=False)
    stopped: str | None = None
    unsealed: str | None = None
    clock: Callable[[], datetime] | None = None

    def tell(self, *facts: Fact, meta: Meta | None = None) -> list[Envelope]:
        """Append one command with these facts, by default the master key's."""
        first = self.history.position + 1
        meta = meta or Meta(f"command-{first}", "/test", actor="default_user_id")
        envelopes = self.history.command(*facts, meta=meta)
        if self.clock is not None:
            now = self.clock()
            envelopes = [replace(each, recorded_at=now) for each in envelopes]
        append(self.log, envelopes)
        for at in envelopes:
            if isinstance(at.event, MemberAdded):
                self.joined[at.originator_id, at.event.user_id] = at.originator_version
        return envelopes

    def team(
        self, team_id: str, members: dict[str, TeamRole] | None = None, **values: object
    ) -> None:
        """A team with these members, in this order."""
        roster = [(team(team_id), joined(u, role)) for u, role in (members or {}).items()]
        self.tell((team(team_id), created(**values)), *roster)

    def key(self, secret: str, **values: object) -> str:
        """A key with these settings, of the present life of its team; its sha256."""
        self.keys([secret], **values)
        return hash_key(secret)

    def keys(self, secrets: list[str], **values: object) -> None:
        """Several such keys, made by one command."""
        if "team_id" in values:
            of = team(str(values["team_id"]))
            values.setdefault("team_incarnation", self.history.incarnations[of])
            values.setdefault("member_since", self.joined.get((of, values.get("user_id"))))
        self.tell(*((key(secret), generated(secret, **values)) for secret in secrets))

    def rotate(self, old: str, new: str, **values: object) -> None:
        """Have a key with these settings go on under another secret; the old one ends at once."""
        before = Succession(
            token=hash_key(old),
            created_at=START,
            created_by=None,
            budget_since=START,
            rotations=1,
        )
        settings = key_settings(key_name=f"sk-...{new[-4:]}", **values)
        self.tell(
            (key(old), KeyRotated(settings=settings, successor=hash_key(new), until=None)),
            (key(new), KeyGenerated(settings=settings, succeeds=before)),
        )

    async def settled(self) -> None:
        """Return once the read models hold all that was told: after much, that takes a while."""
        await self.context.group.wait_for(self.history.position, timeout=60)

    async def sealed(self, text: str, named: str) -> Sealed:
        return await self.context.vault.seal_for(None, text, named=named)

    async def user(self, user_id: str, email: str | None = None, role: str | None = None) -> None:
        """A user with a person of his own, his address sealed."""
        box = await self.sealed(email or "", user_id)
        settings = user_settings(
            person=box.person, email=None if email is None else box, user_role=role
        )
        self.tell((user(user_id), UserCreated(settings=settings)))

    async def get(
        self,
        path: str,
        by: str | None = MASTER,
        headers: dict[str, str] | None = None,
        **query: str | int,
    ) -> httpx.Response:
        """What is answered to a request that presents the key `by`."""
        sent = {} if by is None else {"Authorization": f"Bearer {by}"}
        return await self.http.get(path, params=query or None, headers=sent | (headers or {}))

    async def ok(self, path: str, by: str = MASTER, **query: str | int) -> Json:
        """The body of an answer that must be 200."""
        answered = await self.get(path, by, None, **query)
        assert answered.status_code == 200, answered.text
        return answered.json()

    async def refused(self, path: str, by: str = MASTER, **query: str | int) -> tuple[int, Json]:
        """Status and text of a refusal, whatever its shape."""
        answered = await self.get(path, by, None, **query)
        return answered.status_code, text_of(answered.json())


def text_of(body: Json) -> Json:
    """The text in an error of any shape."""
    if "error" in body:
        return body["error"]["message"]
    detail = body["detail"]
    return next(iter(detail.values())) if isinstance(detail, dict) else detail


async def every_entry(world: World, path: str, by: str = MASTER, **query: str | int) -> list[Json]:
    """All pages, one after the other."""
    found: list[Json] = []
    page = await world.ok(path, by, **query)
    while True:
        found += page["entries"]
        if page["next"] is None:
            return found
        page = await world.ok(path, by, **query, after=page["next"])


def team(team_id: str) -> Stream:
    return stream(TEAM, team_id)


def user(user_id: str) -> Stream:
    return stream(USER, user_id)


def generated(secret: str, **values: object) -> KeyGenerated:
    return KeyGenerated(settings=key_settings(key_name=f"sk-...{secret[-4:]}", **values))


def key(secret: str) -> Stream:
    return stream(KEY, hash_key(secret))


@asynccontextmanager
async def reading(
    url: str,
    *,
    strict: bool = False,
    available_teams: tuple[str, ...] = (),
    models: tuple[str, ...] = (),
    recording: bool = False,
) -> AsyncIterator[World]:
    """A world on an empty database; its projections run until the end.

    Copies are given, and recorded, if `recording`.
    """
    create_store(url)
    create_read(url)
    conninfo = service_conninfo(url)
    async with AsyncExitStack() as stack:
        events_pool = await stack.enter_async_context(await open_pool(conninfo, 1, 4, "events"))
        reads = await open_pool(keyed_conninfo(url), 1, 8, "read")
        read_pool = await stack.enter_async_context(reads)
        usage = await open_pool(conninfo, 1, 4, "usage")
        ledger_pool = await stack.enter_async_context(usage)
        reports = await open_pool(reports_conninfo(url), 1, 4, "reports")
        reports_pool = await stack.enter_async_context(reports)
        vault = Vault(events_pool, ROOT_KEY)
        await vault.open()
        head = Head(events_pool)
        feed = StoreFeed(events_pool, conninfo)
        stack.push_async_callback(feed.close)
        projectors = contract_projectors(vault.open_all)
        group = ProjectionGroup(GROUP, projectors, feed, read_pool, head)
        running = asyncio.create_task(group.run())
        stack.push_async_callback(_ended, running)
        stack.push_async_callback(group.stop)
        app = create_app(EdgeSettings(strict=strict))
        worlds: list[World] = []

        async def recorded(copying: Copying) -> None:
            worlds[0].tell((COPIES, copying.fact))

        context = ReadContext(
            events_pool=events_pool,
            read_pool=read_pool,
            ledger_pool=ledger_pool,
            reports_pool=reports_pool,
            head=head,
            feed=feed,
            group=group,
            vault=vault,
            master_keys=(MASTER,),
            key_header=None,
            zone=ZoneInfo("UTC"),
            commands_stopped=lambda: worlds[0].stopped,
            security_log=SecurityLog(events_pool, most=100, days=1),
            available_teams=available_teams,
            models=models,
            strict=strict,
            record_copy=recorded if recording else None,
            sealing_stopped=lambda: worlds[0].unsealed,
        )
        include_read_routes(app, context)
        include_operation(app, Operation(Kind.PROJECTION, events_pool, read_pool, groups=[GROUP]))
        transport = httpx.ASGITransport(app=app)
        client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        http = await stack.enter_async_context(client)
        log = stack.enter_context(owner(url))
        worlds.append(World(context, http, log, url))
        yield worlds[0]


async def _ended(task: asyncio.Task[None]) -> None:
    await task
