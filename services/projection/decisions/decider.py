"""Decides about calls of models, from memory, as of everything that was committed when asked."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from uuid import UUID

from uuid_utils import uuid7

from services.access.decisions import (
    OF_OWNERS,
    Call,
    Check,
    Denied,
    KeyPolicy,
    beyond_estimate,
    check_budgets,
    check_call,
)
from services.access.funds import Funds, Purse
from services.access.refusals import unknown_key
from services.projection.decisions.allotments import Allotment
from services.projection.decisions.index import PolicyIndex
from services.projection.decisions.origins import Origins
from services.projection.decisions.standing import Origin, Standing, ThroughputLimit
from services.projection.head import Heads
from services.spend.following import LedgerFollower
from services.spend.reservations import Refused, Reservation, Reservations

SECONDS = 1.0
"""How long a decision waits for anything; then nobody knows."""


@dataclass(slots=True)
class Asked:
    """A call that a gateway, `source`, asks about; the key by its sha256, and its end if known.

    With `hold_for` the estimate is held for as long, unless usage names the reservation before.
    """

    token: str
    tail: str
    call: Call
    source: str
    hold_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation: USD until a moment."""

    id: UUID
    amount: Decimal
    expires_at: datetime


@dataclass(slots=True)
class Allowed:
    """`model` is what is to be called, `funds` are all budgets that the call was compared with."""

    key: KeyPolicy
    model: str
    limits: Sequence[ThroughputLimit]
    funds: Mapping[Purse, Funds]
    held: Held | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """`origin` tells who set what the call is refused by, where the log tells."""

    denied: Denied
    token: str | None = None
    key: KeyPolicy | None = None
    estimate: Decimal | None = None
    origin: Origin | None = None


class Decider:
    """The index, the ledger in memory, and reservations, put together."""

    def __init__(
        self,
        index: PolicyIndex,
        follower: LedgerFollower,
        reservations: Reservations,
        origins: Origins,
        zone: tzinfo,
    ) -> None:
        self.index, self.reservations = index, reservations
        self._follower, self._origins, self._zone = follower, origins, zone

    async def standing(self, token: str, heads: Heads, now: datetime) -> Standing:
        """What stands behind the secret with this sha256, as of `heads` or later.

        Raises what reading raises, psycopg's errors, and TimeoutError after a second.
        """
        found = self.index.current(token, heads.position)
        if found is None:
            async with asyncio.timeout(SECONDS):
                found = await self.index.standing(token, heads.position, now)
        return found

    async def decide(self, asked: Asked, heads: Heads, now: datetime) -> Allowed | Refusal:
        """As of `heads` or later. Raises as `standing` does, and Overtaken."""
        standing = await self.standing(asked.token, heads, now)
        key, call = standing.key, asked.call
        if key is None:
            unknown = Denied(Check.UNKNOWN_KEY, unknown_key(asked.token, asked.tail))
            return await self._refusal(standing, call, unknown)
        model = key.resolved(call.model.name)
        names = model_names(model, call.model.name)
        allotments = standing.budgets(names)
        funds = await self._funds(allotments, heads, now) if allotments else {}
        denied = check_call(key, call, funds, now)
        held = None
        if denied is None and asked.hold_for is not None and call.estimate:
            held = Held(UUID(bytes=uuid7().bytes), call.estimate, now + asked.hold_for)
            denied = await self._reserve(held, asked, standing, allotments, funds, now)
        if denied is not None:
            return await self._refusal(standing, call, denied, allotments)
        return Allowed(key, model, standing.throughput(names), funds, held)

    async def check(self, token: str, heads: Heads, now: datetime) -> None:
        """Raises AccessRefused for a budget by which a key may only wait (auth.md 2, 12 to 25).

        Of budgets of the key itself only calls of models have to take notice. Raises as `standing`
        does.
        """
        standing = await self.standing(token, heads, now)
        budgets = [one for one in standing.allotments if one.purse in OF_OWNERS]
        if standing.key is not None and budgets:
            check_budgets(standing.key, await self._funds(budgets, heads, now), now)

    async def _funds(
        self, allotments: Sequence[Allotment], heads: Heads, now: datetime
    ) -> dict[Purse, Funds]:
        zone, follower = self._zone, self._follower
        counted = [part for one in allotments for part in one.counted(now, zone)]
        holders = [one.holder for one in allotments]
        if not follower.reached(heads.ledger, counted, holders):
            async with asyncio.timeout(SECONDS):
                await follower.reach(heads.ledger, counted, holders)
        return {one.purse: one.funds(follower, now, zone) for one in allotments}

    async def _reserve(  # noqa: PLR0913, PLR0917 - what is held, for what, and what it must fit
        self,
        held: Held,
        asked: Asked,
        standing: Standing,
        allotments: Sequence[Allotment],
        funds: Mapping[Purse, Funds],
        now: datetime,
    ) -> Denied | None:
        limits = [(one.purse, one.limit(now, self._zone)) for one in allotments]
        binding = [(purse, limit) for purse, limit in limits if limit is not None]
        accounts = dict.fromkeys([*standing.holders, *(limit.holder for _, limit in binding)])
        reservation = Reservation(
            held.id,
            held.amount,
            asked.source,
            held.expires_at,
            tuple(accounts),
            tuple(limit for _, limit in binding),
        )
        async with asyncio.timeout(SECONDS):
            refused = await self.reservations.reserve(reservation)
        if refused is None:
            return None
        purse = binding[refused.limit][0]
        return _beyond(funds[purse], refused, held.amount)

    async def _refusal(
        self,
        standing: Standing,
        call: Call,
        denied: Denied,
        allotments: Sequence[Allotment] = (),
    ) -> Refusal:
        purse = None if denied.funds is None else denied.funds.purse
        allotment = next((one for one in allotments if one.purse is purse), None)
        origin = await self._origins.of(denied.check, standing, allotment)
        return Refusal(denied, standing.token, standing.key, call.estimate, origin)


def model_names(*models: str) -> list[str]:
    """What budgets and limits for a model may call it: they may leave its provider out."""
    names = dict.fromkeys(models)
    names |= {bare: None for model in models if (bare := model.partition("/")[2])}
    return list(names)


def _beyond(funds: Funds, refused: Refused, estimate: Decimal) -> Denied:
    """What was spent and held is known better than when the call was checked."""
    funds.spend, funds.held = refused.spent, refused.held
    return beyond_estimate(funds, estimate)
