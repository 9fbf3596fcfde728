"""The router's map knows the routes of both sides, and its limits are those of the processes."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from services.command.api.app import ROUTERS as COMMANDS
from services.database.connections import REPORT_SECONDS
from services.edge.errors import RETRY_AFTER_SECONDS, TITLES, too_large
from services.projection.api import ROUTERS as READS
from services.settings import Settings

ROUTER = Path(__file__).parents[2] / "deploy/router"
LONGEST_WAIT = 10
_MAP = re.compile(r'^map ("[^"]*"|\S+) \$(\w+) \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"""^\s*("[^"]*"|\S+)\s+("[^"]*"|'[^']*'|\S+?);$""", re.MULTILINE)


class Maps:
    """The maps of one file, evaluated as nginx does: exactly, then by pattern, then by default."""

    def __init__(self, name: str) -> None:
        text = (ROUTER / name).read_text()
        self._maps = {
            target: (source.strip('"'), [_bare(*entry) for entry in _ENTRY.findall(body)])
            for source, target, body in _MAP.findall(text)
        }

    def value(self, name: str, **given: str) -> str:
        if name in given:
            return given[name]
        source, entries = self._maps[name]
        chosen = _chosen(self._filled(source, given), entries)
        return self._filled(chosen, given)

    def _filled(self, text: str, given: dict[str, str]) -> str:
        return re.sub(r"\$(\w+)", lambda found: self.value(found[1], **given), text)


def _bare(key: str, value: str) -> tuple[str, str]:
    return key.strip('"'), value.strip("\"'")


def _chosen(asked: str, entries: list[tuple[str, str]]) -> str:
    for key, value in entries:
        if key != "default" and not key.startswith("~") and key.lower() == asked.lower():
            return value
    for key, value in entries:
        if key.startswith("~") and re.search(key[1:], asked):
            return value
    return dict(entries)["default"]


def routes(routers: Iterable[APIRouter]) -> Iterator[tuple[str, str]]:
    for router in routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in route.methods or ():
                yield method, route.path


def example(path: str, identity: str) -> str:
    return re.sub(r"\{[^}]*\}", identity, path)


SIDES = [("commands", *route) for route in routes(COMMANDS)] + [
    ("reads", *route) for route in routes(READS)
]


@pytest.mark.parametrize("identity", ["x", "a/b", "v1/decide", "budget/info"])
def test_every_route_is_sent_to_the_side_that_has_it(identity: str) -> None:
    maps = Maps("routes.conf")
    sent = {
        (method, path): maps.value("side", request_method=method, uri=example(path, identity))
        for _, method, path in SIDES
    }
    assert sent == {(method, path): side for side, method, path in SIDES}


def test_what_may_be_sent_again_is_what_changes_nothing() -> None:
    maps = Maps("routes.conf")
    handlers = {
        maps.value("handler", request_method=method, uri=example(path, "x"))
        for _, method, path in SIDES
        if method not in {"GET", "POST", "PATCH"}  # nginx never sends these two again
    }
    assert handlers == {"once"}


def test_limits_of_bodies_are_those_of_the_processes() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    limits = re.findall(r"client_max_body_size (\d+);", (ROUTER / "nginx.conf").read_text())
    expected = [str(defaults[name]) for name in ("max_body_bytes", "max_usage_bytes")]
    assert limits == expected
    answers = Maps("answers.conf")
    for uri, limit in zip(("/team/new", "/v1/usage"), expected, strict=True):
        text = answers.value("answer_text", status="413", request_uri=uri)
        assert text == too_large(int(limit)).text


def test_processes_give_up_before_the_router_does() -> None:
    found = re.search(r"proxy_read_timeout (\d+)s;", (ROUTER / "nginx.conf").read_text())
    assert found is not None
    deadline = Settings.model_fields["command_deadline"].default
    assert max(deadline, REPORT_SECONDS) < int(found[1]) < LONGEST_WAIT


@pytest.mark.parametrize("status", [404, 405, 413, 503])
def test_titles_and_pauses_are_those_of_the_processes(status: int) -> None:
    answers = Maps("answers.conf")
    assert answers.value("answer_title", status=str(status)) == TITLES[status]
    pause = answers.value("retry_after", status=str(status))
    assert pause == (RETRY_AFTER_SECONDS if status == 503 else "")
