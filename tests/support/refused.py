"""What a refusal looks like (team-api.md 1.2), read strictly: nothing more, nothing less."""

from typing import Any, Literal

import httpx

Shape = Literal["A", "B", "C", "bare", "entry", "problem"]
"""`bare` is a text as `detail`; `entry` is the 404 of GET /audit/{id} (supporting-api.md 7).

`problem` is that of RFC 9457, of everything under /v1; what its `errors` tell is as of shape C.
"""


def assert_refused(response: httpx.Response, status: int, shape: Shape, says: str) -> None:
    """`says` stands in the text; for shape C that is `place: message (reason)` of an entry."""
    content = "application/problem+json" if shape == "problem" else "application/json"
    assert (response.status_code, response.headers["content-type"]) == (status, content)
    found, text = refusal(response)
    assert found == shape
    assert says in text
    assert response.headers["x-request-id"]
    assert "x-event-position" not in response.headers


def refusal(response: httpx.Response) -> tuple[Shape, str]:
    """The shape and the text of an answer that refuses; fails for one that has no known shape."""
    match response.json():
        case {"type": "about:blank", "title": str(), "status": status, "detail": str(text), **rest}:
            assert (status, rest.keys() - {"errors"}) == (response.status_code, set())
            told = [_told(entry) for entry in response.json().get("errors", ())]
            return "problem", "\n".join([text, *told])
        case {"error": {"message": str(text), "type": str(), "param": _, "code": code}, **rest}:
            assert (code, rest) == (str(response.status_code), {})
            assert len(response.json()["error"]) == 4
            return "B", text
        case {"detail": {"error": str(text), **inner}, **rest}:
            assert (inner, rest) == ({}, {})
            return "A", text
        case {"detail": {"message": str(text), **inner}, **rest}:
            assert (inner, rest) == ({}, {})
            return "entry", text
        case {"detail": [_, *_] as entries, **rest}:
            assert rest == {}
            return "C", "\n".join(_told(entry) for entry in entries)
        case {"detail": str(text), **rest}:
            assert rest == {}
            return "bare", text
    raise AssertionError(f"no shape of the contract: {response.text}")


def _told(entry: dict[str, Any]) -> str:
    assert entry.keys() - {"ctx"} == {"type", "loc", "msg", "input"}
    place = ".".join(str(step) for step in entry["loc"])
    reason = entry.get("ctx", {}).get("error")
    return f"{place}: {entry['msg']} ({reason})"
