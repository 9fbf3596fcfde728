"""What nginx itself answers as deploy/router configures it, and what it never sends again."""

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.router import ROUTER, Router, require_nginx, running_router
from tests.support.service import free_port
from tests.support.silent import Silent, silent_server

UNKNOWN = "The service did not answer, outcome: unknown"
NOT_EXECUTED = "The service cannot be reached, outcome: not executed"
LATER = "The service cannot answer right now, try again"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A router in front of processes of either side, none of which ever answers."""

    router: Router
    commands: list[Silent]
    reads: list[Silent]

    def received(self, side: str) -> list[str]:
        """The methods of all requests that came to it."""
        silent: list[Silent] = getattr(self, side)
        return [method for server in silent for method in server.received]


@pytest.fixture
def unanswered() -> Iterator[Unanswered]:
    with ExitStack() as stack:
        servers = [stack.enter_context(silent_server()) for _ in range(4)]
        commands, reads = servers[:2], servers[2:]
        router = running_router([s.port for s in commands], [s.port for s in reads])
        yield Unanswered(stack.enter_context(router), commands, reads)


@pytest.fixture(scope="module")
def alone() -> Iterator[Router]:
    """A router behind which nobody listens."""
    with running_router([free_port(), free_port()], [free_port(), free_port()]) as router:
        yield router


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/team/new"),
        ("POST", "/v1/usage"),
        ("PATCH", "/organization/update"),
        ("DELETE", "/organization/delete"),
        ("PUT", "/team/new"),
    ],
)
def test_what_may_have_been_executed_is_not_sent_again(
    unanswered: Unanswered, method: str, path: str
) -> None:
    with unanswered.router.client() as client:
        told = client.request(method, path, json={})
    assert (told.status_code, told.headers["retry-after"]) == (503, "1")
    assert UNKNOWN in told.text
    assert (unanswered.received("commands"), unanswered.received("reads")) == ([method], [])


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_nor_are_decisions_and_what_gives_them_back(unanswered: Unanswered, method: str) -> None:
    path = {"POST": "/v1/decide", "DELETE": "/v1/reservations/x"}[method]
    with unanswered.router.client() as client:
        assert client.request(method, path, json={}).json()["detail"] == LATER
    assert (unanswered.received("commands"), unanswered.received("reads")) == ([], [method])


@pytest.mark.parametrize("path", ["/team/list", "/v1/events", "/v1/reconcile"])
def test_a_read_is_tried_elsewhere(unanswered: Unanswered, path: str) -> None:
    with unanswered.router.client() as client:
        told = client.get(path)
    assert (told.status_code, told.headers["retry-after"]) == (503, "1")
    assert unanswered.received("reads") == ["GET"] * 3


def test_where_nobody_could_be_asked_nothing_was_executed(alone: Router) -> None:
    """Also not while nginx leaves processes out without asking them."""
    with alone.client() as client:
        told = [client.post("/team/new", json={}) for _ in range(5)]
        assert [answer.status_code for answer in told] == [503] * 5
        assert {answer.json()["error"]["message"] for answer in told} == {NOT_EXECUTED}
        assert client.delete("/v1/webhooks/x").json()["detail"] == NOT_EXECUTED
        assert client.get("/v1/teams/x/history").json()["detail"] == LATER


class Well(BaseHTTPRequestHandler):
    """Answers 200 to every POST."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@contextmanager
def answering(port: int) -> Iterator[None]:
    """A process that listens there until the end."""
    with HTTPServer(("127.0.0.1", port), Well) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def test_who_was_left_out_is_asked_before_nobody_is() -> None:
    """One process was replaced and has come back; the router is yet to notice as the next ends."""
    first, second = free_port(), free_port()
    router = running_router([first, second], [free_port(), free_port()])
    with router as running, running.client() as client:
        with answering(second):
            told = [client.post("/team/new", json={}).status_code for _ in range(10)]
        with answering(first):
            told += [client.post("/team/new", json={}).status_code for _ in range(10)]
    assert told == [200] * 20


def test_what_cannot_be_had_is_told_in_the_shape_of_its_path(alone: Router) -> None:
    with alone.client() as client:
        ours, theirs, models = (client.get(p) for p in ("/v1/spend", "/team/list", "/v1/models"))
    for told in (ours, theirs, models):
        assert told.headers["cache-control"] == "no-store"
        assert len(told.headers["x-request-id"]) == 32
    assert ours.headers["content-type"] == "application/problem+json"
    about = {"type": "about:blank", "title": "Service Unavailable", "status": 503}
    assert ours.json() == {**about, "detail": LATER}
    error = {"message": LATER, "type": "service_unavailable", "param": None, "code": "503"}
    assert theirs.json() == models.json() == {"error": error}


LONG = b"y" * 40_000
RAW = {
    "no HTTP": (b"NONSENSE\r\n\r\n", 400),
    "a header that is too large": (b"GET / HTTP/1.1\r\nhost: a\r\nx: %b\r\n\r\n" % LONG, 400),
    "an address that is too long": (b"GET /%b HTTP/1.1\r\nhost: a\r\n\r\n" % LONG, 414),
    "a path above the root": (b"GET /v1/../.. HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    "TRACE": (b"TRACE /team/list HTTP/1.1\r\nhost: a\r\n\r\n", 405),
    "a version that nobody knows": (b"GET /team/list HTTP/3.7\r\nhost: a\r\n\r\n", 505),
    "a coding that nobody knows": (
        b"POST /team/new HTTP/1.1\r\nhost: a\r\ntransfer-encoding: odd\r\n\r\n",
        501,
    ),
    "what the router keeps to itself": (
        b"GET /_answer/error HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        404,
    ),
}


@pytest.mark.parametrize("sent", RAW)
def test_what_nginx_refuses_itself_is_json(alone: Router, sent: str) -> None:
    raw, expected = RAW[sent]
    status, body = exchanged(alone, raw)
    assert status == expected
    if expected in {404, 405}:
        assert body.keys() == {"detail"}
    else:
        assert body["error"]["code"] == str(expected)


def test_the_addresses_of_the_compose_file_are_taken_as_well(tmp_path: Path) -> None:
    shutil.copytree(ROUTER, tmp_path / "router")
    shutil.copytree(ROUTER / "compose", tmp_path / "router/site", dirs_exist_ok=True)
    upstreams = tmp_path / "router/site/upstreams.conf"
    upstreams.write_text(re.sub(r"\w+-\d:4000", "127.0.0.1:4000", upstreams.read_text()))
    checked = [require_nginx(), "-e", "stderr", "-p", str(tmp_path), "-t"]
    subprocess.run([*checked, "-c", str(tmp_path / "router/nginx.conf")], check=True, timeout=30)


def exchanged(router: Router, raw: bytes) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer to these bytes."""
    with socket.create_connection(("127.0.0.1", router.port), timeout=10) as connection:
        connection.sendall(raw)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)
