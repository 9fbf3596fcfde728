"""Requests as a client of another project sends them: with headers of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx


class RefusedError(Exception):
    """An answer that is not 200."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"{response.request.url.path} {response.status_code}: {response.text}")
        self.response = response
        self.status = response.status_code
        self.text = response.text


@dataclass(frozen=True, slots=True)
class Wire:
    """One connection of a client; every answer but 200 is raised, as every one of them does."""

    http: httpx.Client

    def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401
        return self._answer(self.http.get(path, params=query or None))

    def post(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401
        return self._answer(self.http.post(path, json=body))

    @staticmethod
    def _answer(response: httpx.Response) -> Any:  # noqa: ANN401
        if response.status_code != 200:
            raise RefusedError(response)
        return response.json()


Connect = Callable[[dict[str, str]], Wire]
