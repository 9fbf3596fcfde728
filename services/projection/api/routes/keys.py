"""GET /key/info and POST /v2/key/info (supporting-api.md 2.3, auth.md 4, A06, A10, A11)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from events.streams import KEY
from services.access.principal import Principal
from services.edge.body import answer
from services.edge.requests.key import KeysRef
from services.edge.shapes.key import key_info, key_infos
from services.projection.api.asked import Text, asked, documented
from services.projection.api.dependencies import (
    POSITION_HEADER,
    AskedInBody,
    Reader,
    ReaderDep,
    ReadRoute,
)
from services.projection.api.past import AskedAsOf, as_of, seeing_all
from services.projection.api.readable import may_read, readable_key, token_of
from services.projection.past.scope import Scope
from services.projection.queries.keys import FoundKey

router = APIRouter(route_class=ReadRoute, tags=["keys"])
several = APIRouter(route_class=AskedInBody, tags=["keys"])


class InfoQuery(AskedAsOf):
    """A key, itself or its sha256; absent, it is the caller's own."""

    key: Text | None = None


@router.get("/key/info", openapi_extra=documented(InfoQuery))
async def info(reader: ReaderDep, request: Request) -> Response:
    """One key. Who may not read it gets the same 403 whether there is such a key or not (D09).

    With `as_of` the key as it was then, for whoever may read it now.
    """
    query = asked(request, InfoQuery)
    token = reader.principal.token if query.key is None else token_of(query.key)
    today = partial(_today, reader, token)
    async with as_of(reader, query.as_of, Scope.of(KEY, token), today) as at:
        return await _info(at, token, query.key or token)


async def _today(reader: Reader, token: str) -> Principal:
    if reader.principal.reads_everything:
        return reader.principal
    await readable_key(reader, token)
    return seeing_all(reader.principal)


async def _info(reader: Reader, token: str, named: str) -> Response:
    position, found = await readable_key(reader, token)
    now = reader.now
    [spent] = await _spent(reader, [found], now)
    content = key_info(found.view, named, now, reader.context.zone, spend=spent)
    headers = {POSITION_HEADER: str(position), "etag": f'"{found.version}"'}
    return answer(content, headers=headers)


@several.post("/v2/key/info")
async def infos(reader: ReaderDep, body: KeysRef) -> Response:
    """Several keys, by the rule of /key/info for each (A11).

    Keys that the caller may not read are left out like those that do not exist.
    """
    principal, asked_for = reader.principal, dict.fromkeys(body.keys)
    tokens = [token_of(key) for key in asked_for] or [""]
    position, found = await reader.context.keys.several(principal, tokens)
    readable = {
        name: key
        for name, key in zip(asked_for, found, strict=False)
        if key is not None and may_read(principal, key)
    }
    now = reader.now
    spent = await _spent(reader, list(readable.values()), now)
    shown = {
        name: (key.view, spend) for (name, key), spend in zip(readable.items(), spent, strict=True)
    }
    content = key_infos(shown, now, reader.context.zone)
    return answer(content, headers={POSITION_HEADER: str(position)})


async def _spent(reader: Reader, found: Sequence[FoundKey], now: datetime) -> list[Decimal]:
    spenders = await reader.context.spending.of_keys([key.record.life for key in found])
    return await reader.context.spending.now(spenders, now)
