"""GET /v1/reconcile: whether the ledger of usage agrees with itself (decision 010)."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.edge.body import answer
from services.projection.api.dependencies import ReaderDep, ReadRoute
from services.projection.api.reconciliation import reconciliation
from services.spend.reconcile import reconcile

router = APIRouter(route_class=ReadRoute, tags=["usage"])


@router.get("/v1/reconcile")
async def proof(reader: ReaderDep, request: Request) -> Response:  # noqa: ARG001
    """Everything that is summed and listed, computed again from the records, on one snapshot.

    200 whether it agrees or not; the first hundred differences are named, with both figures. It
    takes seconds for a million records, locks nothing, and is done for one caller at a time.
    """
    context = reader.context
    async with context.reconciling, context.ledger_pool.connection() as connection:
        return answer(reconciliation(await reconcile(connection)))
