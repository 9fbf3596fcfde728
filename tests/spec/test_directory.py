"""A request gets the route that it would get if routes were tried one after another."""

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from services.command.api.app import ROUTERS as COMMANDS
from services.edge.directory import Directory
from services.projection.api import ROUTERS as READS

ROUTERS = (*COMMANDS, *READS)
ROUTES = [r for router in ROUTERS for r in router.routes if isinstance(r, APIRoute)]
NAMED = [(method, r.path) for r in ROUTES for method in r.methods or ()]


def scope_of(method: str, path: str) -> Scope:
    return {"type": "http", "method": method, "path": path, "root_path": ""}


@pytest.mark.parametrize(("method", "path"), NAMED)
def test_the_first_route_that_matches_is_found(method: str, path: str) -> None:
    plain = path.replace("{", "").replace("}", "").replace(":path", "")
    found, child = Directory(ROUTERS).matches(scope_of(method, plain))
    first = next(r for r in ROUTES if r.matches(scope_of(method, plain))[0] is Match.FULL)
    if first.param_convertors:
        assert found is Match.NONE
    else:
        assert (found, child["route"], child["endpoint"]) == (Match.FULL, first, first.endpoint)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nowhere"), ("PUT", "/team/new"), ("POST", "/team/new/")]
)
def test_what_is_not_here_is_left_to_others(method: str, path: str) -> None:
    assert Directory(ROUTERS).matches(scope_of(method, path)) == (Match.NONE, {})


def test_what_is_no_request_is_left_to_others() -> None:
    scope = {"type": "websocket", "path": "/team/new", "root_path": ""}
    assert Directory(ROUTERS).matches(scope) == (Match.NONE, {})
