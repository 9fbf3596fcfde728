"""A small application on the edge of the real one: the bodies of some recorded requests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query
from httpx import ASGITransport, AsyncClient
from starlette.requests import Request
from starlette.responses import Response

from services.edge.app import EdgeSettings, create_app
from services.edge.body import LedgerRoute, answer
from services.edge.errors import ShapeB
from services.edge.requests.member import MemberAdd
from services.edge.requests.team import DeleteTeams, NewTeam
from tests.contract.cases import Case, load

CASES: dict[str, Case] = {case.name: case for case in load()}
AUTHORIZED = {"Authorization": "Bearer sk-1234"}
JSON = {"content-type": "application/json"}
NO_KEY = "Authentication Error, No api key passed in."


async def authenticate(request: Request) -> None:
    """Stands for the real dependency: it looks at the header and nothing else."""
    if "authorization" not in request.headers:
        raise ShapeB(401, NO_KEY)


def app_raising(error: Exception | None = None, **settings: Any) -> FastAPI:  # noqa: ANN401
    """An application with the routes of some recorded cases, and one that raises `error`."""
    app = create_app(EdgeSettings(**settings))
    router = APIRouter(route_class=LedgerRoute, dependencies=[Depends(authenticate)])

    @router.post("/team/new")
    async def new(body: NewTeam) -> Response:
        return answer({"team_id": body.team_id})

    @router.post("/team/member_add")
    async def add(body: MemberAdd) -> Response:
        return answer({"team_id": body.team_id})

    @router.post("/team/delete")
    async def delete(body: DeleteTeams) -> Response:
        return answer({"deleted_teams": body.team_ids})

    @router.get("/v2/team/list")
    async def listed(page: Annotated[int, Query(ge=1)] = 1) -> Response:
        return answer({"page": page})

    @router.post("/echo")
    async def echo(request: Request) -> Response:
        return answer([await request.json(), await request.json()])

    @router.get("/raise/{name}")
    async def raising(name: str) -> Response:
        raise error or LookupError(name)

    for prefix in ("", "/v1"):
        app.include_router(router, prefix=prefix)
    return app


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(app=app)
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def replay(name: str) -> tuple[int, Any]:
    """Status and body that the small application answers to a recorded request."""
    sent = CASES[name].request
    async with client_of(app_raising()) as client:
        answered = await client.request(
            sent.method, sent.path, headers={**JSON, **sent.headers}, content=sent.content
        )
    return answered.status_code, answered.json()


async def answer_to(error: Exception, *, strict: bool = False) -> tuple[int, Any]:
    async with client_of(app_raising(error, strict=strict)) as client:
        answered = await client.get("/raise/x", headers=AUTHORIZED)
    return answered.status_code, answered.json()


def recorded(name: str) -> tuple[Any, Any]:
    response = CASES[name].response
    assert response is not None
    return response["status"], response["body"]


async def post(
    app: FastAPI, content: bytes | AsyncIterator[bytes], path: str = "/team/new", **headers: str
) -> tuple[int, Any]:
    sent = {name.encode(): value.encode("latin-1") for name, value in (JSON | headers).items()}
    async with client_of(app) as client:
        answered = await client.post(path, content=content, headers=sent)
    return answered.status_code, answered.json()
