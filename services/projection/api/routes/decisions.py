"""POST /v1/decide and DELETE /v1/reservations/{reservation_id}: for gateways (decision 010)."""

from datetime import timedelta
from time import perf_counter
from uuid import UUID

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from services import metrics
from services.access.credentials import hash_key
from services.access.decisions import Call, Check, Denied
from services.access.model_rule import Model
from services.access.refusals import malformed_key
from services.edge.body import answer
from services.edge.errors import TITLES, Problem
from services.edge.requests.decide import Decide
from services.projection.api import verdicts
from services.projection.api.asked import Asked as Path
from services.projection.api.asked import asked, documented
from services.projection.api.gateway import Gateway, GatewayDep, GatewayRoute
from services.projection.decisions.decider import Allowed, Asked, Refusal

router = APIRouter(route_class=GatewayRoute, tags=["gateways"])
PLAIN = "sk-"
_TAIL = 4


@router.post("/v1/decide")
async def decide(gateway: GatewayDep, request: Request) -> Response:
    """Whether a key may call a model now: 200 whatever the verdict, which is in the answer.

    What was acknowledged before the call counts: usage, reservations, whatever was blocked, changed
    or deleted, in whichever process.
    """
    body = as_decide(await request.body())
    verdict = await _verdict(gateway, body)
    if isinstance(verdict, Allowed):
        metrics.DECISIONS.labels("allowed").inc()
        content = verdicts.allowed(verdict, gateway.heads)
    else:
        metrics.DECISIONS.labels(verdict.denied.check.value).inc()
        content = verdicts.denied(verdict, gateway.heads, strict=gateway.context.strict)
    took = (perf_counter() - gateway.began) * 1_000
    return answer(content, headers={"server-timing": f"decide;dur={took:.3f}"})


class ReservationPath(Path):
    """The reservation that is ended."""

    reservation_id: UUID


_ENDED = documented(ReservationPath)


@router.delete("/v1/reservations/{reservation_id}", openapi_extra=_ENDED)  # noqa: FAST003
async def release(gateway: GatewayDep, request: Request) -> Response:
    """End a reservation of this gateway: it holds nothing from here on.

    404 for one that is not there: it has expired, was named by usage, ended before, or is another
    gateway's.
    """
    reservation = asked(request, ReservationPath).reservation_id
    if not await gateway.context.decider.reservations.release(gateway.source, reservation):
        raise no_reservation()
    return answer({"released": str(reservation)})


def no_reservation() -> Problem:
    """The refusal of a reservation that this gateway does not have, or no more."""
    return Problem(404, TITLES[404], "No such reservation, or it has ended.")


async def _verdict(gateway: Gateway, body: Decide) -> Allowed | Refusal:
    secret = body.key
    if secret is not None and not secret.startswith(PLAIN):
        return Refusal(Denied(Check.MALFORMED_KEY, malformed_key(secret)))
    token = body.key_hash or hash_key(secret or "")
    model = Model(body.model, body.provider, body.access_groups)
    call = Call(model, body.route, body.estimated_cost)
    hold_for = timedelta(seconds=body.reservation_seconds) if body.reserve else None
    tail = "" if secret is None else secret[-_TAIL:]
    wanted = Asked(token, tail, call, gateway.source, hold_for)
    return await gateway.context.decider.decide(wanted, gateway.heads, gateway.now)


def as_decide(raw: bytes) -> Decide:
    """The body, checked once it is known who asks; refusals repeat nothing that was sent."""
    try:
        return Decide.model_validate_json(raw)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False, include_input=False)
        raise RequestValidationError([{**e, "loc": ("body", *e["loc"])} for e in errors]) from None
