"""GET /openapi.json: made when it is first asked for, the same bytes ever after; public."""

from collections.abc import Callable
from functools import cache

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from events.values import JsonObject

PATH = "/openapi.json"


def serve_description(app: FastAPI, make: Callable[[], JsonObject]) -> None:
    """Add the route. It runs beside the event loop, which a first answer would hold up."""

    @cache
    def text() -> bytes:
        return orjson.dumps(make())

    def described(_: Request) -> Response:
        return Response(text(), media_type="application/json")

    app.add_route(PATH, described, include_in_schema=False)
