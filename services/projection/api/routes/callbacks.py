"""GET /team/{team_id}/callback (team-api.md 4, register D23)."""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from events.values import JsonObject
from services.edge.body import answer
from services.edge.errors import ShapeB
from services.edge.shapes.team import logging
from services.projection.api.asked import Asked, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, ReaderDep, ReadRoute
from services.projection.queries.teams import Question

router = APIRouter(route_class=ReadRoute, tags=["teams"])

_TOLD_OF: Mapping[str, tuple[str, ...]] = {
    "success_callbacks": ("success", "success_and_failure"),
    "failure_callbacks": ("failure", "success_and_failure"),
}


class CallbackPath(Asked):
    """The team that is asked for; its id may hold slashes."""

    team_id: Text


@router.get("/team/{team_id:path}/callback", openapi_extra=documented(CallbackPath))  # noqa: FAST003
async def callbacks(reader: ReaderDep, request: Request) -> Response:
    """Where the team's calls are logged to; of secrets only their masks."""
    team_id = asked(request, CallbackPath).team_id
    position, found = await reader.context.teams.whole(Question.of(reader.principal, team_id))
    if found is None:
        raise ShapeB(404, f"Team id = {team_id} does not exist.")
    data = {"team_id": team_id, **_told(logging(found.record.view.settings["callbacks"]))}
    headers = {POSITION_HEADER: str(position), "etag": f'"{found.record.version}"'}
    return answer({"status": "success", "data": data}, headers=headers)


def _told(held: Sequence[JsonObject]) -> JsonObject:
    names = {
        field: list(dict.fromkeys(c["callback_name"] for c in held if c["callback_type"] in types))
        for field, types in _TOLD_OF.items()
    }
    variables = {name: value for c in held for name, value in c["callback_vars"].items()}
    return {**names, "callback_vars": variables}
