"""Where gateways report what was used (decision 010)."""

import asyncio
from collections.abc import Mapping

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from events.usage import Usage
from events.values import JsonObject
from services.command.api import render_usage as render
from services.command.api.context import POSITION_HEADER, Caller, CallerDep
from services.command.application.attribution import Attribute, Claim, claim_of
from services.command.application.ledger_page import Entry
from services.command.domain.usage import Attribution
from services.edge.body import LedgerRoute, answer
from services.edge.errors import TITLES, Problem
from services.edge.usage.delivery import Delivery, Unread, delivered

log = structlog.get_logger(__name__)
router = APIRouter(route_class=LedgerRoute, tags=["usage"])

SMALL = 128 * 1024
"""Bytes of a body that is parsed at once, in a millisecond; a thread takes turns with others."""

PORTION = 200
"""Items read at a time, which takes a few milliseconds; others get their turn in between."""


@router.post("/v1/usage")
async def report_usage(caller: CallerDep, request: Request) -> Response:
    """Book calls, and corrections of calls, each once, however often they are sent.

    One object, or an array of 1 to 10,000: our own records, CloudEvents, or the payloads that
    LiteLLM's `generic_api` callback posts. Every item has a result of its own, and one that is
    refused stands in nobody's way. Sending all of it again does no harm.
    """
    if caller.terms.dry_run:
        raise no_rehearsal()
    source, body = _source(caller), await request.body()
    read = await _read(await _delivered(caller, source, request.headers, body))
    usages = [item for item in read if not isinstance(item, Unread)]
    entries, judged_at = await _attributed(caller, source, usages)
    report = await caller.context.ledger.book(entries)
    told = render.report(read, entries, report.outcomes, report.position)
    _note(told)
    return answer(told, headers={POSITION_HEADER: str(judged_at)})


def no_rehearsal() -> Problem:
    """The refusal of a rehearsal: what is booked already is known only when it is booked."""
    return Problem(400, TITLES[400], "Usage cannot be rehearsed: leave dry_run out.")


def _source(caller: Caller) -> str:
    source = caller.principal.gateway
    if source is None:
        raise LookupError("only gateways are let in here")
    return source


async def _delivered(
    caller: Caller, source: str, headers: Mapping[str, str], body: bytes
) -> Delivery:
    limits = caller.context.usage_limits
    if len(body) <= SMALL:
        return delivered(headers, body, source, limits)
    return await asyncio.to_thread(delivered, headers, body, source, limits)


async def _read(delivery: Delivery) -> list[Usage | Unread]:
    read: list[Usage | Unread] = []
    for portion in delivery.portions(PORTION):
        read += portion
        await asyncio.sleep(0)
    return read


async def _attributed(caller: Caller, source: str, usages: list[Usage]) -> tuple[list[Entry], int]:
    """The entries with whose usage each is, as of the head of the log, and where that was.

    The one command authenticates the gateway as well, with or without any item.
    """
    claims = [claim_of(usage) for usage in usages]
    done = await caller.context.loop.handle(
        Attribute.each(claims), caller.origin, lambda found: found
    )
    found: dict[Claim | None, Attribution] = {None: Attribution(), **done.answer}
    entries: list[Entry] = []
    for start in range(0, len(usages), PORTION):
        part = slice(start, start + PORTION)
        pairs = zip(usages[part], claims[part], strict=True)
        entries += [Entry(source, usage, found[claim]) for usage, claim in pairs]
        await asyncio.sleep(0)
    return entries, done.position


def _note(told: JsonObject) -> None:
    """One line with counts; names of gateways, keys and ids of calls stay out of it."""
    counts = {name: told[name] for name in render.COUNTS}
    altered = sum("altered" in item for item in told["items"])
    unattributed = sum(item.get("attributed") is False for item in told["items"])
    level = log.info if altered or told["quarantined"] or told["refused"] else log.debug
    level("usage reported", **counts, altered=altered, unattributed=unattributed)
