"""The CLI's client: patience with 503, and one clear line for everything else."""

from collections.abc import Iterator

import httpx
import pytest

from services.cli.ledger_client import Answered, LedgerClient, ServiceRefused, connect

BUSY = httpx.Response(503, headers={"retry-after": "2"}, json={"error": {"message": "busy"}})


class Served:
    """Gives these answers one after the other, and notes what was sent and slept."""

    def __init__(self, *answers: httpx.Response) -> None:
        self._answers: Iterator[httpx.Response] = iter(answers)
        self.sent: list[httpx.Request] = []
        self.slept: list[float] = []
        transport = httpx.MockTransport(self._serve)
        http = httpx.Client(base_url="http://ledger", transport=transport)
        self.client = LedgerClient(http, "sk-own", sleep=self.slept.append)

    def _serve(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return next(self._answers)


def ok(content: object) -> httpx.Response:
    return httpx.Response(200, json=content)


def test_a_call_is_repeated_as_it_was_when_the_service_says_so() -> None:
    far = httpx.Response(503, headers={"retry-after": "3600"})
    vague = httpx.Response(503, headers={"retry-after": "soon"})
    served = Served(BUSY, far, vague, ok({"n": 1}))
    assert served.client.post("/team/new", {"a": 1}, idempotency_key="k") == {"n": 1}
    assert served.slept == [2.0, 5.0, 1.0]
    assert [request.content for request in served.sent] == [b'{"a":1}'] * 4
    assert {request.headers["idempotency-key"] for request in served.sent} == {"k"}


def test_patience_ends() -> None:
    served = Served(*[BUSY] * 5)
    with pytest.raises(Answered, match="/team/list answered 503: busy"):
        served.client.get("/team/list")
    assert len(served.slept) == 4


def test_ones_own_key_or_that_of_another() -> None:
    served = Served(ok(1), ok(2), ok(3))
    served.client.get("/team/info", team_id="a b")
    served.client.post("/team/new", {})
    served.client.post("/team/new", {}, "sk-other", litellm_changed_by="ceo@example.com")
    assert [request.headers["authorization"] for request in served.sent] == [
        *("Bearer sk-own", "Bearer sk-own", "Bearer sk-other")
    ]
    assert served.sent[0].url.query == b"team_id=a+b"
    assert served.sent[2].headers["litellm-changed-by"] == "ceo@example.com"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.Response(401, json={"error": {"message": "Invalid token"}}), "not accept the key"),
        (httpx.Response(401, json={"detail": {"error": "Only admin users can"}}), "not a proxy"),
        (httpx.Response(403, json={"error": {"message": "role= proxy_admin_viewer"}}), "not a pro"),
        (httpx.Response(401, json={"title": "No", "detail": "Wrong token"}), "key: Wrong token$"),
        (httpx.Response(404, text="<html>\n\x1b[31mno"), r"404: <html>\\n\\x1b\[31mno"),
        (httpx.Response(422, json={"detail": [{"msg": "bad"}]}), r'answered 422: \{"detail"'),
        (httpx.Response(200, text="<html>"), "something other than JSON"),
        (httpx.Response(500, text="x" * 5000), "^/team/new answered 500: x{300}$"),
    ],
)
def test_refusals_are_one_line(answer: httpx.Response, says: str) -> None:
    with pytest.raises(ServiceRefused, match=says) as refused:
        Served(answer).client.post("/team/new", {})
    assert "\n" not in str(refused.value)


def test_a_refusal_of_anothers_key_is_not_about_ones_own() -> None:
    answer = httpx.Response(403, json={"detail": {"error": "Call not allowed."}})
    with pytest.raises(Answered, match="answered 403: Call not allowed") as refused:
        Served(answer).client.post("/team/member_add", {}, "sk-other")
    assert refused.value.status == 403


@pytest.mark.parametrize("key", ["", "sk-a b", "sk-line\n", "sk-ümlaut", "sk-\x00"])
def test_a_key_that_cannot_be_sent(key: str) -> None:
    with pytest.raises(ServiceRefused, match="visible ASCII characters"):
        connect("http://127.0.0.1:4000", key)


def test_the_key_goes_into_the_header_that_the_service_reads() -> None:
    served = Served(ok(1))
    LedgerClient(served.client.http, "sk-own", "x-our-key").get("/team/list")
    assert served.sent[0].headers["x-our-key"] == "Bearer sk-own"
    assert "authorization" not in served.sent[0].headers
    for header in (None, "x-our-key"):
        found = connect("http://127.0.0.1:4000", "sk-own", header).header
        assert found == (header or "authorization")


def test_a_password_in_the_address_is_not_told() -> None:
    client = connect("http://ann:s3cret@127.0.0.1:1", "sk-own")
    assert client.address == "http://127.0.0.1:1"
    with client.http, pytest.raises(ServiceRefused, match="no answer from http://127") as refused:
        client.get("/v1/status")
    assert "s3cret" not in str(refused.value)
    with pytest.raises(ServiceRefused, match="no address of a service") as refused:
        connect("ftp://ann:s3cret@127.0.0.1:1", "sk-own")
    assert "s3cret" not in str(refused.value)
