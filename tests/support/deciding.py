"""A world that gateways ask for decisions, and a ledger that is told what calls cost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import httpx

from events.streams import KEY, ORGANIZATION, TEAM, USER, stream
from services.access.credentials import hash_key
from services.command.domain.usage import Attribution, Life
from tests.support.eventlog import append
from tests.support.reading import Fact, World, reading
from tests.support.usage import Books, call, opened_books

GATEWAY = "sk-gateway"
SOURCE = "eu"
_numbers = count()


@dataclass(frozen=True, slots=True)
class Deciding:
    """`world` holds the key of a gateway; usage is booked by somebody else."""

    world: World
    books: Books

    async def ask(self, by: str | None = GATEWAY, /, **body: object) -> httpx.Response:
        """The answer to a request with this body."""
        sent = {} if by is None else {"Authorization": f"Bearer {by}"}
        return await self.world.http.post("/v1/decide", json=body, headers=sent)

    async def decide(self, key: str, model: str = "gpt-4o", **more: object) -> dict[str, Any]:
        """The verdict on a call of the key."""
        answered = await self.ask(key=key, model=model, **more)
        assert answered.status_code == 200, answered.text
        verdict: dict[str, Any] = answered.json()
        return verdict

    async def denied(self, key: str, model: str = "gpt-4o", **more: object) -> dict[str, Any]:
        """Why a call of the key is denied."""
        verdict = await self.decide(key, model, **more)
        assert not verdict["allowed"], verdict
        denial: dict[str, Any] = verdict["denial"]
        return denial

    async def allowed(self, key: str, model: str = "gpt-4o", **more: object) -> dict[str, Any]:
        verdict = await self.decide(key, model, **more)
        assert verdict["allowed"], verdict
        return verdict

    async def spend(  # noqa: PLR0913 - what a call may be booked on
        self,
        cost: str,
        key: str,
        *,
        team: str | None = None,
        user: str | None = None,
        organization: str | None = None,
        model: str = "gpt-4o",
        at: datetime | None = None,
        reservation: str | None = None,
    ) -> None:
        """Book a call of the key, by default one that began just now."""
        made = call(next(_numbers), cost, at or datetime.now(UTC))
        named = None if reservation is None else UUID(reservation)
        made = made.model_copy(update={"model": model, "reservation": named})
        paid = Attribution(
            organization=self._life(ORGANIZATION, organization),
            team=self._life(TEAM, team),
            user=self._life(USER, user),
            key=self._life(KEY, hash_key(key)),
        )
        report = await self.books.book(made, by=paid, source=SOURCE)
        assert [outcome.status for outcome in report.outcomes] == ["recorded"]

    def tell_now(self, *facts: Fact) -> None:
        """Append one command with these facts, recorded at this moment."""
        envelopes = self.world.history.command(*facts)
        append(self.world.log, [replace(at, recorded_at=datetime.now(UTC)) for at in envelopes])

    def _life(self, kind: str, name: str | None) -> Life | None:
        if name is None:
            return None
        return Life(name, self.world.history.incarnations.get(stream(kind, name), 1))


@asynccontextmanager
async def deciding(url: str, *, strict: bool = False) -> AsyncIterator[Deciding]:
    """A world with a gateway, on an empty database."""
    booking = opened_books(url, clock=lambda: datetime.now(UTC))
    async with reading(url, strict=strict) as world, booking as books:
        world.key(GATEWAY, key_alias=SOURCE, allowed_routes=["gateway_routes"])
        yield Deciding(world, books)
