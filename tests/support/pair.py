"""Requests to two service processes on one database."""

from typing import Any

import httpx

from tests.support.service import MASTER_KEY

Clients = tuple[httpx.AsyncClient, httpx.AsyncClient]


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def post(client: httpx.AsyncClient, route: str, **body: object) -> httpx.Response:
    """The master's request, a POST unless the route names a method."""
    method, _, path = route.rpartition(" ")
    return await client.request(method or "POST", path, json=body, headers=bearer(MASTER_KEY))


async def done(client: httpx.AsyncClient, route: str, **body: object) -> Any:  # noqa: ANN401
    """The answer to a request of the master's that has to be accepted."""
    answer = await post(client, route, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()
