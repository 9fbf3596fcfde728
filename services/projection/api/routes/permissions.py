"""GET /team/permissions_list: what members of a team may do (team-api.md 3.17, D04, D09, D18)."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.access.policy import check_team
from services.access.principal import Towards
from services.edge.body import answer
from services.edge.errors import ShapeA
from services.edge.shapes.permissions import permissions_list
from services.projection.api.asked import Asked, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, ReaderDep, ReadRoute
from services.projection.queries.standing import team_standing

router = APIRouter(route_class=ReadRoute, tags=["teams"])


class PermissionsQuery(Asked):
    """The team that is asked for."""

    team_id: Text = ""


@router.get("/team/permissions_list", openapi_extra=documented(PermissionsQuery))
async def list_permissions(reader: ReaderDep, request: Request) -> Response:
    """The permissions in effect, whether they are the default, and all that could be given.

    For proxy admins and admins of the team or of its organization. Strangers get the same 403
    whether the team exists or not; 404 is for those who see every team.
    """
    team_id, principal = asked(request, PermissionsQuery).team_id, reader.principal
    position, found = await team_standing(reader.context.read_pool, principal, team_id)
    if found is None and principal.reads_everything:
        raise ShapeA(
            404,
            f"Team doesn't exist in db. Team={team_id}. Create team via `/team/new` call.",
        )
    team = Towards(team_id) if found is None else found.towards
    check_team("/team/permissions_list", principal, team)
    stored = [] if found is None else found.permissions
    return answer(permissions_list(team_id, stored), headers={POSITION_HEADER: str(position)})
