"""How a request is made wrong on purpose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OPEN = "master"
"""Whose key is presented: that of the operator."""


@dataclass(frozen=True)
class Provocation:
    """How a request differs from the example of its operation; None leaves as it is.

    `key` names whose key is presented: see the fixture of the test.
    """

    body: Any = None
    query: Mapping[str, str] | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str = OPEN
    content: bytes | None = None


def sends(method: str, path: str, **bodies: Any) -> dict[tuple[str, str, str], Provocation]:  # noqa: ANN401
    return {
        (method, path, name): body if isinstance(body, Provocation) else Provocation(body)
        for name, body in bodies.items()
    }


def posts(path: str, **bodies: Any) -> dict[tuple[str, str, str], Provocation]:  # noqa: ANN401
    return sends("POST", path, **bodies)


def gets(path: str, **queries: Any) -> dict[tuple[str, str, str], Provocation]:  # noqa: ANN401
    return {
        ("GET", path, name): query
        if isinstance(query, Provocation)
        else Provocation(query={**query})
        for name, query in queries.items()
    }
