"""GET /v1/models and /models: what a key may be used for (auth.md 2, 3.2 and 5.1)."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.edge.body import answer
from services.edge.shapes.model import model_list
from services.projection.api.dependencies import POSITION_HEADER, ReaderDep, ReadRoute
from services.projection.queries.models import model_lists

router = APIRouter(route_class=ReadRoute, tags=["models"])


@router.get("/models")
@router.get("/v1/models")
async def models(reader: ReaderDep, request: Request) -> Response:  # noqa: ARG001
    """The models that the calling key may use: those that it and its team allow.

    Of a key of no team, those that its user may use. Where all are allowed, or a pattern, the
    models are those of TEAMLEDGER_MODELS. An access group is listed by its own name.
    """
    position, lists = await model_lists(reader.context.read_pool, reader.principal)
    content = model_list(lists.usable(reader.context.models))
    return answer(content, headers={POSITION_HEADER: str(position)})
