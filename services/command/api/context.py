"""What the routes of the command API work with, made once per process."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from time import monotonic
from typing import Annotated, Any, cast

import orjson
import psycopg
import uuid_utils
from fastapi import Depends, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from events.values import Sealed
from services.access.credentials import identify, presented_key
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.api.refusals import answer_for, everybody_there
from services.command.api.spending import CommandSpending
from services.command.api.terms import terms_of
from services.command.application.ledger import Ledger
from services.command.application.loop import CommandLoop
from services.command.application.members import EverybodyThere
from services.command.application.quarantine import Quarantine
from services.command.application.requests import (
    Command,
    Done,
    Origin,
    Render,
    Terms,
    Unavailable,
)
from services.command.application.spent import Spent
from services.command.domain.errors import DomainError
from services.database.connections import Pool
from services.database.vault import Vault
from services.edge.claim import claimed
from services.edge.usage.delivery import UsageLimits
from services.spend.budgets import Account
from services.spend.reading import SpendReading

POSITION_HEADER = "x-event-position"
ANSWER_SECONDS = 1.5
"""What there is for an answer to be written at least, after a command that took all its time."""


@dataclass(frozen=True)
class Context:
    """`master_keys` are the present one and maybe a previous one; `zone` aligns budget windows.

    `available_teams` are those that everybody may join (D04). `ledger` books what is used,
    `ledger_pool` leads to what it has booked, and `quarantine` carries out what was decided about
    what it did not book. `private_webhooks` allows webhooks without TLS, which are to be
    on this machine or in private networks.
    """

    loop: CommandLoop
    ledger: Ledger
    quarantine: Quarantine
    vault: Vault
    master_keys: tuple[str, ...]
    key_header: str | None
    zone: tzinfo
    ledger_pool: Pool
    available_teams: frozenset[str] = frozenset()
    usage_limits: UsageLimits = field(default_factory=UsageLimits)
    private_webhooks: bool = False

    @cached_property
    def spending(self) -> CommandSpending:
        """What accounts have spent."""
        return CommandSpending(self.loop, SpendReading(self.ledger_pool), self.zone)


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated caller of one request; provisional until the command was decided.

    `due` is until when he is to be answered, by the monotonic clock.
    """

    context: Context
    origin: Origin
    principal: Principal
    terms: Terms
    due: float

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def find_out(self, question: Command) -> Any:  # noqa: ANN401
        """The answer to a command without effect; its refusals as those of the route."""
        return (await self._handle(question, lambda answer: answer, Terms())).answer

    async def carry_out(self, command: Command, render: Render) -> Done:
        """Run the command.

        Domain refusals become the route's answer (see refusals); what else the loop raises
        propagates.
        """
        return await self._handle(command, render, self.terms)

    async def _handle(self, command: Command, render: Render, terms: Terms) -> Done:
        try:
            return await self.context.loop.handle(command, self.origin, render, terms)
        except EverybodyThere as error:
            raise await self._roster_shown(error) from None
        except DomainError as error:
            raise self.refusal(error) from None

    def refusal(self, error: DomainError) -> HTTPException:
        """The route's answer to a refusal."""
        return answer_for(self.origin.route, error)

    async def _roster_shown(self, error: EverybodyThere) -> HTTPException:
        emails = {m.user_id: m.user_email for m in error.answer.members}
        await self.context.vault.forget_up_to(self.context.loop.forgotten_at)
        opened = await self.context.vault.open_all(e for e in emails.values() if e is not None)
        return everybody_there(
            error, {user: opened[e] for user, e in emails.items() if e is not None}
        )

    async def respond(self, done: Done) -> Response:
        """The answer with personal data opened, and the position it was judged at.

        `ETag` is the version of the one thing that the command was about. Raises Unavailable where
        databases do not tell in time what the answer says.
        """
        try:
            async with asyncio.timeout(max(self.due - monotonic(), ANSWER_SECONDS)):
                await self.context.vault.forget_up_to(self.context.loop.forgotten_at)
                body = await written(self.context, done.answer)
        except (TimeoutError, psycopg.OperationalError, psycopg.InterfaceError):
            raise Unavailable("a database does not tell what the answer says", "executed") from None
        headers = {POSITION_HEADER: str(done.position)}
        if done.version is not None:
            headers["etag"] = f'"{done.version}"'
        return Response(body, 200, headers, "application/json")


async def authenticated(request: Request) -> Caller:
    """Dependency of every route: who calls, from where, on whose behalf.

    Raises AccessRefused in the order of auth.md chapter 2, before the body is validated.
    """
    context: Context = request.app.state.commands
    due = monotonic() + context.loop.deadline + ANSWER_SECONDS
    headers = cast("Mapping[str, str]", request.headers)
    secret = presented_key(headers, context.key_header)
    credential = identify(secret, *context.master_keys)
    origin = Origin(
        credential=credential,
        route=request.scope["route"].path,
        path=request.scope["path"],
        correlation_id=request.state.correlation_id,
        command_id=str(uuid_utils.uuid7()),
        spent=Spent(context.spending.ledger.sums, context.zone),
    )
    principal = await context.loop.identify(origin)
    check_route(origin.route, principal, origin.path)
    origin = replace(
        origin,
        on_behalf_of=await _claim(context, request),
        client=await _client(context, request, principal),
    )
    return Caller(context, origin, principal, await terms_of(request, secret), due)


CallerDep = Annotated[Caller, Depends(authenticated)]


async def written(context: Context, content: object) -> bytes:
    """JSON of an answer: sealed values opened, forgotten ones null, accounts as what they spent."""
    vault, missing = context.vault, set[str]()
    spent: dict[Account, float | None] = {}

    def told(value: object) -> object:
        if isinstance(value, Account):
            return spent.setdefault(value, None)
        if not isinstance(value, Sealed):
            raise TypeError(type(value).__name__)
        try:
            return vault.peek(value)
        except KeyError:
            missing.add(value.person)
            return None

    body = orjson.dumps(content, default=told)
    if not missing and not spent:
        return body
    if missing:
        await vault.fetch(missing)
    if spent:
        found = await context.spending.now(spent, datetime.now(UTC))
        spent.update({account: float(amount) for account, amount in found.items()})
    return orjson.dumps(content, default=told)


async def _claim(context: Context, request: Request) -> Sealed | None:
    """Kept apart from the actor (D46)."""
    text = claimed(request)
    return None if text is None else await context.vault.seal_for(None, text, named=text)


async def _client(context: Context, request: Request, principal: Principal) -> Sealed | None:
    if request.client is None:
        return None
    name = principal.user_id or principal.token
    return await context.vault.seal_for(None, request.client.host, named=name)
