"""Bodies in and out: JSON checked before anybody looks at it, answers as orjson writes them."""

from collections.abc import Callable, Coroutine, Mapping
from json import JSONDecodeError
from typing import Any

import orjson
from fastapi import HTTPException
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from services.edge.requests.common import MAX_JSON_DEPTH, check_json, parse_json


def answer(
    content: object,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """A JSON answer; numbers that JSON does not have become null.

    Raises TypeError for a value that orjson does not know, and for integers beyond 64 bits.
    """
    return Response(orjson.dumps(content), status, headers, media_type)


class LedgerRequest(Request):
    """A request whose JSON is safe to store; depth is bounded by `app.state.max_json_depth`."""

    async def json(self) -> Any:  # noqa: ANN401
        """The parsed body.

        Raises JSONDecodeError for what is no JSON, NaN and Infinity included, and HTTPException
        422 for JSON that is too deep or holds text that cannot be stored. FastAPI parses before
        it authenticates, and answers the former in shape C too (team-api.md 1.1, step 2).
        """
        if not hasattr(self, "_json"):
            self._json = self._checked(await self.body())
        return self._json

    def _checked(self, raw: bytes) -> object:
        depth: int = getattr(self.app.state, "max_json_depth", MAX_JSON_DEPTH)
        try:
            body = parse_json(raw, depth)
            check_json(body, depth)
        except JSONDecodeError:
            raise
        except ValueError as error:
            raise HTTPException(422, [_entry(str(error))]) from error
        return body


def _entry(text: str) -> dict[str, object]:
    return {"type": "json_invalid", "loc": ["body"], "msg": text, "input": {}}


class LedgerRoute(APIRoute):
    """The class of every route: `APIRouter(route_class=LedgerRoute)`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return await handle(LedgerRequest(request.scope, request.receive))

        return handler
