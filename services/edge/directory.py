"""Finds the route of a request by its path: trying one after another takes 0.1 ms and more."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette._utils import get_route_path
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


class Directory(BaseRoute):
    """All routes without parameters in their paths. What is not here is for others to match."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        self._routes: dict[tuple[str, str], APIRoute] = {}
        for router in routers:
            for route in router.routes:
                if isinstance(route, APIRoute) and not route.param_convertors:
                    for method in route.methods or ():
                        self._routes.setdefault((method, route.path), route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        route = self._routes.get((scope["method"], get_route_path(scope)))
        if route is None:
            return Match.NONE, {}
        return Match.FULL, {"endpoint": route.endpoint, "route": route, "path_params": {}}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["route"].app(scope, receive, send)


def include(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Add the routes of these routers, in their order."""
    routers = list(routers)
    app.router.routes.insert(0, Directory(routers))
    for router in routers:
        app.include_router(router)
