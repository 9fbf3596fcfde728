"""A client of the change feed, as an event source is specified (WHATWG HTML, 9.2)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from tests.support.ledger import Ledger, bearer


@dataclass(frozen=True, slots=True)
class Told:
    """One server-sent event; `data` is JSON."""

    id: str
    event: str
    data: Any


@contextmanager
def stream(
    ledger: Ledger, key: str, last: str | None = None, **query: str | int
) -> Iterator[Iterator[Told]]:
    """The events of one connection, which is closed in the end."""
    headers = {**bearer(key), "accept": "text/event-stream"}
    if last is not None:
        headers["last-event-id"] = last
    with ledger.http.stream("GET", "/v1/events", params=query, headers=headers) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield _events(response)


def _events(response: httpx.Response) -> Iterator[Told]:
    fields: dict[str, str] = {}
    last = ""
    for line in response.iter_lines():
        if not line:
            if "data" in fields:
                last = fields.get("id", last)
                yield Told(last, fields.get("event", "message"), orjson.loads(fields["data"]))
            fields = {}
            continue
        name, _, value = line.partition(":")
        if name:
            fields[name] = value.removeprefix(" ")
