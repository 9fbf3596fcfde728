"""Users by pages, users to choose from, and the roles there are (supporting-api.md 3.3, A12)."""

from collections.abc import Mapping
from typing import Annotated, get_args

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from events.values import JsonObject
from services.access.policy import standing
from services.access.principal import (
    INTERNAL_USER,
    INTERNAL_VIEWER,
    PROXY_ADMIN,
    VIEWER,
    AccessRefused,
    Principal,
)
from services.access.rules import POLICY
from services.access.visibility import organizations_listed
from services.edge.body import answer
from services.edge.errors import ShapeA
from services.edge.shapes.user import listed_user
from services.projection.api.asked import Paged, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, ReaderDep, ReadRoute
from services.projection.queries.reading import Paging
from services.projection.queries.user_lists import Column, UserFilter, UserOrder, pick_users

router = APIRouter(route_class=ReadRoute, tags=["users"])

_COLUMNS: Mapping[str, Column] = {name: name for name in get_args(Column)}
ROLES = {
    PROXY_ADMIN: ("Admin (All Permissions)", "may do everything"),
    VIEWER: ("Admin (View Only)", "may see everything"),
    INTERNAL_USER: ("Internal User (Create/Delete/View)", "has own keys, sees own spend"),
    INTERNAL_VIEWER: ("Internal Viewer (View Only)", "sees own keys and own spend"),
}
"""Label and description of each role a user can have."""


class UsersQuery(Paged):
    """Users that meet all conditions.

    `user_ids` and `sso_user_ids` are separated by commas; a single user id is looked for as a part
    of one, as `user_email` is of an address. `team` is the id of a team of theirs,
    `organization_ids` are organizations of which they are in one, separated by commas.
    """

    role: Text | None = None
    user_ids: Text | None = None
    sso_user_ids: Text | None = None
    user_email: Text | None = None
    team: Text | None = None
    organization_ids: Text | None = None
    page_size: Annotated[int, Field(ge=1, le=100)] = 25
    sort_by: str | None = None
    sort_order: str = "asc"

    def filter(self, principal: Principal) -> UserFilter:
        """Raises the 403 of who asks only for organizations that he does not administer."""
        named = _separated(self.user_ids)
        single = named[0] if named is not None and len(named) == 1 else None
        return UserFilter(
            role=self.role or None,
            id_part=single,
            user_ids=None if single is not None else named,
            sso_user_ids=_separated(self.sso_user_ids),
            email_part=self.user_email or None,
            team_id=self.team or None,
            organization_ids=organizations_listed(principal, _separated(self.organization_ids)),
            seen_in=None if principal.reads_everything else tuple(sorted(principal.administers)),
        )

    def order(self) -> UserOrder:
        """The newest first if no column is named. Raises 400 for what is no column or direction."""
        column = _COLUMNS.get(self.sort_by or "created_at")
        direction = self.sort_order.lower()
        if column is None:
            raise bad_order("column", f"one of: {', '.join(_COLUMNS)}")
        if direction not in {"asc", "desc"}:
            raise bad_order("order", "'asc' or 'desc'")
        return UserOrder() if not self.sort_by else UserOrder(column, direction == "desc")


class PickQuery(Paged):
    """Parts of the id and of the address, in any case; `team_id` is the whole id of a team."""

    user_id: Text | None = None
    user_email: Text | None = None
    team_id: Text | None = None
    page_size: Annotated[int, Field(ge=1, le=100)] = 50


@router.get("/user/list", openapi_extra=documented(UsersQuery))
async def page_of_users(reader: ReaderDep, request: Request) -> Response:
    """One page of users with the number of keys in force that each owns.

    Admins of organizations see the users of these, or of those of them that `organization_ids`
    names, and of each only the teams that are there.
    """
    if not POLICY["/user/list"].admits & standing(reader.principal):
        raise no_list()
    query = asked(request, UsersQuery)
    order, paging = query.order(), Paging(query.page, query.page_size)
    wanted = query.filter(reader.principal)
    now, zone = reader.now, reader.context.zone
    found = await reader.context.user_pages.page(wanted, order, paging, now)
    spent = await reader.context.spending.now([user.spender for user, _ in found.users], now)
    content = {
        "users": [
            listed_user(user.view, keys, now, zone, spend=spend)
            for (user, keys), spend in zip(found.users, spent, strict=True)
        ],
        "total": found.total,
        "page": paging.number,
        "page_size": paging.size,
        "total_pages": paging.pages(found.total),
    }
    return answer(content, headers={POSITION_HEADER: str(found.position)})


@router.get("/user/filter/ui", openapi_extra=documented(PickQuery))
async def filter_ui(reader: ReaderDep, request: Request) -> Response:
    """One page of users to choose from, the newest first.

    For admins, viewers, admins of an organization and team admins; with `team_id` only for admins
    of that team or of its organization.
    """
    query = asked(request, PickQuery)
    wanted = UserFilter(
        id_part=query.user_id or None,
        email_part=query.user_email or None,
        team_id=query.team_id or None,
    )
    paging = Paging(query.page, query.page_size)
    found = await pick_users(reader.context.read_pool, reader.principal, wanted, paging)
    if not found.allowed:
        raise no_search()
    content = [{"user_id": user_id, "user_email": email} for user_id, email in found.users]
    return answer(content, headers={POSITION_HEADER: str(found.position)})


@router.get("/user/available_roles")
async def available_roles(reader: ReaderDep, request: Request) -> Response:  # noqa: ARG001 - see ReadRoute
    """The roles that a user can be given."""
    return answer(shown_roles())


def shown_roles() -> JsonObject:
    """The roles by name."""
    return {role: {"description": d, "ui_label": u} for role, (u, d) in ROLES.items()}


def no_list() -> AccessRefused:
    """The refusal of who is no admin."""
    text = "Only proxy admins and organization admins can list users."
    return AccessRefused(403, text, body="A")


def no_search() -> AccessRefused:
    """The refusal of who administers nothing."""
    return AccessRefused(403, "Only proxy admins and team admins can search users.", body="A")


def bad_order(what: str, allowed: str) -> ShapeA:
    """The refusal of a column or direction that is none."""
    return ShapeA(400, f"Invalid sort {what}. Must be {allowed}")


def _separated(text: str | None) -> tuple[str, ...] | None:
    parts = [part.strip() for part in (text or "").split(",")]
    return tuple(part for part in parts if part) or None
