"""Who is a browser, and how the key comes out of what it sends (RFC 7617)."""

from base64 import b64encode

import pytest
from starlette.requests import Request

from services.access.credentials import presented_key
from services.operation.browser import signed_in, wants_page

PAGE = "text/html,application/xhtml+xml,*/*;q=0.8"


def request(accept: str, authorization: str | None = None) -> Request:
    headers = [(b"accept", accept.encode())]
    if authorization is not None:
        headers.append((b"authorization", authorization.encode()))
    return Request({"type": "http", "method": "GET", "path": "/v1/status", "headers": headers})


def basic(told: bytes) -> str:
    return f"Basic {b64encode(told).decode()}"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (PAGE, True),
        ("application/json", False),
        ("application/json, text/html", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_browsers_get_a_page(accept: str, expected: bool) -> None:  # noqa: FBT001
    assert wants_page(request(accept)) == expected


@pytest.mark.parametrize("name", ["", "me", "jörg", "sk-1"])
def test_a_password_is_the_key_whatever_the_name(name: str) -> None:
    found = signed_in(request(PAGE, basic(f"{name}:sk-a:b".encode())))
    assert found.headers.getlist("authorization") == ["Bearer sk-a:b"]


def test_the_key_comes_to_where_keys_are_looked_for() -> None:
    found = signed_in(request(PAGE, basic(b"me:sk-1")), "X-Company-Key")
    assert presented_key(found.headers, "X-Company-Key") == "sk-1"
    assert "authorization" not in found.headers


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer sk-1",
        "Basic sk-1",
        "Basic",
        "Basic %%%",
        "Basic ä",
        basic(b"no colon"),
    ],
)
def test_anything_else_stays_as_it_is(authorization: str | None) -> None:
    asked = request(PAGE, authorization)
    assert signed_in(asked) is asked


def test_who_takes_json_is_no_browser() -> None:
    asked = request("application/json", basic(b"me:sk-1"))
    assert signed_in(asked) is asked
