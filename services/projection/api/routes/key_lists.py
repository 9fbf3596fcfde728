"""GET /key/list and /key/aliases: the keys that the caller may see, by pages.

See supporting-api.md 2.6, S09 and A06.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, get_args

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from events.values import JsonObject, Sealed
from services.access.principal import PROXY_ADMIN, Principal
from services.access.visibility import check_keys_in, check_keys_of
from services.edge.body import answer
from services.edge.errors import MANAGEMENT, ShapeB
from services.edge.shapes.key_list import deleted_key, listed_key, person
from services.edge.shapes.team import Deletion
from services.projection.api.asked import MAX_PAGE, Asked, Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.queries.key_lists import DeletedKey, ListedKey, Person
from services.projection.queries.key_statements import Column, KeyFilter, KeyOrder
from services.projection.queries.reading import Paging

router = APIRouter(route_class=ReadRoute, tags=["keys"])

_COLUMNS: Mapping[str, Column] = {name: name for name in get_args(Column)}


class KeysQuery(Asked):
    """Keys that meet all conditions; `key_hash` is a sha256, `key_alias` the whole alias.

    `sort_by` is spend, max_budget, created_at, updated_at, token or key_alias, `sort_order` asc or
    desc, `status` deleted, `expand` user.
    """

    page: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 10
    user_id: Text | None = None
    team_id: Text | None = None
    organization_id: Text | None = None
    key_hash: Text | None = None
    key_alias: Text | None = None
    return_full_object: bool = False
    include_team_keys: bool = False
    include_created_by_keys: bool = False
    sort_by: str | None = None
    sort_order: str = "desc"
    expand: str | None = None
    status: str | None = None
    project_id: Text | None = None
    access_group_id: Text | None = None

    def filter(self, principal: Principal, *, with_people: bool) -> KeyFilter:
        """Who does not see all keys sees those of one user: himself."""
        return KeyFilter(
            subject=self.user_id if principal.reads_everything else principal.user_id,
            of_teams=self.include_team_keys,
            made=self.include_created_by_keys,
            team_id=self.team_id,
            organization_id=self.organization_id,
            key_hash=self.key_hash,
            key_alias=self.key_alias,
            project_id=self.project_id,
            access_group_id=self.access_group_id,
            deleted=self.status == "deleted",
            with_people=with_people,
        )

    def order(self) -> KeyOrder:
        """The newest first if no column is named. Raises 400 for what is no column or direction."""
        column = _COLUMNS.get(self.sort_by or "created_at")
        direction = self.sort_order.lower()
        if column is None:
            raise _bad(f"Invalid sort column. Must be one of: {', '.join(_COLUMNS)}")
        if direction not in {"asc", "desc"}:
            raise _bad("Invalid sort order. Must be 'asc' or 'desc'")
        return KeyOrder() if self.sort_by is None else KeyOrder(column, direction == "desc")


@router.get("/key/list", openapi_extra=documented(KeysQuery))
async def page_of_keys(reader: ReaderDep, request: Request) -> Response:
    """One page of keys: their hashes, or with `return_full_object` or `expand=user` all of them.

    Admins and viewers see the keys of all, or what `user_id` would see; everybody else his own.
    To those come, with `include_team_keys`, the keys of teams that he administers or that let him
    list keys, and those without a user of all his teams; with `include_created_by_keys` those that
    he made. Void keys are not listed.
    """
    query, principal = asked(request, KeysQuery), reader.principal
    known = principal.user_id is not None
    check_keys_of(principal, query.user_id, query.organization_id, user_known=known)
    if query.status not in {None, "deleted"}:
        raise _bad("Invalid status value. Currently only 'deleted' is supported.")
    expanded = "user" in request.query_params.getlist("expand")
    wanted, paging = query.filter(principal, with_people=expanded), Paging(query.page, query.size)
    order, now = query.order(), reader.now
    found = await reader.context.key_pages.page(principal, wanted, order, paging, now)
    known = found.user_known
    check_keys_of(principal, query.user_id, query.organization_id, user_known=known)
    check_keys_in(principal, in_team=found.in_team)
    whole = expanded or query.return_full_object
    content = {
        "keys": await _items(reader, found.keys) if whole else [k.view.token for k in found.keys],
        "total_count": found.total,
        "current_page": paging.number,
        "total_pages": paging.pages(found.total),
    }
    return answer(content, headers={POSITION_HEADER: str(found.position)})


class AliasesQuery(Asked):
    """Aliases that hold `search`, in whatever case."""

    page: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50
    search: Text = ""


@router.get("/key/aliases", openapi_extra=documented(AliasesQuery))
async def page_of_aliases(reader: ReaderDep, request: Request) -> Response:
    """One page of aliases in their order: of all keys, or of the caller's own and his teams' keys.

    Which of his teams' keys, /key/list says with `include_team_keys`.
    """
    query, principal = asked(request, AliasesQuery), reader.principal
    check_keys_of(principal, None, None, user_known=principal.user_id is not None)
    subject = None if principal.reads_everything else principal.user_id
    wanted = KeyFilter(subject=subject, of_teams=subject is not None, alias_part=query.search)
    order, paging = KeyOrder("key_alias", descending=False), Paging(query.page, query.size)
    found = await reader.context.key_pages.page(principal, wanted, order, paging, reader.now)
    check_keys_of(principal, None, None, user_known=found.user_known)
    content = {
        "aliases": [key.view.settings["key_alias"] for key in found.keys],
        "total_count": found.total,
        "current_page": paging.number,
        "total_pages": paging.pages(found.total),
        "size": paging.size,
    }
    return answer(content, headers={POSITION_HEADER: str(found.position)})


async def _items(reader: Reader, keys: list[ListedKey]) -> list[JsonObject]:
    boxes = [claim for key in keys if (claim := _claim(key.deletion)) is not None]
    claims = await reader.context.vault.open_all(boxes) if boxes else {}
    spent = await _spent(reader, keys)
    return [_item(reader, key, spend, claims) for key, spend in zip(keys, spent, strict=True)]


async def _spent(reader: Reader, keys: Sequence[ListedKey]) -> list[Decimal]:
    """Of each key in its present window, or in the one that it ended in."""
    spending, now = reader.context.spending, reader.now
    spenders = await spending.of_keys([key.record.life for key in keys])
    moments = [now if key.deletion is None else key.deletion.at for key in keys]
    return await spending.at(spenders, moments, now)


def _item(
    reader: Reader, key: ListedKey, spend: Decimal, claims: Mapping[Sealed, str | None]
) -> JsonObject:
    end = key.deletion
    if end is not None:
        claim = _claim(end)
        by_whom = None if claim is None else claims[claim]
        deletion = Deletion(end.id, end.at, end.by, end.by_key, by_whom)
        return deleted_key(key.view, deletion, reader.context.zone, spend=spend)
    maker = key.maker if reader.principal.reads_everything else None
    return listed_key(
        key.view,
        reader.now,
        reader.context.zone,
        spend=spend,
        user=_person(key.owner),
        created_by_user=_person(maker),
    )


def _person(found: Person | None) -> JsonObject | None:
    return None if found is None else person(found.user_id, found.email, found.alias)


def _claim(deletion: DeletedKey | None) -> Sealed | None:
    """On whose behalf a key was deleted, where it counts: by a proxy admin (D46)."""
    if deletion is None or deletion.claim is None or deletion.by_role != PROXY_ADMIN:
        return None
    return Sealed.model_validate(deletion.claim)


def _bad(text: str) -> ShapeB:
    return ShapeB(400, text, family=MANAGEMENT)
