"""Deciding about usage that came too late or too early to be booked unseen (decision 010)."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from services.command.api.context import Caller, CallerDep
from services.command.application.quarantine import BOOK, DISCARD, SettleQuarantined
from services.edge.body import LedgerRoute
from services.edge.requests import usage as requests
from services.edge.requests.common import Text
from services.edge.shapes.usage import settled

router = APIRouter(route_class=LedgerRoute, tags=["usage"])


@router.post(BOOK)
async def book_quarantined(
    caller: CallerDep,
    id: Text,  # noqa: A002
    body: requests.BookUsage | None = None,
) -> Response:
    """Book a call that waits, as it was reported or as one that began at `started_at`.

    It is booked when this is answered. Booking it again changes nothing; 409 if it was discarded,
    or booked with another start.
    """
    return await _settle(caller, id, "book", None if body is None else body.started_at)


@router.post(DISCARD)
async def discard_quarantined(caller: CallerDep, id: Text) -> Response:  # noqa: A002
    """Leave a call that waits unbooked, for good; 409 if it was booked.

    Who sends it again has it wait again.
    """
    return await _settle(caller, id, "discard")


async def _settle(
    caller: Caller,
    identity: str,
    decision: Literal["book", "discard"],
    started_at: datetime | None = None,
) -> Response:
    """The decision is recorded, and then carried out here, or after a kill by a chore."""
    quarantine = caller.context.quarantine
    waiting = await quarantine.waiting(identity)
    command = SettleQuarantined(identity, waiting, decision, started_at)
    done = await caller.carry_out(command, lambda decided: settled(identity, decided))
    if not caller.terms.dry_run:
        await quarantine.carry_out(identity, caller.origin)
    return await caller.respond(done)
