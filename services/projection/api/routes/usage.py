"""Usage that was not booked on anybody (decision 010), for those who read everything."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from services.edge.body import answer
from services.edge.shapes.usage import quarantined, unattributed
from services.projection.api.asked import Asked, Text, asked, documented
from services.projection.api.dependencies import ReaderDep, ReadRoute
from services.projection.queries import unattributed as groups
from services.projection.queries.quarantine import Place, quarantine_page

router = APIRouter(route_class=ReadRoute, tags=["usage"])


def _where_a_page_ended(text: str) -> str:
    Place.parse(text)
    return text


def _where_groups_ended(text: str) -> str:
    groups.read(text)
    return text


class _Page(Asked):
    """So many entries."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class QuarantineQuery(_Page):
    """Those that come after `after`, the `next` of another page."""

    after: Annotated[Text, AfterValidator(_where_a_page_ended)] | None = None


class UnattributedQuery(_Page):
    """Those that come after `after`, the `next` of another page."""

    after: Annotated[Text, AfterValidator(_where_groups_ended)] | None = None


@router.get("/v1/usage/quarantine", openapi_extra=documented(QuarantineQuery))
async def quarantine(reader: ReaderDep, request: Request) -> Response:
    """What came too late or too early to be booked unseen, the longest waiting first.

    POST /v1/usage/quarantine/{id}/book or .../discard decides about one of them.
    """
    query = asked(request, QuarantineQuery)
    after = Place() if query.after is None else Place.parse(query.after)
    found, place = await quarantine_page(reader.context.ledger_pool, after, query.limit)
    shown = [quarantined(view) for view in found]
    return answer({"quarantine": shown, "next": None if place is None else str(place)})


@router.get("/v1/usage/unattributed", openapi_extra=documented(UnattributedQuery))
async def nobodys(reader: ReaderDep, request: Request) -> Response:
    """Sums of what is nobody's, by gateway, key and claim, with the reason."""
    query = asked(request, UnattributedQuery)
    after = groups.FIRST if query.after is None else groups.read(query.after)
    found, place = await groups.unattributed_page(reader.context.ledger_pool, after, query.limit)
    shown = [unattributed(view) for view in found]
    return answer({"unattributed": shown, "next": None if place is None else groups.written(place)})
