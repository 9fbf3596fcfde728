"""A service on a database of its own, as tests over HTTP use it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

from services.database.embedded import EmbeddedServer
from tests.support.postgres import fresh_database
from tests.support.service import MASTER_KEY, ServiceProcess, Start, on_database

_CAUSED = """
SELECT count(*) FROM events.stored_events
WHERE notification_id > %s
AND convert_from(state, 'UTF8')::json -> 'meta' ->> 'causation_id' IS NULL
"""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Requests are made with the master key unless another one is given; None sends no key."""

    service: ServiceProcess
    database_url: str
    http: httpx.Client
    database: psycopg.Connection[tuple[Any, ...]]

    def get(self, path: str, key: str | None = MASTER_KEY, /, **query: str | int) -> httpx.Response:
        return self.http.get(path, params=query or None, headers=bearer(key))

    def post(
        self, path: str, body: object, key: str | None = MASTER_KEY, /, **headers: str
    ) -> httpx.Response:
        """Names of headers are written with underscores."""
        return self.send("POST", path, body, key, **headers)

    def send(
        self,
        method: str,
        path: str,
        body: object,
        key: str | None = MASTER_KEY,
        /,
        **headers: str,
    ) -> httpx.Response:
        """As `post`, by any method."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, path, json=body, headers={**bearer(key), **named})

    def done(self, path: str, body: object, key: str | None = MASTER_KEY, /, **headers: str) -> Any:  # noqa: ANN401
        """The answer to a write that has to be accepted, a POST unless `path` names a method."""
        method, _, rest = path.rpartition(" ")
        response = self.send(method or "POST", rest, body, key, **headers)
        assert response.status_code == 200, f"{path} {body}: {response.text}"
        return response.json()

    def shown(self, path: str, key: str | None = MASTER_KEY, /, **query: str | int) -> Any:  # noqa: ANN401
        """The answer to a GET that has to be accepted."""
        response = self.get(path, key, **query)
        assert response.status_code == 200, f"{path} {query}: {response.text}"
        return response.json()

    def user(self, user_id: str, role: str | None = None, **fields: object) -> str:
        """Make a user; his key."""
        made = self.done("/user/new", {"user_id": user_id, "user_role": role, **fields})
        return str(made["key"])

    def key(self, **fields: object) -> str:
        return str(self.done("/key/generate", fields)["key"])

    def position(self) -> int:
        """Up to which event a list of teams is answered."""
        return int(self.get("/team/list", limit=1).headers["x-event-position"])

    def stored(self) -> int:
        """How many events the database holds."""
        row = self.database.execute("SELECT count(*) FROM events.stored_events").fetchone()
        assert row is not None
        return int(row[0])

    def caused(self, after: int) -> int:
        """How many behind a position callers caused: what a deletion left to do may come any time.

        There is no gap in positions: the first `stored()` events are those up to that position.
        """
        row = self.database.execute(_CAUSED, (after,)).fetchone()
        assert row is not None
        return int(row[0])

    @contextmanager
    def nothing_stored(self) -> Iterator[None]:
        """Holds when what is done meanwhile adds nothing to the log."""
        before = self.stored()
        yield
        assert self.caused(before) == 0


def bearer(key: str | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key}"}


@contextmanager
def running_ledger(server: EmbeddedServer, start: Start, **env: str) -> Iterator[Ledger]:
    """A service that is stopped, gracefully, before its database goes."""
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(server))
        service = start({**on_database(url), **env})
        stack.callback(_stop, service)
        http = stack.enter_context(httpx.Client(base_url=service.base_url, timeout=30))
        database = stack.enter_context(psycopg.connect(url, autocommit=True))
        yield Ledger(service, url, http, database)


def _stop(service: ServiceProcess) -> None:
    if service.process.poll() is None:
        assert service.stop() == 0
