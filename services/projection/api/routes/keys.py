"""GET /key/info and POST /v2/key/info (supporting-api.md 2.3, auth.md 4, A06, A10, A11)."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.access.credentials import hash_key
from services.access.principal import Principal
from services.access.visibility import may_read_key
from services.edge.body import answer
from services.edge.errors import MANAGEMENT, ShapeB
from services.edge.requests.key import KeysRef
from services.edge.shapes.key import key_info, key_infos
from services.projection.api.asked import Asked, Text, asked, documented
from services.projection.api.dependencies import (
    POSITION_HEADER,
    AskedInBody,
    ReaderDep,
    ReadRoute,
)
from services.projection.queries.keys import FoundKey, find_key, find_keys

router = APIRouter(route_class=ReadRoute, tags=["keys"])
several = APIRouter(route_class=AskedInBody, tags=["keys"])


class InfoQuery(Asked):
    """A key, itself or its sha256; absent, it is the caller's own."""

    key: Text | None = None


@router.get("/key/info", openapi_extra=documented(InfoQuery))
async def info(reader: ReaderDep, request: Request) -> Response:
    """One key. Who may not read it gets the same 403 whether there is such a key or not (D09)."""
    principal, key = reader.principal, asked(request, InfoQuery).key
    token = principal.token if key is None else _token_of(key)
    position, found = await find_key(reader.context.read_pool, principal, token)
    if not principal.reads_everything and (found is None or not _may_read(principal, found)):
        text = f"You are not allowed to access this key's info. Your role={principal.shown_role}"
        raise ShapeB(403, text, family=MANAGEMENT)
    if found is None:
        raise ShapeB(404, "Key not found in database", "not_found_error", family=MANAGEMENT)
    content = key_info(found.view, key or token, reader.now, reader.context.zone)
    headers = {POSITION_HEADER: str(position), "etag": f'"{found.version}"'}
    return answer(content, headers=headers)


@several.post("/v2/key/info")
async def infos(reader: ReaderDep, body: KeysRef) -> Response:
    """Several keys, by the rule of /key/info for each (A11).

    Keys that the caller may not read are left out like those that do not exist.
    """
    principal, asked_for = reader.principal, dict.fromkeys(body.keys)
    tokens = [_token_of(key) for key in asked_for] or [""]
    position, found = await find_keys(reader.context.read_pool, principal, tokens)
    shown = {
        name: key.view
        for name, key in zip(asked_for, found, strict=False)
        if key is not None and _may_read(principal, key)
    }
    content = key_infos(shown, reader.now, reader.context.zone)
    return answer(content, headers={POSITION_HEADER: str(position)})


def _token_of(key: str) -> str:
    return hash_key(key) if key.startswith("sk-") else key.lower()


def _may_read(principal: Principal, found: FoundKey) -> bool:
    return may_read_key(
        principal, found.view.token, found.owner, found.team_role, found.permissions
    )
